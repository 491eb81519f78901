//! Which namespaces and keys exist.

use crate::{KeyFault, Result, StorageError};

/// The longest key that any back end stores, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

/// Checks a namespace: `/`-separated plain names of the portable characters, none of them `.` or `..`.
pub(crate) fn check_namespace(namespace: &str) -> Result<()> {
    match portable_fault(namespace) {
        None => Ok(()),
        Some(_) => Err(StorageError::InvalidNamespace(bounded(namespace))),
    }
}

/// Checks a key for a back end that takes any characters.
pub(crate) fn check_any_key(key: &str) -> Result<()> {
    refuse(key, length_fault(key))
}

/// Checks a key for a back end that takes only the portable characters `[A-Za-z0-9._/-]`.
pub(crate) fn check_portable_key(key: &str) -> Result<()> {
    refuse(key, portable_fault(key))
}

/// The error for `key`, where there is a fault.
pub(crate) fn refuse(key: &str, fault: Option<KeyFault>) -> Result<()> {
    match fault {
        None => Ok(()),
        Some(fault) => Err(StorageError::InvalidKey {
            key: bounded(key),
            fault,
        }),
    }
}

/// What is wrong with a portable key.
pub(crate) fn portable_fault(key: &str) -> Option<KeyFault> {
    length_fault(key)
        .or_else(|| (!key.bytes().all(is_portable)).then_some(KeyFault::Character))
        .or_else(|| {
            key.split('/')
                .any(|segment| matches!(segment, "" | "." | ".."))
                .then_some(KeyFault::Segment)
        })
}

fn length_fault(key: &str) -> Option<KeyFault> {
    match key.len() {
        0 => Some(KeyFault::Empty),
        length if length > MAX_KEY_BYTES => Some(KeyFault::TooLong),
        _ => None,
    }
}

fn is_portable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-')
}

/// Enough of a name to recognise it in an error.
fn bounded(name: &str) -> String {
    const SHOWN: usize = 128;
    match name.char_indices().nth(SHOWN) {
        None => name.to_owned(),
        Some((end, _)) => name
            .get(..end)
            .map(|start| format!("{start}…"))
            .unwrap_or_default(),
    }
}
