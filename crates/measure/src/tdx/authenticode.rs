//! The hash of a PE image that a firmware measures (Microsoft, "Windows Authenticode Portable Executable Signature
//! Format", section "Calculating the PE image hash"): everything but the checksum, the entry of the certificate table,
//! and the certificates.

use sha2::{Digest as _, Sha384};

use super::TdxError;
use crate::{
    Digest,
    bytes::{index_at, u16_at},
};

/// More sections than any image has.
const MAX_SECTIONS: usize = 256;

const OPTIONAL_HEADER: usize = 24;
const CHECKSUM: usize = OPTIONAL_HEADER + 64;
const SECTION: usize = 40;

/// The hash.
pub(super) fn sha384(image: &[u8]) -> Result<Digest, TdxError> {
    read(image).ok_or(TdxError::NotPe("its headers are malformed"))
}

fn read(image: &[u8]) -> Option<Digest> {
    let pe = index_at(image, 0x3c).filter(|_| image.starts_with(b"MZ"))?;
    if image.get(pe..pe.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let sections = usize::from(u16_at(image, pe + 6)?);
    let optional_size = usize::from(u16_at(image, pe + 20)?);
    let directories = match u16_at(image, pe + OPTIONAL_HEADER)? {
        0x10b => OPTIONAL_HEADER + 96,
        0x20b => OPTIONAL_HEADER + 112,
        _ => return None,
    };
    let headers_end = index_at(image, pe + OPTIONAL_HEADER + 60)?;
    let directory_count = index_at(image, pe + directories - 4)?;
    let mut hash = Sha384::new();
    hash.update(image.get(..pe + CHECKSUM)?);
    // The fifth directory is that of certificates. It may be missing.
    let certificates = pe + directories + 4 * 8;
    let certificates_size = if directory_count > 4 {
        hash.update(image.get(pe + CHECKSUM + 4..certificates)?);
        hash.update(image.get(certificates + 8..headers_end)?);
        index_at(image, certificates + 4)?
    } else {
        hash.update(image.get(pe + CHECKSUM + 4..headers_end)?);
        0
    };
    let mut hashed = headers_end;
    if sections > MAX_SECTIONS {
        return None;
    }
    let table = pe + OPTIONAL_HEADER + optional_size;
    let mut parts = (0..sections)
        .map(|number| {
            let entry = table + number * SECTION;
            Some((index_at(image, entry + 20)?, index_at(image, entry + 16)?))
        })
        .collect::<Option<Vec<_>>>()?;
    parts.retain(|(_, size)| *size > 0);
    parts.sort_unstable();
    for (start, size) in parts {
        hash.update(image.get(start..start.checked_add(size)?)?);
        hashed = hashed.checked_add(size)?;
    }
    // What follows the sections, up to the certificates at the end.
    let end = image.len().checked_sub(certificates_size)?;
    if end > hashed {
        hash.update(image.get(hashed..end)?);
    }
    Some(hash.finalize().into())
}
