//! The configuration file, as its operator wrote it.

use daemon::{config::Retired, tls::TlsServerConfig};
use serde::Deserialize;
use storage::StorageConfig;

/// The whole file. Everything may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the reference values are kept. Default: in memory, lost when the process ends.
    pub storage: StorageConfig,
    /// Settings of the extractors.
    pub extractors: Option<ExtractorsConfig>,
    /// TLS of the gRPC listener; with `client_ca`, callers must have a certificate. Default: plain HTTP/2.
    pub tls: Option<TlsServerConfig>,
}

/// Settings of the extractors. None has any in this version; the documented keys are accepted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExtractorsConfig {
    /// For the type `swid`.
    pub swid_extractor: Option<SwidExtractorConfig>,
}

/// The type `swid` has no options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwidExtractorConfig {}

/// Keys that older files carry. They never took effect in the versions that we follow, either.
pub const RETIRED_KEYS: &[Retired] = &[
    Retired {
        path: "storage.type",
        note: "use `storage.storage_type`",
    },
    Retired {
        path: "storage.file_path",
        note: "use `storage.storage_type = \"LocalJson\"` and `storage.backends.local_json.file_dir_path`; \
               without them the values are kept in memory only",
    },
    Retired {
        path: "storage.backends.local_json.dir_path",
        note: "use `storage.backends.local_json.file_dir_path`",
    },
    Retired {
        path: "store_type",
        note: "use `storage.storage_type`",
    },
    Retired {
        path: "store_config",
        note: "use `storage.backends`",
    },
];
