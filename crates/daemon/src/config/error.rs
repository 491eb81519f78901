//! What can be wrong with a configuration. All of it is the operator's to mend.

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, cannot be read or is not of its format.
    #[error("failed to load configuration file {name}: {source}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the parser says.
        source: ::config::ConfigError,
    },
    /// The extension stands for no format known here.
    #[error(
        "failed to load configuration file {name}: `{extension}` is not a known format. Write it as TOML, JSON or YAML, \
         and call it .toml, .json, .yaml or .yml"
    )]
    UnknownFormat {
        /// The file.
        name: String,
        /// The extension.
        extension: String,
    },
    /// A key is unknown, missing, or its value is not of the right type.
    #[error("failed to load configuration file {name}: at `{key}`: {source}{hint}")]
    Invalid {
        /// The file.
        name: String,
        /// The place in it, such as `http_server.sockets[0]`; `.` is the top.
        key: String,
        /// A suggestion, or nothing.
        hint: String,
        /// What was expected.
        source: serde_json::Error,
    },
}
