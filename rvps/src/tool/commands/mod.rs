//! What each command does: its arguments, and `run` that gives the text to print.

mod beside;
pub(super) mod diff;
pub(super) mod import;
pub(super) mod measure;
pub(super) mod message;
pub(super) mod remove;
pub(super) mod show;

use std::path::Path;

use super::ToolError;

fn read(path: &Path) -> Result<Vec<u8>, ToolError> {
    std::fs::read(path).map_err(|source| ToolError::File {
        path: path.to_owned(),
        source,
    })
}

fn read_text(path: &Path) -> Result<String, ToolError> {
    std::fs::read_to_string(path).map_err(|source| ToolError::File {
        path: path.to_owned(),
        source,
    })
}
