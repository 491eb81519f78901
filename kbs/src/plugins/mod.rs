//! What is served below `/kbs/v0/` besides the protocol itself. One file a plugin, one line a plugin in
//! [`Plugins::open`].

mod resource;
mod sample;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::Method;
use jose::Secret;
use storage::StorageConfig;

use crate::admin::AdminGrant;
use crate::backends::BackendSetupError;
use crate::config::PluginConfig;
use crate::error::KbsError;
use crate::metrics::Metrics;
use crate::resource::ReleasePermit;

/// A plugin. What it gives an administrator goes out as it is; what it gives a guest is a [`Secret`],
/// and only sealed to that guest does it go out.
#[async_trait]
pub trait Plugin: Send + Sync {
    /// Who may ask this.
    fn access(&self, method: &Method, path: &[String]) -> Access;

    /// Does what an administrator asks.
    async fn administer(&self, grant: &AdminGrant, request: AdminRequest<'_>) -> Result<Reply, KbsError>;

    /// Gives what the permit was made for.
    async fn release(&self, permit: &ReleasePermit<'_>) -> Result<Secret, KbsError>;

    /// Whether the plugin could answer now.
    async fn is_ready(&self) -> bool {
        true
    }
}

/// Who may ask something of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Administrators.
    Administrator,
    /// Guests, as far as the resource policy lets them.
    Guest,
    /// Nobody: there is no such method. Carries those there are.
    Nobody(&'static str),
}

/// What an administrator asks.
pub struct AdminRequest<'a> {
    /// GET, POST, PUT or DELETE.
    pub method: &'a Method,
    /// The segments after the plugin's name.
    pub path: &'a [String],
    /// The body.
    pub body: Bytes,
}

/// What an administrator gets.
pub struct Reply {
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A body of the type existing clients expect from every plugin.
    fn plain(body: impl Into<Bytes>) -> Self {
        Self {
            content_type: "text/xml",
            body: body.into(),
        }
    }
}

/// The plugins by name.
pub struct Plugins {
    by_name: HashMap<&'static str, Box<dyn Plugin>>,
}

impl Plugins {
    /// Opens what is configured, for resources of up to `resource_limit` bytes. Of two tables with one name the last
    /// counts.
    ///
    /// # Errors
    /// A plugin is not in this version, or what it needs cannot be opened.
    pub fn open(
        configs: &[PluginConfig],
        storage: &StorageConfig,
        resource_limit: usize,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, PluginSetupError> {
        let mut by_name: HashMap<&'static str, Box<dyn Plugin>> = HashMap::new();
        for config in configs {
            let plugin: Box<dyn Plugin> = match config {
                PluginConfig::Resource(config) => {
                    let backend = crate::backends::open(config, storage, resource_limit)?;
                    Box::new(resource::ResourcePlugin::new(backend, Arc::clone(metrics)))
                }
                PluginConfig::Sample(_) => Box::new(sample::SamplePlugin),
                PluginConfig::NebulaCa(_)
                | PluginConfig::Pkcs11(_)
                | PluginConfig::External(_)
                | PluginConfig::Provisioner(_) => {
                    return Err(PluginSetupError::NotInThisVersion(config.name()));
                }
            };
            if by_name.insert(config.name(), plugin).is_some() {
                tracing::warn!(
                    plugin = config.name(),
                    "plugin configured twice: the last table counts"
                );
            }
        }
        Ok(Self { by_name })
    }

    /// The plugin that serves the paths that begin with `name`, under its own name.
    pub fn get(&self, name: &str) -> Option<(&'static str, &dyn Plugin)> {
        let (name, plugin) = self.by_name.get_key_value(name)?;
        Some((name, plugin.as_ref()))
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Whether all could answer now.
    pub async fn are_ready(&self) -> bool {
        for plugin in self.by_name.values() {
            if !plugin.is_ready().await {
                return false;
            }
        }
        true
    }
}

/// Why the plugins cannot be opened: the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum PluginSetupError {
    /// Documented elsewhere, absent here.
    #[error(
        "plugin `{0}` is not in this version: remove its [[plugins]] table (there are `resource` and `sample`)"
    )]
    NotInThisVersion(&'static str),
    /// The place of the resources.
    #[error(transparent)]
    Backend(#[from] BackendSetupError),
}
