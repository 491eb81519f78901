use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

/// The name of one decision: when it was made, and a number that tells it from the others of that second.
///
/// Written `<seconds>-<number>`, both in lower-case hexadecimal. It is told to the guest whom the decision is about, and
/// is no secret: only administrators can look it up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DecisionId {
    at: u64,
    number: u64,
}

/// The text names no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a decision id looks like 6921aabc-3f9c2e81d04b7a55")]
pub struct NoDecisionId;

/// Makes ids that are unique in this process, and in all likelihood everywhere.
pub(super) struct Ids {
    base: u64,
    count: AtomicU64,
}

impl Ids {
    pub(super) fn new() -> Self {
        let mut bytes = [0; 8];
        // Without randomness the ids of two processes might meet in the same second; nothing else hangs on it.
        let _ = SystemRandom::new().fill(&mut bytes);
        Self {
            base: u64::from_be_bytes(bytes),
            count: AtomicU64::new(0),
        }
    }

    /// An id for something that happens now, in seconds since the Unix epoch.
    pub(super) fn next(&self, now: i64) -> DecisionId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        DecisionId {
            at: u64::try_from(now).unwrap_or_default(),
            number: scramble(self.base.wrapping_add(count)),
        }
    }
}

/// The finaliser of SplitMix64: a bijection, so that different counts stay different.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:016x}", self.at, self.number)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DecisionId {
    type Err = NoDecisionId;

    fn from_str(text: &str) -> Result<Self, NoDecisionId> {
        let (at, number) = text.split_once('-').ok_or(NoDecisionId)?;
        let id = Self {
            at: hex(at)?,
            number: hex(number)?,
        };
        // One spelling for each.
        (id.to_string() == text).then_some(id).ok_or(NoDecisionId)
    }
}

fn hex(digits: &str) -> Result<u64, NoDecisionId> {
    u64::from_str_radix(digits, 16).map_err(|_| NoDecisionId)
}

impl From<DecisionId> for String {
    fn from(id: DecisionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for DecisionId {
    type Error = NoDecisionId;

    fn try_from(text: String) -> Result<Self, NoDecisionId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_of_one_second_differ() {
        let ids = Ids::new();
        let made: HashSet<DecisionId> = (0..1000).map(|_| ids.next(1_763_800_000)).collect();
        assert_eq!(made.len(), 1000);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id: DecisionId = "6921aabc-3f9c2e81d04b7a55".parse().unwrap();
        assert_eq!(id.to_string(), "6921aabc-3f9c2e81d04b7a55");
        for text in [
            "",
            "-",
            "6921aabc",
            "6921AABC-3f9c2e81d04b7a55",
            "06921aabc-3f9c2e81d04b7a55",
            "+921aabc-3f9c2e81d04b7a55",
            "6921aabc-3f9c2e81d04b7a5",
            "6921aabc-3f9c2e81d04b7a555",
            "6921aabc-3f9c2e81d04b7a55 ",
        ] {
            assert_eq!(text.parse::<DecisionId>(), Err(NoDecisionId), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_written_the_same_again(text in "\\PC{0,40}|[0-9a-f]{7,10}-[0-9a-f]{15,17}") {
            if let Ok(id) = text.parse::<DecisionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
