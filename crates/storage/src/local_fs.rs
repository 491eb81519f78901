//! One file a key: `<dir_path>/<namespace>/<key>`, each `/` of the key written as the four characters
//! `\x2F`. The content is the value itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;

use crate::{
    KeyFault, KeyValueStore, PartialWrite, Result, StorageError, WriteMode, WriteOutcome,
    atomic::{atomic_write, atomic_write_all, remove_leftovers, sync_directory},
    blocking,
    directory::{self, Directory},
    key,
    lock::WriteLock,
};

/// The literal that stands for `/` in a file name.
const SLASH: &str = r"\x2F";

/// The longest name that common file systems take, in bytes.
const MAX_FILE_NAME: usize = 255;

/// A directory of files. Takes keys of `[A-Za-z0-9._/-]` whose file name has at most 255 bytes.
///
/// A value is read at each `get`, so a file put there by hand is served at once. A symbolic link is
/// followed as long as it stays inside the namespace's directory, as the links of a mounted volume do.
pub struct LocalFs {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    /// Whether the directory was there, or made, at the start. Nothing is stored in one that is not.
    found: Directory,
    lock: WriteLock,
}

impl LocalFs {
    /// Opens `namespace` under `root`, makes its directory where it is missing (mode 0700), and removes what
    /// writes that never ended left behind. Where that cannot be done because `root` is read-only, the namespace is
    /// empty and stays so. Blocks; for use at start.
    ///
    /// # Errors
    /// The namespace is malformed, or the directory cannot be made for another reason.
    pub fn open(root: &Path, namespace: &str) -> Result<Self> {
        key::check_namespace(namespace)?;
        let directory = root.join(namespace);
        let found = directory::make(root, &directory)?;
        let resolve = |path: &Path| {
            path.canonicalize()
                .map_err(StorageError::io("resolve directory", path))
        };
        let directory = match found {
            Directory::There => resolve(&directory)?,
            Directory::Missing => resolve(root)?.join(namespace),
        };
        // Beside the namespace, not in it: whoever lists the namespace sees values only.
        let lock = WriteLock::new(root.join(format!(".{}.lock", namespace.replace('/', SLASH))));
        let inner = Inner {
            directory,
            found,
            lock,
        };
        let turn = inner.lock.acquire();
        if !directory::warn_if_read_only(&inner.directory, found) {
            remove_leftovers(&inner.directory);
        }
        drop(turn);
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

#[async_trait]
impl KeyValueStore for LocalFs {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let Ok(name) = file_name(key) else { return Ok(None) };
        blocking::with(&self.inner, move |inner| inner.read(&name)).await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome> {
        let name = file_name(key)?;
        let value = value.to_vec();
        blocking::with(&self.inner, move |inner| inner.write(&name, &value, mode)).await
    }

    /// Waits for the disk with several at once.
    async fn set_all(&self, entries: &[(String, Vec<u8>)]) -> std::result::Result<(), PartialWrite> {
        let entries = entries.to_vec();
        let outcome = blocking::with(&self.inner, move |inner| Ok(inner.write_all(&entries)));
        let interrupted = |source| PartialWrite { written: 0, source };
        outcome.await.map_err(interrupted)?
    }

    async fn delete(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let Ok(name) = file_name(key) else { return Ok(None) };
        blocking::with(&self.inner, move |inner| inner.remove(&name)).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        blocking::with(&self.inner, |inner| inner.list()).await
    }

    /// In one go on one thread.
    async fn entries(&self) -> Result<Vec<(String, Result<Vec<u8>>)>> {
        blocking::with(&self.inner, |inner| {
            let mut entries = Vec::new();
            for key in inner.list()? {
                // A key that is deleted meanwhile is not there.
                let value = file_name(&key).and_then(|name| inner.read(&name));
                if let Some(value) = value.transpose() {
                    entries.push((key, value));
                }
            }
            Ok(entries)
        })
        .await
    }

    fn check_key(&self, key: &str) -> Result<()> {
        file_name(key).map(drop)
    }
}

impl Inner {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.directory.join(name);
        let Some(target) = self.resolve(&path)? else {
            return Ok(None);
        };
        match fs::read(&target) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageError::io("read", &path)(error)),
        }
    }

    /// The regular file behind `path`, if there is one inside the directory.
    fn resolve(&self, path: &Path) -> Result<Option<PathBuf>> {
        let kind = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("read", path)(error)),
        };
        if !kind.is_symlink() {
            return Ok(kind.is_file().then(|| path.to_path_buf()));
        }
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("resolve", path)(error)),
        };
        if !target.starts_with(&self.directory) {
            tracing::warn!(path = %path.display(), "a symbolic link leaves the storage directory: not followed");
            return Ok(None);
        }
        Ok(target.is_file().then_some(target))
    }

    fn write(&self, name: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome> {
        let path = self.directory.join(name);
        let _turn = self.lock.acquire();
        if mode == WriteMode::CreateOnly && fs::symlink_metadata(&path).is_ok() {
            return Ok(WriteOutcome::AlreadyExists);
        }
        atomic_write(&path, value).map_err(|error| self.failed("write", &path, error))?;
        Ok(WriteOutcome::Written)
    }

    fn write_all(&self, entries: &[(String, Vec<u8>)]) -> std::result::Result<(), PartialWrite> {
        let mut files = Vec::with_capacity(entries.len());
        let mut refused = None;
        for (key, value) in entries {
            match file_name(key) {
                Ok(name) => files.push((name, value.as_slice())),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let _turn = self.lock.acquire();
        atomic_write_all(&self.directory, &files).map_err(|(written, source)| {
            let name = files.get(written).map(|(name, _)| self.directory.join(name));
            let path = name.unwrap_or_else(|| self.directory.clone());
            let source = self.failed("write", &path, source);
            PartialWrite { written, source }
        })?;
        let written = files.len();
        refused.map_or(Ok(()), |source| Err(PartialWrite { written, source }))
    }

    /// Whether this says no more than that the directory, which was not there at the start, is not there.
    fn is_missing(&self, error: &io::Error) -> bool {
        self.found == Directory::Missing && error.kind() == io::ErrorKind::NotFound
    }

    /// The error of a write.
    fn failed(&self, operation: &'static str, path: &Path, source: io::Error) -> StorageError {
        if self.is_missing(&source) {
            let source = io::ErrorKind::ReadOnlyFilesystem.into();
            return StorageError::change(operation, path)(source);
        }
        StorageError::change(operation, path)(source)
    }

    fn remove(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.directory.join(name);
        let _turn = self.lock.acquire();
        let Some(value) = self.read(name)? else {
            return Ok(None);
        };
        fs::remove_file(&path)
            .and_then(|()| sync_directory(&self.directory))
            .map_err(StorageError::change("delete", &path))?;
        Ok(Some(value))
    }

    fn list(&self) -> Result<Vec<String>> {
        let failed = |error| StorageError::io("list", &self.directory)(error);
        let mut keys = Vec::new();
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if self.is_missing(&error) => return Ok(keys),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(key) = entry.file_name().to_str().and_then(key_of) else {
                continue;
            };
            if self.resolve(&entry.path())?.is_some() {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

/// The file name of a key.
fn file_name(key: &str) -> Result<String> {
    key::check_portable_key(key)?;
    let name = key.replace('/', SLASH);
    key::refuse(key, (name.len() > MAX_FILE_NAME).then_some(KeyFault::TooLong))?;
    Ok(name)
}

/// The key of a file name, if `set` could have written it.
fn key_of(name: &str) -> Option<String> {
    let key = name.replace(SLASH, "/");
    key::portable_fault(&key).is_none().then_some(key)
}
