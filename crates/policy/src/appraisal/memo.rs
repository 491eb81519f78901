//! Appraisals of a moment ago.
//!
//! Guests of one kind differ in their nonces and keys, which policies do not look at: of what the policy reads, one
//! guest's claims are often the same as the last one's. An appraisal is a pure function of that and of the reference
//! values it asked for, so it is remembered by exactly these.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regorus::Value;
use ring::digest::{Context, Digest, SHA256};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::{Appraisal, Extension};
use crate::ReferenceValueSnapshot;
use crate::footprint::{Footprint, Part, Step};

/// How many appraisals a policy remembers.
const SLOTS: usize = 64;

/// An appraisal with more nodes (values, members) in its extensions is not remembered.
const MAX_NODES: usize = 1000;

/// A member of the input, as its owner holds it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Member<'a> {
    /// A string.
    Text(&'a str),
    /// Any JSON value.
    Value(&'a serde_json::Value),
    /// An object.
    Object(&'a serde_json::Map<String, serde_json::Value>),
    /// An object with one member more.
    Extended(Extended<'a>),
    /// A value as JSON text, which is not looked into.
    Json(&'a RawValue),
}

/// An object with one member more, which is JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Extended<'a> {
    /// The object.
    pub members: &'a serde_json::Map<String, serde_json::Value>,
    /// The name of the other member; the object has none of this name.
    pub name: &'a str,
    /// Its value.
    pub json: &'a RawValue,
}

impl Serialize for Extended<'_> {
    /// In the order of the names.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len().saturating_add(1)))?;
        let mut members = self.members.iter().peekable();
        while let Some((name, value)) = members.next_if(|(name, _)| name.as_str() < self.name) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(self.name, self.json)?;
        for (name, value) in members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Claims that can be looked at without being parsed for the policy engine.
pub trait Claims {
    /// The member of the input of this name.
    fn member(&self, name: &str) -> Option<Member<'_>>;
}

/// Stands for all that a policy reads of some claims: SHA-256 of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// What one policy remembers.
#[derive(Debug)]
pub(super) struct Memo {
    /// `None` if the policy may depend on anything.
    reads: Option<Vec<Read>>,
    /// Whether the policy reads the reference values as a document, besides asking for single ones.
    reads_reference: bool,
    slots: OnceLock<Box<[Mutex<Option<Remembered>>]>>,
}

/// A member of the claims, or a part of it, that the policy reads.
#[derive(Debug, PartialEq)]
struct Read {
    path: Vec<String>,
    presence: bool,
}

impl Read {
    /// The member of the claims.
    fn member(&self) -> &str {
        self.path.first().map(String::as_str).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Remembered {
    fingerprint: Fingerprint,
    /// The snapshot it was last found to hold for.
    snapshot: u64,
    /// What that had under each id that was asked for.
    values: Vec<Option<Value>>,
    appraisal: Arc<Appraisal>,
}

impl Memo {
    pub(super) fn new(rego: &str, reads_reference: bool) -> Self {
        Self {
            reads: Footprint::of(rego).and_then(|footprint| reads(&footprint)),
            reads_reference,
            slots: OnceLock::new(),
        }
    }

    /// `None` if appraisals of this policy cannot be remembered.
    pub(super) fn fingerprint(&self, claims: &dyn Claims) -> Option<Fingerprint> {
        let mut hash = Hash::new();
        // Those of one member stand together: most members are other TEEs', and are looked for once.
        for reads in self
            .reads
            .as_ref()?
            .chunk_by(|one, next| one.member() == next.member())
        {
            match reads.first().and_then(|read| claims.member(read.member())) {
                Some(member) => reads.iter().try_for_each(|read| hash.read(read, member))?,
                None => reads.iter().for_each(|_| hash.nothing()),
            }
        }
        let digest = hash.finish();
        digest.as_ref().try_into().ok().map(Fingerprint)
    }

    pub(super) fn recall(
        &self,
        fingerprint: &Fingerprint,
        reference: &ReferenceValueSnapshot,
    ) -> Option<Arc<Appraisal>> {
        let slot = self.slots.get()?.get(index(fingerprint))?;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slot.as_mut().filter(|known| known.fingerprint == *fingerprint)?;
        if known.snapshot != reference.serial() {
            let same = !self.reads_reference && known.values == values(&known.appraisal, reference);
            if !same {
                return None;
            }
            known.snapshot = reference.serial();
        }
        Some(Arc::clone(&known.appraisal))
    }

    pub(super) fn keep(
        &self,
        fingerprint: Fingerprint,
        reference: &ReferenceValueSnapshot,
        appraisal: &Arc<Appraisal>,
    ) {
        if !is_small(&appraisal.extensions) {
            return;
        }
        let remembered = Remembered {
            fingerprint,
            snapshot: reference.serial(),
            values: values(appraisal, reference),
            appraisal: Arc::clone(appraisal),
        };
        let slots = self
            .slots
            .get_or_init(|| (0..SLOTS).map(|_| Mutex::new(None)).collect());
        if let Some(slot) = slots.get(index(&fingerprint)) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(remembered);
        }
    }
}

/// Of parts that are under every member of another, that other. `None` if that is all there is.
fn reads(footprint: &Footprint) -> Option<Vec<Read>> {
    let mut reads = Vec::new();
    for Part { path, presence } in footprint.parts() {
        let names = path.iter().map_while(|step| match step {
            Step::Name(name) => Some(name.clone()),
            Step::Each => None,
        });
        let names: Vec<String> = names.collect();
        let read = Read {
            presence: *presence && names.len() == path.len(),
            path: names,
        };
        if read.path.is_empty() {
            return None;
        }
        if !reads.contains(&read) {
            reads.push(read);
        }
    }
    Some(reads)
}

fn index(fingerprint: &Fingerprint) -> usize {
    usize::from(fingerprint.0.first().copied().unwrap_or_default()) % SLOTS
}

/// What the snapshot has under each id that was asked for.
fn values(appraisal: &Appraisal, reference: &ReferenceValueSnapshot) -> Vec<Option<Value>> {
    let asked = appraisal.asked.iter();
    asked
        .map(|asked| reference.lookup(&Value::from(asked.id.as_str())).cloned())
        .collect()
}

fn is_small(extensions: &[Extension]) -> bool {
    let mut left = MAX_NODES;
    extensions
        .iter()
        .all(|extension| takes(&extension.value, &mut left))
}

/// Takes the nodes of a value off `left`, if there are as many.
fn takes(value: &serde_json::Value, left: &mut usize) -> bool {
    *left = match left.checked_sub(1) {
        Some(rest) => rest,
        None => return false,
    };
    match value {
        serde_json::Value::Array(items) => items.iter().all(|item| takes(item, left)),
        serde_json::Value::Object(members) => members.values().all(|member| takes(member, left)),
        _ => true,
    }
}

/// What was found at a path.
enum Found<'a> {
    Nothing,
    Something(Member<'a>),
    /// It would be in a text that nobody has looked into.
    Unknown,
}

/// Hashes findings one behind the other; each one says where it ends.
struct Hash {
    context: Context,
    /// What the context has not seen yet: most findings are a few bytes.
    small: Vec<u8>,
}

/// So many bytes are given to the hash together.
const TOGETHER: usize = 1024;

impl Hash {
    fn new() -> Self {
        Self {
            context: Context::new(&SHA256),
            small: Vec::with_capacity(TOGETHER),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        if self.small.len().saturating_add(bytes.len()) > TOGETHER {
            self.context.update(&self.small);
            self.small.clear();
        }
        match bytes.len() > TOGETHER {
            true => self.context.update(bytes),
            false => self.small.extend_from_slice(bytes),
        }
    }

    fn finish(mut self) -> Digest {
        self.context.update(&self.small);
        self.context.finish()
    }

    fn read(&mut self, read: &Read, member: Member<'_>) -> Option<()> {
        match (find(read.path.get(1..)?, member), read.presence) {
            (Found::Unknown, _) => return None,
            (Found::Nothing, _) => self.nothing(),
            (Found::Something(Member::Value(serde_json::Value::Bool(false))), true) => self.update(b"0"),
            (Found::Something(Member::Json(json)), true) => self.text(json.get()),
            (Found::Something(_), true) => self.update(b"+"),
            (Found::Something(Member::Text(text)), false) => self.text(text),
            (Found::Something(Member::Value(serde_json::Value::String(text))), false) => self.text(text),
            (Found::Something(member), false) => {
                self.update(b"j");
                serde_json::to_writer(&mut *self, &member).ok()?;
                // JSON text has no such byte in it.
                self.update(&[0]);
            }
        }
        Some(())
    }

    fn nothing(&mut self) {
        self.update(b"-");
    }

    fn text(&mut self, text: &str) {
        self.update(b"t");
        self.update(&text.len().to_le_bytes());
        self.update(text.as_bytes());
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a member has at the rest of a path.
fn find<'a>(path: &[String], member: Member<'a>) -> Found<'a> {
    let mut found = member;
    for name in path {
        let inner = match found {
            Member::Json(_) => return Found::Unknown,
            Member::Extended(object) if object.name == name => Some(Member::Json(object.json)),
            Member::Extended(object) => object.members.get(name).map(Member::Value),
            Member::Object(members) | Member::Value(serde_json::Value::Object(members)) => {
                members.get(name).map(Member::Value)
            }
            _ => None,
        };
        match inner {
            Some(inner) => found = inner,
            None => return Found::Nothing,
        }
    }
    Found::Something(found)
}

#[cfg(test)]
mod tests;
