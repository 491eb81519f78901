//! The certificate that a server shows, with its key.
//!
//! Whether a certificate is good is for the clients to judge. The server only has to see to it that the key is the
//! certificate's: rustls does that with a parser which refuses X.509 v1, the version that `openssl x509 -req` makes
//! unless it is told of extensions. For such a one the key is compared here.

use std::path::Path;
use std::sync::Arc;

use der::{Decode, Encode};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};
use x509_cert::Certificate;
use x509_cert::certificate::Version;

/// The chain of the file `name`, shown with `key`.
pub(super) fn identity(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
    name: &Path,
) -> Result<Arc<SingleCertAndKey>, Error> {
    let Some(certificate) = chain.first().and_then(version_1) else {
        let usual = CertifiedKey::from_der(chain, key, provider)?;
        return Ok(Arc::new(usual.into()));
    };
    let key = provider.key_provider.load_private_key(key)?;
    let public = certificate.tbs_certificate.subject_public_key_info.to_der();
    let fits = key
        .public_key()
        .is_some_and(|own| public.is_ok_and(|public| own.as_ref() == public));
    if !fits {
        return Err(InconsistentKeys::KeyMismatch.into());
    }
    tracing::warn!(
        certificate = %name.display(),
        "the TLS certificate is X.509 version 1, without a subjectAltName: kbs-client and other clients built on rustls \
         refuse it. Make it again with `openssl x509 -req … -extfile FILE`, and `subjectAltName=DNS:<name>` in FILE"
    );
    Ok(Arc::new(CertifiedKey::new(chain, key).into()))
}

/// The certificate, if it is of version 1.
fn version_1(der: &CertificateDer<'_>) -> Option<Certificate> {
    let certificate = Certificate::from_der(der).ok()?;
    (certificate.tbs_certificate.version == Version::V1).then_some(certificate)
}
