use std::path::PathBuf;

use serde::Deserialize;

/// `[audit]`: where what was done is written down. Without a file and without `stdout` it is not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// The log. Its directory must be there.
    pub file: Option<PathBuf>,
    /// Every line goes to the standard output, too.
    pub stdout: bool,
    /// Hand out nothing, and let nobody administer, where it cannot be written down.
    pub require: bool,
    /// From this size on, in MiB, the file is put aside and a new one begun. 0: never.
    pub max_file_mib: u32,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            file: None,
            stdout: false,
            require: false,
            max_file_mib: 256,
        }
    }
}
