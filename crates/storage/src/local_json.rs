//! One file a namespace: `<file_dir_path>/<namespace>`, a JSON object from key to the value in URL-safe
//! base64 with padding (RFC 4648 section 5).

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    KeyValueStore, PartialWrite, Result, StorageError, WriteMode, WriteOutcome,
    atomic::{atomic_write, remove_leftovers},
    blocking,
    directory::{self, Directory},
    key,
    lock::WriteLock,
};

/// Writes padding; reads with and without, for files edited by hand.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A JSON file. Takes any key. The file is read at each `get` and rewritten whole at each change, which is
/// right for a few hundred entries.
pub struct LocalJson {
    inner: Arc<Inner>,
}

struct Inner {
    file: PathBuf,
    lock: WriteLock,
}

/// The file's content: values stay encoded until they are asked for.
type Entries = BTreeMap<String, String>;

impl LocalJson {
    /// Opens the file of `namespace` in `directory`; both are made where they are missing. Where the file cannot be
    /// made because `directory` is read-only, the namespace is empty and stays so. Blocks; for use at start.
    ///
    /// # Errors
    /// The namespace is malformed, the file cannot be made or read, or it does not have the documented form.
    pub fn open(directory: &Path, namespace: &str) -> Result<Self> {
        key::check_namespace(namespace)?;
        let file = directory.join(namespace);
        let parent = file.parent().unwrap_or(directory);
        let found = directory::make(directory, parent)?;
        // One lock for the directory, since all namespaces' unfinished writes are in it.
        let lock = WriteLock::new(directory.join(".lock"));
        let inner = Inner { file, lock };
        inner.prepare(found)?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

#[async_trait]
impl KeyValueStore for LocalJson {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let key = key.to_owned();
        blocking::with(&self.inner, move |inner| {
            inner
                .load()?
                .get(&key)
                .map(|text| inner.decode(&key, text))
                .transpose()
        })
        .await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome> {
        self.check_key(key)?;
        let key = key.to_owned();
        let value = BASE64.encode(value);
        blocking::with(&self.inner, move |inner| {
            let _turn = inner.lock.acquire();
            let mut entries = inner.load()?;
            if mode == WriteMode::CreateOnly && entries.contains_key(&key) {
                return Ok(WriteOutcome::AlreadyExists);
            }
            entries.insert(key, value);
            inner.store(&entries)?;
            Ok(WriteOutcome::Written)
        })
        .await
    }

    /// Rewrites the file once: all of them or none.
    async fn set_all(&self, entries: &[(String, Vec<u8>)]) -> std::result::Result<(), PartialWrite> {
        let nothing = |source| PartialWrite { written: 0, source };
        entries
            .iter()
            .try_for_each(|(key, _)| self.check_key(key))
            .map_err(nothing)?;
        let encoded: Vec<_> = entries
            .iter()
            .map(|(key, value)| (key.clone(), BASE64.encode(value)))
            .collect();
        let stored = blocking::with(&self.inner, move |inner| {
            let _turn = inner.lock.acquire();
            let mut entries = inner.load()?;
            entries.extend(encoded);
            inner.store(&entries)
        });
        stored.await.map_err(nothing)
    }

    async fn delete(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let key = key.to_owned();
        blocking::with(&self.inner, move |inner| {
            let _turn = inner.lock.acquire();
            let mut entries = inner.load()?;
            let Some(text) = entries.remove(&key) else {
                return Ok(None);
            };
            let value = inner.decode(&key, &text)?;
            inner.store(&entries)?;
            Ok(Some(value))
        })
        .await
    }

    async fn list(&self) -> Result<Vec<String>> {
        blocking::with(&self.inner, |inner| Ok(inner.load()?.into_keys().collect())).await
    }

    /// Reads the file once.
    async fn entries(&self) -> Result<Vec<(String, Result<Vec<u8>>)>> {
        blocking::with(&self.inner, |inner| {
            let decoded = |(key, text): (String, String)| {
                let value = inner.decode(&key, &text);
                (key, value)
            };
            Ok(inner.load()?.into_iter().map(decoded).collect())
        })
        .await
    }

    fn check_key(&self, key: &str) -> Result<()> {
        key::check_any_key(key)
    }
}

impl Inner {
    /// Clears away unfinished writes, makes the file where it is missing, and reads it once.
    fn prepare(&self, found: Directory) -> Result<()> {
        let _turn = self.lock.acquire();
        let directory = self.file.parent().unwrap_or(Path::new("."));
        let read_only = directory::warn_if_read_only(directory, found);
        if !read_only {
            remove_leftovers(directory);
        }
        if read_only || self.file.exists() {
            self.load().map(drop)
        } else {
            self.store(&Entries::new())
        }
    }

    fn load(&self) -> Result<Entries> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::new()),
            Err(error) => return Err(StorageError::io("read", &self.file)(error)),
        };
        // The place only: the text of a parser's error may hold part of a value.
        serde_json::from_slice(&text).map_err(|error| {
            self.damaged(format!(
                "it must be a JSON object of base64 strings (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    fn store(&self, entries: &Entries) -> Result<()> {
        let text = serde_json::to_vec(entries).map_err(|error| self.damaged(error.to_string()))?;
        atomic_write(&self.file, &text).map_err(StorageError::change("write", &self.file))
    }

    fn decode(&self, key: &str, text: &str) -> Result<Vec<u8>> {
        BASE64
            .decode(text)
            .map_err(|_| self.damaged(format!("the value of {key:?} is not URL-safe base64")))
    }

    fn damaged(&self, reason: String) -> StorageError {
        StorageError::Damaged {
            path: self.file.clone(),
            reason,
        }
    }
}
