//! Answers of a moment ago.
//!
//! Guests of one kind differ in their nonces and keys, which policies do not look at, and ask for the same things. An
//! answer is a pure function of what the policy reads of the claims and of the request, so it is remembered by
//! exactly that.

use std::sync::{Mutex, OnceLock, PoisonError};

use ring::digest::{Context, SHA256};

use super::{DOCUMENTS, ReleaseRequest};
use crate::footprint::Footprint;
use crate::text::{Paths, Visitor, Wanted, walk};

/// How many answers a policy remembers.
const SLOTS: usize = 512;

/// What one policy remembers; by default, nothing.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// `None` if the policy may depend on anything.
    reads: Option<Reads>,
    slots: OnceLock<Box<[Mutex<Option<Remembered>>]>>,
}

/// What of claims and requests the policy reads.
#[derive(Debug)]
struct Reads {
    claims: Paths,
    documents: Vec<&'static str>,
}

/// Stands for all that a policy reads of some claims and a request: SHA-256 of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question([u8; 32]);

#[derive(Debug, Clone, Copy)]
struct Remembered {
    question: Question,
    granted: bool,
}

impl Memo {
    /// For a policy that reads these members of `data`.
    pub(super) fn new(rego: &str, documents: &[&'static str]) -> Self {
        let reads = Footprint::of(rego).map(|footprint| {
            let mut claims = Paths::default();
            for part in footprint.parts() {
                let wanted = match part.presence {
                    true => Wanted::Presence,
                    false => Wanted::Whole(0),
                };
                claims.add(&part.path, wanted);
            }
            Reads {
                claims,
                documents: documents.to_vec(),
            }
        });
        Self {
            reads,
            slots: OnceLock::new(),
        }
    }

    /// `None` if answers to it cannot be remembered.
    pub(super) fn question(&self, claims_json: &str, request: &ReleaseRequest<'_>) -> Option<Question> {
        let reads = self.reads.as_ref()?;
        let mut hash = Hash(Context::new(&SHA256));
        let [plugin, path, query] = DOCUMENTS;
        let is_read = |document| reads.documents.contains(&document);
        if is_read(plugin) {
            hash.text(request.plugin);
        }
        if is_read(path) {
            hash.number(request.path.len());
            request.path.iter().for_each(|segment| hash.text(segment));
        }
        if is_read(query) {
            hash.number(request.query.len());
            request
                .query
                .iter()
                .flat_map(|(name, value)| [name, value])
                .for_each(|text| hash.text(text));
        }
        walk(claims_json, &reads.claims, &mut hash).ok()?;
        hash.0.finish().as_ref().try_into().ok().map(Question)
    }

    pub(super) fn recall(&self, question: &Question) -> Option<bool> {
        let slot = self.slots.get()?.get(index(question))?;
        let known = *slot.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .filter(|known| known.question == *question)
            .map(|known| known.granted)
    }

    pub(super) fn keep(&self, question: Question, granted: bool) {
        let slots = self
            .slots
            .get_or_init(|| (0..SLOTS).map(|_| Mutex::new(None)).collect());
        if let Some(slot) = slots.get(index(&question)) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Remembered { question, granted });
        }
    }
}

fn index(question: &Question) -> usize {
    let [low, high, ..] = question.0;
    usize::from(u16::from_le_bytes([low, high])) % SLOTS
}

/// Hashes what is read, one behind the other; each piece says where it ends.
struct Hash(Context);

impl Hash {
    fn number(&mut self, number: usize) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }
}

impl Visitor for Hash {
    fn member(&mut self, name: &str) {
        self.0.update(b"m");
        self.text(name);
    }

    fn open(&mut self, bracket: u8) {
        self.0.update(&[bracket]);
    }

    fn close(&mut self) {
        self.0.update(b"}");
    }

    fn dead_end(&mut self, example: &'static str) {
        self.0.update(b"-");
        self.text(example);
    }

    fn part(&mut self, wanted: Wanted, text: &str) {
        match (wanted, text) {
            (Wanted::Presence, "false") => self.0.update(b"0"),
            (Wanted::Presence, _) => self.0.update(b"+"),
            (Wanted::Whole(_), text) => {
                self.0.update(b"t");
                self.text(text);
            }
        }
    }
}

#[cfg(test)]
mod tests;
