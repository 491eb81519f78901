//! Which servers are believed to be who they say they are.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::ClientError;

/// The certificates in a PEM text; at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| ClientError::Setup("no PEM root certificate in the file".into()))
}

/// TLS that trusts what the machine trusts, and `more`: authorities, or the servers' own certificates.
pub(super) fn config(more: Vec<CertificateDer<'static>>) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = pinning::pinning(usual(&more, &provider)?, more);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup)?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn usual(
    more: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in more {
        roots.add(certificate.clone()).map_err(setup)?;
    }
    match Verifier::new_with_extra_roots(more.iter().cloned(), Arc::clone(provider)) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        // A machine without a certificate store can still have the given ones.
        Err(_) if !more.is_empty() => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            Ok(verifier.build().map_err(setup)?)
        }
        Err(error) => Err(setup(error)),
    }
}

fn setup(error: impl std::fmt::Display) -> ClientError {
    ClientError::Setup(format!("the root certificates cannot be used: {error}"))
}
