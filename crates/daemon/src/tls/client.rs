//! The gRPC client's side.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use serde::Deserialize;

use super::reload::Reloading;
use super::{TlsError, pem};

/// Whom a client trusts, and how it presents itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsClientConfig {
    /// PEM file with the authorities of the server's certificate, or that certificate itself. There are no others.
    pub ca: PathBuf,
    /// PEM file with the client's certificate chain, for mutual TLS.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    #[serde(default)]
    pub private_key: Option<PathBuf>,
    /// The name to find in the server's certificate, if it is not the host of the address.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// TLS of a client, in force until its files change and then as the new ones say.
pub struct ClientTls {
    reloading: Reloading<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl TlsClientConfig {
    /// Reads the files and checks everything.
    ///
    /// # Errors
    /// A file or a setting cannot be used.
    pub fn load(&self) -> Result<ClientTls, TlsError> {
        let server_name = self.server_name.as_deref().map(server_name).transpose()?;
        let files = [
            Some(&self.ca),
            self.certificate.as_ref(),
            self.private_key.as_ref(),
        ];
        let files = files.into_iter().flatten().cloned().collect();
        let settings = self.clone();
        let reloading = Reloading::new(files, move || settings.build())?;
        Ok(ClientTls {
            reloading,
            server_name,
        })
    }

    fn build(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = Arc::new(pem::anchors(&self.ca)?);
        let usual = WebPkiServerVerifier::builder_with_provider(anchors, Arc::clone(&provider))
            .build()
            .map_err(|error| TlsError::ServerVerifier(error.to_string()))?;
        let verifier = pinning::pinning(usual, pem::certificates(&self.ca)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match (&self.certificate, &self.private_key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(pem::certificates(certificate)?, pem::private_key(key)?)
                .map_err(|source| TlsError::BadIdentity {
                    certificate: certificate.clone(),
                    private_key: key.clone(),
                    source,
                })?,
            _ => return Err(TlsError::HalfIdentity),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

impl ClientTls {
    /// What a connection made now is to use. Looks whether the files changed, so it may read them.
    pub fn current(&self) -> Arc<ClientConfig> {
        self.reloading.check();
        self.reloading.current()
    }

    /// The name to find in the certificate of the server at `host`.
    ///
    /// # Errors
    /// `host` is neither a DNS name nor an IP address.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => server_name(host),
        }
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    // An IPv6 address of a URI is in brackets.
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::BadServerName(name.to_owned()))
}
