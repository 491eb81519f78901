//! Loading a configuration file: TOML, JSON or YAML, told apart by the extension.
//!
//! A file says exactly what is meant or the start stops: an unknown key is an error that names its place
//! and the nearest known key. A key that is `null` is as if it was left out, with a warning. Keys that used to exist are dropped, with a warning that says what to use.
//! The structs that are read into carry `#[serde(deny_unknown_fields)]`.

mod error;
mod nulls;
mod places;
mod retired;
mod suggest;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::Path;

use ::config::{Config, File, FileFormat, Source};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::error::ConfigError;
pub use self::places::{put, take};
pub use self::retired::{Retired, retire};

/// A configuration, and what the operator should hear about it.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// What the file says.
    pub config: T,
    /// One sentence for each retired key, and each `null`, that was found. To be logged once logging works.
    pub warnings: Vec<String>,
}

/// Reads a configuration file.
///
/// A path that is not a file is tried with the known extensions (`.toml`, `.json`, `.yaml`, `.yml`).
///
/// # Errors
/// The file is not there, is not of its format, or does not say what `T` wants to know.
pub fn load<T: DeserializeOwned>(path: &Path, retired: &[Retired]) -> Result<Loaded<T>, ConfigError> {
    load_upgraded(path, |file| retire(file, retired))
}

/// As [`load`], but `upgrade` puts what older files say in today's place first, and gives one sentence for each such
/// key.
///
/// # Errors
/// As [`load`].
pub fn load_upgraded<T: DeserializeOwned>(
    path: &Path,
    upgrade: impl FnOnce(&mut Value) -> Vec<String>,
) -> Result<Loaded<T>, ConfigError> {
    let name = path.display().to_string();
    if path.is_file()
        && let Some(extension) = path.extension().and_then(OsStr::to_str)
        && format_of(extension).is_none()
    {
        let extension = extension.to_owned();
        return Err(ConfigError::UnknownFormat { name, extension });
    }
    let value = read(File::from(path)).map_err(|source| ConfigError::Unreadable {
        name: name.clone(),
        source,
    })?;
    interpret(&name, value, upgrade)
}

/// Reads a configuration from `text` as if it had been a file with this `extension`.
///
/// # Errors
/// As [`load`].
pub fn load_str<T: DeserializeOwned>(
    text: &str,
    extension: &str,
    retired: &[Retired],
) -> Result<Loaded<T>, ConfigError> {
    load_str_upgraded(text, extension, |file| retire(file, retired))
}

/// As [`load_upgraded`], of a text.
///
/// # Errors
/// As [`load`].
pub fn load_str_upgraded<T: DeserializeOwned>(
    text: &str,
    extension: &str,
    upgrade: impl FnOnce(&mut Value) -> Vec<String>,
) -> Result<Loaded<T>, ConfigError> {
    let name = format!("(text).{extension}");
    let Some(format) = format_of(extension) else {
        let extension = extension.to_owned();
        return Err(ConfigError::UnknownFormat { name, extension });
    };
    let value = read(File::from_str(text, format)).map_err(|source| ConfigError::Unreadable {
        name: name.clone(),
        source,
    })?;
    interpret(&name, value, upgrade)
}

fn format_of(extension: &str) -> Option<FileFormat> {
    match extension {
        "toml" => Some(FileFormat::Toml),
        "json" => Some(FileFormat::Json),
        "yaml" | "yml" => Some(FileFormat::Yaml),
        _ => None,
    }
}

/// Parses into plain data. Deserialising from that, and not from the `config` crate's own values, keeps types
/// strict (`"true"` is no boolean) and the list of known keys in the error.
fn read(source: impl Source + Send + Sync + 'static) -> Result<Value, ::config::ConfigError> {
    Config::builder().add_source(source).build()?.try_deserialize()
}

fn interpret<T: DeserializeOwned>(
    name: &str,
    mut value: Value,
    upgrade: impl FnOnce(&mut Value) -> Vec<String>,
) -> Result<Loaded<T>, ConfigError> {
    let mut warnings = nulls::drop_nulls(&mut value);
    warnings.extend(upgrade(&mut value));
    let config = serde_path_to_error::deserialize(value).map_err(|error| ConfigError::Invalid {
        name: name.to_owned(),
        key: error.path().to_string(),
        hint: suggest::hint(&error.inner().to_string()),
        source: error.into_inner(),
    })?;
    Ok(Loaded { config, warnings })
}
