//! `[[plugins]]`. Every documented plugin and key is known, so that a file never fails on a name; what
//! this version does not have, it refuses at start and says so.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::backends::ResourceConfig;

/// One plugin, told apart by `name`.
#[derive(Debug, Deserialize)]
#[serde(tag = "name")]
pub enum PluginConfig {
    /// Secrets: `resource/<repository>/<type>/<tag>`.
    #[serde(rename = "resource", alias = "ResourceStorage")]
    Resource(Box<ResourceConfig>),
    /// Answers every request of an administrator with a fixed text.
    #[serde(rename = "sample", alias = "Sample")]
    Sample(SamplePluginConfig),
    /// Not in this version.
    #[serde(rename = "nebula-ca", alias = "NebulaCaPlugin")]
    NebulaCa(NebulaCaPluginConfig),
    /// Not in this version.
    #[serde(rename = "pkcs11", alias = "Pkcs11")]
    Pkcs11(Pkcs11PluginConfig),
    /// Not in this version.
    #[serde(rename = "external", alias = "ExternalPlugin")]
    External(ExternalPluginConfig),
    /// Not in this version.
    #[serde(rename = "provisioner", alias = "Provisioner")]
    Provisioner(ProvisionerPluginConfig),
}

impl PluginConfig {
    /// The first segment of the paths the plugin serves.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Resource(_) => "resource",
            Self::Sample(_) => "sample",
            Self::NebulaCa(_) => "nebula-ca",
            Self::Pkcs11(_) => "pkcs11",
            Self::External(_) => "external",
            Self::Provisioner(_) => "provisioner",
        }
    }
}

/// The sample plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplePluginConfig {
    /// Accepted and not used, as in the existing implementation.
    pub item: Option<String>,
}

macro_rules! not_in_this_version {
    ($(#[$doc:meta])* $name:ident { $($key:ident),* $(,)? }) => {
        $(#[$doc])*
        // Refused by its name, whatever its keys are.
        #[derive(Debug, Deserialize)]
        #[allow(missing_docs, reason = "the names are those of the configuration file")]
        pub struct $name { $(pub $key: Option<IgnoredAny>,)* }
    };
}

not_in_this_version! {
    /// The Nebula CA plugin.
    NebulaCaPluginConfig { work_dir, nebula_cert_bin_path, ca_config, self_signed_ca }
}
not_in_this_version! {
    /// The PKCS #11 plugin.
    Pkcs11PluginConfig { module, slot_index, pin, rsa_mechanism, lookup_label }
}
not_in_this_version! {
    /// Plugins in other processes.
    ExternalPluginConfig { backends }
}
not_in_this_version! {
    /// The provisioner plugin.
    ProvisionerPluginConfig { key_length }
}
