//! The server's side.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, SupportedProtocolVersion};
use serde::Deserialize;

use super::reload::Reloading;
use super::{TlsError, identity, names, pem};

/// How a server presents itself and whom it lets in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsServerConfig {
    /// PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with its private key: PKCS #8, SEC 1 or PKCS #1.
    pub private_key: PathBuf,
    /// PEM file with the authorities of client certificates. If set, a client without one is refused.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// A starting point for the versions.
    #[serde(default)]
    pub profile: TlsProfile,
    /// The lowest version, instead of the profile's.
    #[serde(default)]
    pub min_version: Option<TlsVersion>,
    /// The highest version, instead of the profile's.
    #[serde(default)]
    pub max_version: Option<TlsVersion>,
    /// Cipher suites by OpenSSL's or IANA's names, separated by colons, for all enabled versions.
    #[serde(default)]
    pub ciphers: Option<String>,
    /// Key exchange groups by OpenSSL's names, separated by colons; `auto` for all there are.
    #[serde(default)]
    pub groups: Option<String>,
}

/// Named sets of TLS settings (after Mozilla's server side TLS guidelines, version 5).
///
/// As rustls has neither versions below 1.2 nor weak suites, `old` and `intermediate` come out alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsProfile {
    /// TLS 1.2 and 1.3.
    Old,
    /// TLS 1.2 and 1.3.
    #[default]
    Intermediate,
    /// TLS 1.3 only.
    Modern,
    /// As the other settings say; TLS 1.2 and 1.3 where they say nothing.
    Custom,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V13,
}

/// TLS of a server, in force until its files change and then as the new ones say.
pub struct ServerTls {
    reloading: Arc<Reloading<ServerConfig>>,
}

impl TlsServerConfig {
    /// The plain settings: this certificate and key, no client certificates, profile `intermediate`.
    pub fn new(certificate: PathBuf, private_key: PathBuf) -> Self {
        Self {
            certificate,
            private_key,
            client_ca: None,
            profile: TlsProfile::default(),
            min_version: None,
            max_version: None,
            ciphers: None,
            groups: None,
        }
    }

    /// Reads the files and checks everything. What deserves a warning is logged.
    ///
    /// # Errors
    /// A file or a setting cannot be used.
    pub fn load(&self) -> Result<ServerTls, TlsError> {
        for warning in self.warnings()? {
            tracing::warn!("{warning}");
        }
        let files = [
            Some(&self.certificate),
            Some(&self.private_key),
            self.client_ca.as_ref(),
        ];
        let files = files.into_iter().flatten().cloned().collect();
        let settings = self.clone();
        let reloading = Reloading::new(files, move || settings.build())?;
        Ok(ServerTls {
            reloading: Arc::new(reloading),
        })
    }

    /// What the operator should know about settings that are accepted all the same.
    ///
    /// # Errors
    /// A setting cannot be used.
    pub fn warnings(&self) -> Result<Vec<String>, TlsError> {
        let (_, mut warnings) = self.provider(&self.versions()?)?;
        let custom = [
            self.min_version.is_some(),
            self.max_version.is_some(),
            self.ciphers.is_some(),
            self.groups.as_deref().is_some_and(|groups| groups != "auto"),
        ];
        if self.profile != TlsProfile::Custom && custom.contains(&true) {
            warnings.push("TLS versions, cipher suites or groups are set beside a profile other than `custom`, and win over it".into());
        }
        Ok(warnings)
    }

    fn build(&self) -> Result<ServerConfig, TlsError> {
        let versions = self.versions()?;
        let (provider, _) = self.provider(&versions)?;
        let provider = Arc::new(provider);
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let anchors = Arc::new(pem::anchors(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(anchors, Arc::clone(&provider))
                    .build()
                    .map_err(|error| TlsError::ClientVerifier(error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = pem::certificates(&self.certificate)?;
        let key = pem::private_key(&self.private_key)?;
        let identity = identity::identity(chain, key, &provider, &self.certificate);
        let identity = identity.map_err(|source| TlsError::BadIdentity {
            certificate: self.certificate.clone(),
            private_key: self.private_key.clone(),
            source,
        })?;
        let mut config = builder.with_cert_resolver(identity);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        let floor = if self.profile == TlsProfile::Modern {
            TlsVersion::V13
        } else {
            TlsVersion::V12
        };
        let range = self.min_version.unwrap_or(floor)..=self.max_version.unwrap_or(TlsVersion::V13);
        let versions: Vec<_> = [
            (TlsVersion::V13, &rustls::version::TLS13),
            (TlsVersion::V12, &rustls::version::TLS12),
        ]
        .into_iter()
        .filter_map(|(version, supported)| range.contains(&version).then_some(supported))
        .collect();
        if versions.is_empty() {
            Err(TlsError::EmptyVersionRange)
        } else {
            Ok(versions)
        }
    }

    /// `ring`, narrowed to the configured suites and groups, and warnings about what is left out.
    fn provider(
        &self,
        versions: &[&SupportedProtocolVersion],
    ) -> Result<(CryptoProvider, Vec<String>), TlsError> {
        let mut provider = rustls::crypto::ring::default_provider();
        let mut warnings = Vec::new();
        if let Some(list) = &self.ciphers {
            let versions: Vec<_> = versions.iter().map(|version| version.version).collect();
            let (suites, warning) = names::suites(list, &versions)?;
            provider.cipher_suites = suites;
            warnings.extend(warning);
        }
        if let Some(list) = &self.groups {
            let (groups, warning) = names::groups(list)?;
            provider.kx_groups = groups;
            warnings.extend(warning);
        }
        Ok((provider, warnings))
    }
}

impl ServerTls {
    /// What a connection accepted now is to use.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.reloading.current()
    }

    /// Looks every `interval` whether the files changed, for as long as this value lives. Needs a Tokio
    /// runtime.
    pub(crate) fn watch_files(&self, interval: Duration) {
        let reloading: Weak<_> = Arc::downgrade(&self.reloading);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(reloading) = reloading.upgrade() else {
                    return;
                };
                // File systems can be slow; the runtime's workers are not to wait for them.
                let _ = tokio::task::spawn_blocking(move || reloading.check()).await;
            }
        });
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}
