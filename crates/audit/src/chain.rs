use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

/// A place in the chain: after the record of this number, which has this hash.
///
/// Written `<number>:<hash>`. Whoever notes it down elsewhere can prove later that nothing up to there was changed, and
/// nothing after it cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The record's number, from 1 on; 0 before the first.
    pub seq: u64,
    /// The record's hash.
    pub hash: Hash,
}

/// The text is no place in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected <number>:<64 hexadecimal digits>, as the summary of a verification has it")]
pub struct NoLink;

impl Link {
    /// Before the first record.
    pub const START: Self = Self {
        seq: 0,
        hash: Hash([0; 32]),
    };
}

impl Hash {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self(hash)
    }

    /// From 64 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).ok()?;
        let hash = Self(hash);
        (hash.to_string() == text).then_some(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Link {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        let (seq, hash) = text.split_once(':').ok_or(NoLink)?;
        Ok(Self {
            seq: seq.parse().map_err(|_| NoLink)?,
            hash: Hash::parse(hash).ok_or(NoLink)?,
        })
    }
}
