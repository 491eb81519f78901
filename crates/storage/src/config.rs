//! The storage section of a service's configuration, as its operator wrote it.

use std::{fmt, path::PathBuf, sync::Arc};

use serde::Deserialize;

use crate::{KeyValueStore, LocalFs, LocalJson, Memory, Result, StorageError, key};

/// Which back end holds the namespaces of a service, and where.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// The selected back end. Default: `Memory`.
    pub storage_type: StorageType,
    /// One table per back end. The selected one must exist; the others are not looked at.
    pub backends: Backends,
}

impl StorageConfig {
    /// Opens one namespace.
    ///
    /// # Errors
    /// The namespace is malformed, the selected back end's table is missing, this version does not have
    /// the back end, or its directory cannot be made or read.
    pub fn open(&self, namespace: &str) -> Result<Arc<dyn KeyValueStore>> {
        key::check_namespace(namespace)?;
        let backends = &self.backends;
        match self.storage_type {
            StorageType::Memory => Ok(Arc::new(Memory::new())),
            StorageType::LocalFs => {
                let config = self.selected("local_fs", backends.local_fs.as_ref())?;
                Ok(Arc::new(LocalFs::open(&config.dir_path, namespace)?))
            }
            StorageType::LocalJson => {
                let config = self.selected("local_json", backends.local_json.as_ref())?;
                Ok(Arc::new(LocalJson::open(&config.file_dir_path, namespace)?))
            }
            StorageType::Postgres | StorageType::Redis => {
                Err(StorageError::NotInThisVersion(self.storage_type))
            }
        }
    }

    /// The same tables with another back end selected, for settings that override the type of one
    /// namespace.
    pub fn with_type(&self, storage_type: StorageType) -> Self {
        Self {
            storage_type,
            backends: self.backends.clone(),
        }
    }

    fn selected<'a, T>(&self, table: &'static str, config: Option<&'a T>) -> Result<&'a T> {
        config.ok_or(StorageError::MissingBackendConfig {
            storage_type: self.storage_type,
            table,
        })
    }
}

/// The back ends that configuration can name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum StorageType {
    /// In the process, lost when it ends.
    #[default]
    #[serde(alias = "memory")]
    Memory,
    /// One file a key, one directory a namespace.
    #[serde(alias = "local_fs")]
    LocalFs,
    /// One JSON file a namespace.
    #[serde(alias = "local_json")]
    LocalJson,
    /// A PostgreSQL table a namespace. Not in this version.
    #[serde(alias = "postgres")]
    Postgres,
    /// A Redis or Valkey server. Not in this version.
    #[serde(alias = "redis")]
    Redis,
}

impl fmt::Display for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The tables under `backends`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backends {
    /// For [`StorageType::LocalFs`].
    pub local_fs: Option<LocalFsConfig>,
    /// For [`StorageType::LocalJson`].
    pub local_json: Option<LocalJsonConfig>,
    /// For [`StorageType::Postgres`].
    pub postgres: Option<PostgresConfig>,
    /// For [`StorageType::Redis`].
    pub redis: Option<RedisConfig>,
}

/// Where [`LocalFs`] keeps its directories.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalFsConfig {
    /// The directory that holds one directory a namespace.
    pub dir_path: PathBuf,
}

impl Default for LocalFsConfig {
    fn default() -> Self {
        Self {
            dir_path: PathBuf::from("/opt/confidential-containers/storage/local_fs"),
        }
    }
}

/// Where [`LocalJson`] keeps its files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalJsonConfig {
    /// The directory that holds one file a namespace.
    pub file_dir_path: PathBuf,
}

impl Default for LocalJsonConfig {
    fn default() -> Self {
        Self {
            file_dir_path: PathBuf::from("/opt/confidential-containers/storage/local_json"),
        }
    }
}

/// How to reach PostgreSQL. Accepted, so that a shared configuration file loads; not used in this version.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresConfig {
    /// The database.
    pub db: String,
    /// The role to log in as.
    pub username: String,
    /// Its password.
    pub password: Option<Redacted>,
    /// The server's port.
    pub port: u16,
    /// The server's name or address.
    pub host: String,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            db: "postgres".to_owned(),
            username: "postgres".to_owned(),
            password: None,
            port: 5432,
            host: "localhost".to_owned(),
        }
    }
}

/// How to reach Redis. Accepted, so that a shared configuration file loads; not used in this version.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// The server's URL, which may hold a password.
    pub url: Redacted,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: Redacted("redis://127.0.0.1:6379".to_owned()),
        }
    }
}

/// A setting that may be a credential: it is not shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// The text itself, for the connection that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
