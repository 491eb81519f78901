//! The configuration: what the operator wrote, exactly ([`KbsConfig`]). `docs/config.md` lists every
//! key, `deploy/config/kbs-full.toml` shows them all.
//!
//! Keys of older versions are put in today's place first (`upgrade`); any other unknown key stops
//! the start with a suggestion.

mod attestation;
mod http;
mod plugins;
mod upgrade;

use std::path::{Path, PathBuf};

use daemon::config::{ConfigError, Loaded};
use serde::Deserialize;
use serde_json::Value;
use storage::{StorageConfig, StorageType};

pub use attestation::{AttestationServiceConfig, AttestationServiceType};
pub use http::{HttpServerConfig, MetricsConfig};
pub use plugins::{PluginConfig, SamplePluginConfig};

use crate::admin::AdminConfig;
use crate::audit::AuditConfig;
use crate::decisions::DecisionsConfig;
use crate::token::AttestationTokenConfig;

/// The whole configuration file. Every table may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KbsConfig {
    /// Listeners and TLS.
    pub http_server: HttpServerConfig,
    /// Where `/metrics` is served.
    pub metrics: MetricsConfig,
    /// Who may administer. Left out: nobody.
    pub admin: AdminConfig,
    /// Which attestation tokens are trusted.
    pub attestation_token: AttestationTokenConfig,
    /// Who appraises evidence.
    pub attestation_service: AttestationServiceConfig,
    /// Where policies and resources are kept.
    pub storage_backend: StorageConfig,
    /// Sessions are kept in memory; other values are accepted with a warning.
    pub session_storage_type: Option<StorageType>,
    /// The policy that decides what is released.
    pub resource_policy: ResourcePolicyConfig,
    /// Where what was done is written down.
    pub audit: AuditConfig,
    /// What is remembered of attestations and releases.
    pub decisions: DecisionsConfig,
    /// What is served below `/kbs/v0/` besides the protocol itself.
    pub plugins: Vec<PluginConfig>,
}

/// The policy that decides what is released.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourcePolicyConfig {
    /// Rego text to begin with when no policy is stored yet.
    pub initial_file: Option<PathBuf>,
}

impl KbsConfig {
    /// Reads a file in TOML, JSON or YAML.
    ///
    /// # Errors
    /// The file cannot be read, or does not say what this version understands.
    pub fn load(path: &Path) -> Result<Loaded<Self>, Box<ConfigError>> {
        let value = daemon::config::load::<Value>(path, &[]).map_err(Box::new)?.config;
        Self::from_value(value).map_err(|error| Box::new(renamed(*error, path)))
    }

    /// Reads text as if it had been a file with this `extension`.
    ///
    /// # Errors
    /// As [`KbsConfig::load`].
    pub fn from_text(text: &str, extension: &str) -> Result<Loaded<Self>, Box<ConfigError>> {
        let value = daemon::config::load_str::<Value>(text, extension, &[]).map_err(Box::new)?;
        Self::from_value(value.config)
    }

    fn from_value(mut value: Value) -> Result<Loaded<Self>, Box<ConfigError>> {
        let warnings = upgrade::upgrade(&mut value);
        let loaded = daemon::config::load_str::<Self>(&value.to_string(), "json", &[]).map_err(Box::new)?;
        Ok(Loaded {
            config: loaded.config,
            warnings,
        })
    }
}

/// The error under the name of the file it is about.
fn renamed(error: ConfigError, path: &Path) -> ConfigError {
    let name = path.display().to_string();
    match error {
        ConfigError::Invalid {
            key, hint, source, ..
        } => ConfigError::Invalid {
            name,
            key,
            hint,
            source,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests;
