//! Tagged events (`TCG_PCClientTaggedEvent`), and among them the attestation agent's.

use super::{Budget, DetailsError, content, text, write_text};
use crate::json::Json;
use crate::reader::Reader;
use std::borrow::Cow;

/// The tag of an entry of the attestation agent: `AAEL`.
const AAEL: u32 = 0x4141_454c;

/// A tagged event's text, and whether the attestation agent wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Tagged<'a> {
    text: Cow<'a, str>,
    is_entry: bool,
}

/// `domain SP operation SP content`.
struct Entry<'a> {
    domain: &'a str,
    operation: &'a str,
    content: &'a str,
}

impl<'a> Tagged<'a> {
    pub(super) fn parse(data: &'a [u8], budget: &mut Budget) -> Result<Self, DetailsError> {
        let mut reader = Reader::new(data);
        let tagged = reader.u32().and_then(|tag| Some((tag, reader.sized()?)));
        let (tag, bytes) = tagged.ok_or(DetailsError::Malformed("it is shorter than it says"))?;
        let text = without_zeros(text::whole(bytes)?);
        let is_entry = tag == AAEL;
        if is_entry {
            let entry = Entry::of(&text).ok_or(DetailsError::Malformed(
                "it has not a domain, an operation and a content",
            ))?;
            let what = "bytes in entries of the attestation agent";
            Budget::spend(&mut budget.json, entry.content.len(), what)?;
            let what = "JSON values in entries of the attestation agent";
            Budget::spend(&mut budget.values, content::count(entry.content), what)?;
        }
        Ok(Self { text, is_entry })
    }

    pub(super) fn write(&self, json: &mut Json) {
        match self.is_entry.then(|| Entry::of(&self.text)).flatten() {
            Some(entry) => json.about(self.text.len().saturating_mul(3), |json| {
                self.write_entry(&entry, json)
            }),
            None => write_text(json, &self.text),
        }
    }

    fn write_entry(&self, entry: &Entry<'_>, json: &mut Json) {
        json.raw(r#"{"data":{"content":"#);
        json.value(&content::or_text(entry.content));
        json.raw(r#","domain":"#);
        json.text(entry.domain);
        json.raw(r#","operation":"#);
        json.text(entry.operation);
        json.raw(r#"},"string":"#);
        json.text(&self.text);
        json.raw(r#","unicode_name":"AAEL"}"#);
    }
}

impl<'a> Entry<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        Some(Self {
            domain: parts.next()?,
            operation: parts.next()?,
            content: parts.next()?,
        })
    }
}

fn without_zeros(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    }
}
