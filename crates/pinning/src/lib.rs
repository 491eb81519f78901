//! A TLS server's certificate that is configured itself.
//!
//! `openssl req -x509` marks a certificate as an authority's unless told otherwise, and the usual verifier refuses such a
//! one as a server's, even where it is the very certificate that the client was told to trust. A certificate that is,
//! byte for byte, one of the configured ones needs nobody's signature: [`pinning`] takes it, as long as it is valid now
//! and has the server's name. Anything else is judged by the usual verifier alone.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

#[cfg(test)]
mod tests;

/// The verifier `usual`, which trusts the `configured` certificates already, and each of them as a server's own, too.
pub fn pinning(
    usual: Arc<dyn ServerCertVerifier>,
    configured: Vec<CertificateDer<'static>>,
) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Pinning { usual, configured })
}

#[derive(Debug)]
struct Pinning {
    usual: Arc<dyn ServerCertVerifier>,
    configured: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Pinning {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self
            .usual
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match usual {
            // The usual verifier has looked at its validity by then: a test holds it to that.
            Err(error) if is_authority(&error) && self.configured.iter().any(|known| known == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// Is the only thing wrong with the certificate that it is an authority's? The error is webpki's own, which rustls hands
/// on without a name.
fn is_authority(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            format!("{:?}", other.0) == "CaUsedAsEndEntity"
        }
        _ => false,
    }
}
