//! Reading certificates and keys from PEM files.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// The certificates of a file, in order; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let broken = || TlsError::NotPem {
        path: path.to_owned(),
        wanted: "certificate",
    };
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| broken())?;
    if chain.is_empty() {
        Err(broken())
    } else {
        Ok(chain)
    }
}

/// The first private key of a file: PKCS #8, SEC 1 or PKCS #1.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| TlsError::NotPem {
        path: path.to_owned(),
        wanted: "private key",
    })
}

/// All certificates of a file as trust anchors.
pub(super) fn anchors(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut anchors = RootCertStore::empty();
    for certificate in certificates(path)? {
        anchors.add(certificate).map_err(|source| TlsError::BadAnchor {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(anchors)
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, TlsError> {
    std::fs::read(path)
        .map(zeroize::Zeroizing::new)
        .map_err(|source| TlsError::Unreadable {
            path: path.to_owned(),
            source,
        })
}
