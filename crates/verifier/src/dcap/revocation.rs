//! Revocation lists (RFC 5280, section 5): of the root CA, and of the two CAs of PCK certificates.

use super::{DcapError, SCHEME};
use crate::x509::{Certificate, Validity, seconds, signed_part};
use der::Decode;
use std::collections::HashSet;
use x509_cert::crl::CertificateList;

/// A list that its CA signed.
#[derive(Debug)]
pub(super) struct RevocationList {
    /// From its issue to the issue of the next.
    pub(super) validity: Validity,
    /// The key that signed it.
    pub(super) issuer_key: Option<[u8; 65]>,
    /// Serial numbers.
    revoked: HashSet<Vec<u8>>,
}

impl RevocationList {
    /// Verifies that `issuer` made the list.
    pub(super) fn verify(der: &[u8], issuer: &Certificate) -> Result<Self, DcapError> {
        let malformed = |_| DcapError::RevocationList("it is malformed");
        let list = CertificateList::from_der(der).map_err(malformed)?;
        let signed = signed_part(der).map_err(malformed)?;
        let tbs = &list.tbs_cert_list;
        if tbs.issuer != *issuer.subject() {
            return Err(DcapError::RevocationList("it is of another CA"));
        }
        let same_algorithm = list.signature_algorithm == tbs.signature;
        let signature = same_algorithm.then(|| list.signature.as_bytes()).flatten();
        if !issuer.signed_bytes(signed, &list.signature_algorithm, signature, SCHEME) {
            return Err(DcapError::RevocationList("its signature is not valid"));
        }
        let entries = tbs.revoked_certificates.as_deref().unwrap_or_default();
        let of_entries = entries
            .iter()
            .flat_map(|entry| entry.crl_entry_extensions.iter().flatten());
        let mut extensions = tbs.crl_extensions.iter().flatten().chain(of_entries);
        if extensions.any(|extension| extension.critical) {
            return Err(DcapError::RevocationList("it has an unknown critical extension"));
        }
        let next = tbs
            .next_update
            .ok_or(DcapError::RevocationList("it has no end"))?;
        Ok(Self {
            validity: Validity {
                from: seconds(tbs.this_update),
                until: seconds(next),
            },
            issuer_key: issuer.p256_key(),
            revoked: entries
                .iter()
                .map(|entry| entry.serial_number.as_bytes().to_vec())
                .collect(),
        })
    }

    pub(super) fn names(&self, serial: &[u8]) -> bool {
        self.revoked.contains(serial)
    }
}
