//! What tests of several verifiers share: where real evidence is.

use std::path::{Path, PathBuf};

/// Where cargo has unpacked a published package (`name-version`), if it has: `cargo info NAME@VERSION` does it.
///
/// For packages that carry evidence. Says on standard error when there is none, so that a test which then passes
/// has said why.
pub(crate) fn published(package: &str) -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    let registries = std::fs::read_dir(cargo.join("registry/src")).ok();
    let folders = registries.into_iter().flatten().flatten();
    let found = folders
        .map(|registry| registry.path().join(package))
        .find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: the package {package} is not unpacked on this machine");
    }
    found
}

/// A file of the folder with evidence that lies beside the project, if it is there. Says when it is not.
pub(crate) fn fixture(path: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let found = std::fs::read(folder.join(path)).ok();
    if found.is_none() {
        eprintln!("skipped: {path} is not beside the project");
    }
    found
}

/// What is between the first and the last line of a PEM text.
pub(crate) fn pem_body(pem: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let text = std::str::from_utf8(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}
