//! What tests have proved about a TEE: mutations of evidence, and notes for the table in `docs/tees/README.md`.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use std::path::PathBuf;

/// Something that a test has proved of a TEE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// Evidence of real machines was verified.
    Vectors,
    /// Evidence of real machines with one bit changed was refused.
    Mutations,
    /// Evidence of a real machine is not on this machine, so the test was skipped.
    Absent,
    /// A simulated guest got nothing before it was vouched for, with a replayed nonce or with other init-data, and
    /// its secret afterwards.
    Walk,
}

impl Proof {
    /// All of them.
    pub const ALL: [Proof; 4] = [Proof::Vectors, Proof::Mutations, Proof::Absent, Proof::Walk];

    /// Its name in the notes.
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Vectors => "vectors",
            Proof::Mutations => "mutations",
            Proof::Absent => "absent",
            Proof::Walk => "walk",
        }
    }
}

/// Notes that `name` (of letters, digits and hyphens) proved it `count` times. Lies in `proofs` of the target
/// folder, a file a note: `tee.proof.name` with the count.
///
/// # Errors
/// The file cannot be written.
pub fn note(tee: &str, proof: Proof, name: &str, count: usize) -> std::io::Result<()> {
    let folder = folder().ok_or_else(|| std::io::Error::other("no target folder"))?;
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{tee}.{}.{name}", proof.as_str()));
    std::fs::write(file, count.to_string())
}

/// The folder of the notes: a test binary lies in `target/profile/deps`, other binaries in `target/profile`.
pub fn folder() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let folder = binary.parent()?;
    let profile = if folder.ends_with("deps") {
        folder.parent()?
    } else {
        folder
    };
    Some(profile.parent()?.join("proofs"))
}

/// How many bits of one byte string are flipped, each in evidence of its own.
const FLIPS: usize = 24;

/// Byte strings shorter than this are taken for something else.
const SHORTEST: usize = 16;

/// Copies of the evidence, each with one flipped bit: some spread over every byte string that lies in it, whether
/// as a list of numbers, as hex, as base64 or as base64 of PEM.
pub fn flipped(evidence: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    collect(evidence, &mut String::new(), &mut places);
    let mut mutations = Vec::new();
    for (pointer, encoding, bytes) in places {
        for flip in 0..FLIPS {
            let at = flip * (bytes.len() - 1) / (FLIPS - 1);
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1 << (flip % 8);
            }
            let mut mutated = evidence.clone();
            if let Some(place) = mutated.pointer_mut(&pointer) {
                *place = encoding.encode(&changed);
                mutations.push((format!("{pointer} byte {at} bit {}", flip % 8), mutated));
            }
        }
    }
    mutations
}

#[derive(Clone, Copy)]
enum Encoding {
    Numbers,
    Hex,
    Base64,
    Base64Url,
}

impl Encoding {
    fn encode(self, bytes: &[u8]) -> Value {
        match self {
            Encoding::Numbers => bytes.iter().copied().collect(),
            Encoding::Hex => hex::encode(bytes).into(),
            Encoding::Base64 => STANDARD.encode(bytes).into(),
            Encoding::Base64Url => URL_SAFE.encode(bytes).into(),
        }
    }
}

fn collect(value: &Value, pointer: &mut String, places: &mut Vec<(String, Encoding, Vec<u8>)>) {
    if let Some((encoding, bytes)) = decode(value) {
        places.push((pointer.clone(), encoding, bytes));
        return;
    }
    let length = pointer.len();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                collect(item, pointer, places);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
                collect(member, pointer, places);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

fn decode(value: &Value) -> Option<(Encoding, Vec<u8>)> {
    let (encoding, bytes) = match value {
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items
                .iter()
                .map(|item| item.as_u64().and_then(|number| u8::try_from(number).ok()))
                .collect();
            (Encoding::Numbers, bytes?)
        }
        Value::String(text) => {
            let hex = hex::decode(text).map(|bytes| (Encoding::Hex, bytes));
            let base64 = || STANDARD.decode(text).map(|bytes| (Encoding::Base64, bytes));
            let url = || URL_SAFE.decode(text).map(|bytes| (Encoding::Base64Url, bytes));
            hex.ok().or_else(|| base64().ok()).or_else(|| url().ok())?
        }
        _ => return None,
    };
    (bytes.len() >= SHORTEST).then_some((encoding, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_byte_string_is_changed_by_one_bit_at_a_time() {
        let evidence = json!({
            "list": vec![7; 20],
            "inner": [{"hex": "00".repeat(48), "base64": STANDARD.encode([0xfb; 32])}],
            "url": URL_SAFE.encode([0xfb; 32]),
            "text": "no bytes here, only words",
            "short": [1, 2, 3],
        });
        let mutations = flipped(&evidence);
        assert_eq!(mutations.len(), 4 * FLIPS);
        for (place, mutated) in &mutations {
            assert_ne!(mutated, &evidence, "{place}");
            assert_eq!(mutated["text"], evidence["text"]);
        }
        let (first, last) = (&mutations[0].1, &mutations[FLIPS - 1].1);
        assert_eq!(
            first["inner"][0]["base64"],
            json!(STANDARD.encode([&[0xfa][..], &[0xfb; 31]].concat()))
        );
        assert_eq!(
            last["inner"][0]["base64"],
            json!(STANDARD.encode([&[0xfb; 31][..], &[0x7b]].concat()))
        );
    }

    #[test]
    fn a_note_says_how_often_what_was_proved() {
        note("abacus", Proof::Mutations, "self-test", 3).unwrap();
        let file = folder().unwrap().join("abacus.mutations.self-test");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "3");
        std::fs::remove_file(file).unwrap();
    }
}
