//! Published key sets, kept current.
//!
//! Every source is read again every five minutes, and at once when a token
//! names a key that is not known, but then not more often than every ten
//! seconds: tokens with made-up keys cannot make us ask an issuer without end. A source that
//! cannot be read keeps its last keys.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jose::jwk::JwkSet;
use jose::key::VerificationKey;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::error::TokenError;
use super::source::{Fetcher, Source, SourceError};

/// Trusted key sets.
pub(crate) struct KeySets {
    sets: Vec<Arc<KeySet>>,
    fetcher: Fetcher,
    pace: Pace,
    /// When the sources were last read; held while they are.
    last_read: Mutex<Instant>,
}

struct KeySet {
    source: Source,
    /// Empty until the first successful read.
    keys: ArcSwapOption<JwkSet>,
}

/// How often sources are read.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Without being asked.
    pub(crate) refresh: Duration,
    /// The least time between two reads that unknown key ids cause.
    pub(crate) unknown_key_rest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            unknown_key_rest: Duration::from_secs(10),
        }
    }
}

/// What is needed of an OpenID Connect discovery document
/// (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

impl KeySets {
    /// Reads all sources and keeps them current for as long as the value
    /// lives. A file that cannot be used is an error; an address that does not
    /// answer is logged and tried again later, so that services may start in
    /// any order.
    pub(crate) async fn open(
        sources: Vec<Source>,
        fetcher: Fetcher,
        pace: Pace,
    ) -> Result<Arc<Self>, SourceError> {
        let sets = sources
            .into_iter()
            .map(|source| {
                Arc::new(KeySet {
                    source,
                    keys: ArcSwapOption::empty(),
                })
            })
            .collect::<Vec<_>>();
        for set in &sets {
            match set.read(&fetcher).await {
                Err(refused) if set.source.is_file() => return Err(refused),
                Err(failed) => set.report(&failed),
                Ok(()) => {}
            }
        }
        let all = Arc::new(Self {
            sets,
            fetcher,
            pace,
            last_read: Mutex::new(Instant::now()),
        });
        if !all.sets.is_empty() {
            tokio::spawn(keep_current(Arc::downgrade(&all), pace.refresh));
        }
        Ok(all)
    }

    /// The key of this id, read anew if it is not known.
    pub(crate) async fn by_id(&self, kid: &str) -> Result<VerificationKey, TokenError> {
        self.ask(|sets| sets.look_up(kid)).await
    }

    /// Whether a set holds this very key, under whatever id; read anew if none does.
    pub(crate) async fn confirm(&self, key: &VerificationKey) -> Result<(), TokenError> {
        self.ask(|sets| sets.look_for(key)).await
    }

    async fn ask<T>(&self, question: impl Fn(&Self) -> Result<T, TokenError>) -> Result<T, TokenError> {
        match question(self) {
            Err(TokenError::UnknownKey | TokenError::KeysUnavailable) if !self.sets.is_empty() => {
                self.read_again_unless_fresh().await;
                question(self)
            }
            answer => answer,
        }
    }

    fn look_up(&self, kid: &str) -> Result<VerificationKey, TokenError> {
        let mut found: Option<VerificationKey> = None;
        for keys in self.sets.iter().filter_map(|set| set.keys.load_full()) {
            let Some(key) = keys.find(kid).and_then(|key| key.verification_key().ok()) else {
                continue;
            };
            match &found {
                Some(other) if *other != key => return Err(TokenError::AmbiguousKey),
                _ => found = Some(key),
            }
        }
        found.ok_or_else(|| self.not_found())
    }

    fn look_for(&self, key: &VerificationKey) -> Result<(), TokenError> {
        let mut sets = self.sets.iter().filter_map(|set| set.keys.load_full());
        match sets.any(|keys| holds_key(&keys, key)) {
            true => Ok(()),
            false => Err(self.not_found()),
        }
    }

    /// That a key is unknown can be said only where every set was read.
    fn not_found(&self) -> TokenError {
        match self.are_there() {
            true => TokenError::UnknownKey,
            false => TokenError::KeysUnavailable,
        }
    }

    /// Whether every set has been read at least once.
    pub(crate) fn are_there(&self) -> bool {
        self.sets.iter().all(|set| set.keys.load().is_some())
    }

    /// One caller reads; those who come meanwhile wait for it.
    async fn read_again_unless_fresh(&self) {
        let mut last_read = self.last_read.lock().await;
        if last_read.elapsed() >= self.pace.unknown_key_rest {
            self.read_all().await;
            *last_read = Instant::now();
        }
    }

    async fn read_all(&self) {
        let mut reads = JoinSet::new();
        for set in &self.sets {
            let (set, fetcher) = (Arc::clone(set), self.fetcher.clone());
            reads.spawn(async move {
                if let Err(failed) = set.read(&fetcher).await {
                    set.report(&failed);
                }
            });
        }
        while reads.join_next().await.is_some() {}
    }
}

impl KeySet {
    async fn read(&self, fetcher: &Fetcher) -> Result<(), SourceError> {
        let content = fetcher.read(&self.source).await;
        let keys = match (content.and_then(|json| self.parse(&json)), &self.source) {
            (Ok(keys), _) => keys,
            (Err(refused), Source::File(_)) => return Err(refused),
            // Not a set: then perhaps an issuer that says where its set is.
            (Err(refused), Source::Url(url)) => self.discover(url, fetcher).await.ok_or(refused)?,
        };
        self.keys.store(Some(Arc::new(keys)));
        Ok(())
    }

    async fn discover(&self, issuer: &reqwest::Url, fetcher: &Fetcher) -> Option<JwkSet> {
        let mut document = issuer.clone();
        let base = issuer.path().trim_end_matches('/');
        document.set_path(&format!("{base}/.well-known/openid-configuration"));
        let answer = fetcher.get(&document).await.ok()?;
        let discovery: Discovery = serde_json::from_slice(&answer).ok()?;
        // The set may not be less protected than the document that names it.
        let plain = issuer.scheme() == "http";
        let Ok(Source::Url(set)) = Source::parse(&discovery.jwks_uri, plain) else {
            return None;
        };
        self.parse(&fetcher.get(&set).await.ok()?).ok()
    }

    fn parse(&self, json: &[u8]) -> Result<JwkSet, SourceError> {
        JwkSet::from_json(json).map_err(|refused| SourceError::KeySet {
            place: self.source.place(),
            reason: refused.to_string(),
        })
    }

    fn report(&self, failed: &SourceError) {
        let cause = std::error::Error::source(failed).map(ToString::to_string);
        tracing::warn!(
            place = self.source.place(),
            error = %failed,
            cause,
            "the key set could not be read; the last one stays in use"
        );
    }
}

/// Whether a set holds this very key, under whatever id.
fn holds_key(set: &JwkSet, key: &VerificationKey) -> bool {
    set.keys()
        .iter()
        .any(|known| known.verification_key().as_ref() == Ok(key))
}

async fn keep_current(sets: Weak<KeySets>, refresh: Duration) {
    loop {
        tokio::time::sleep(refresh).await;
        let Some(sets) = sets.upgrade() else { return };
        let mut last_read = sets.last_read.lock().await;
        sets.read_all().await;
        *last_read = Instant::now();
    }
}
