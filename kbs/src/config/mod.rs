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
        daemon::config::load_upgraded(path, upgrade::upgrade).map_err(Box::new)
    }

    /// Reads text as if it had been a file with this `extension`.
    ///
    /// # Errors
    /// As [`KbsConfig::load`].
    pub fn from_text(text: &str, extension: &str) -> Result<Loaded<Self>, Box<ConfigError>> {
        daemon::config::load_str_upgraded(text, extension, upgrade::upgrade).map_err(Box::new)
    }
}

#[cfg(test)]
mod tests;
