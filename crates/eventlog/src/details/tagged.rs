//! Tagged events (`TCG_PCClientTaggedEvent`), and among them the attestation agent's.

use super::{Budget, DetailsError, members, text};
use crate::reader::Reader;
use serde_json::{Map, Value, json};

/// The tag of an entry of the attestation agent: `AAEL`.
const AAEL: u32 = 0x4141_454c;

/// A tagged event's text, and what it says if the attestation agent wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tagged {
    text: String,
    entry: Option<Entry>,
}

/// `domain SP operation SP content`.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    domain: String,
    operation: String,
    /// The JSON that it is, or else the text.
    content: Value,
}

impl Tagged {
    pub(super) fn parse(data: &[u8], budget: &mut Budget) -> Result<Self, DetailsError> {
        let mut reader = Reader::new(data);
        let tagged = reader.u32().and_then(|tag| Some((tag, reader.sized()?)));
        let (tag, bytes) = tagged.ok_or(DetailsError::Malformed("it is shorter than it says"))?;
        let text = text::whole(bytes)?.replace('\0', "");
        let entry = (tag == AAEL).then(|| Entry::parse(&text, budget)).transpose()?;
        Ok(Self { text, entry })
    }

    pub(super) fn claims(&self) -> Map<String, Value> {
        let text = Value::from(self.text.as_str());
        match &self.entry {
            None => members([("string", text)]),
            Some(entry) => {
                let data = json!({
                    "domain": entry.domain,
                    "operation": entry.operation,
                    "content": entry.content,
                });
                members([("data", data), ("string", text), ("unicode_name", "AAEL".into())])
            }
        }
    }
}

impl Entry {
    fn parse(text: &str, budget: &mut Budget) -> Result<Self, DetailsError> {
        let mut parts = text.splitn(3, ' ');
        let (Some(domain), Some(operation), Some(content)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(DetailsError::Malformed(
                "it has not a domain, an operation and a content",
            ));
        };
        let left = budget.json.checked_sub(content.len());
        budget.json = left.ok_or(DetailsError::TooMany("bytes in entries of the attestation agent"))?;
        Ok(Self {
            domain: domain.to_owned(),
            operation: operation.to_owned(),
            content: serde_json::from_str(content).unwrap_or_else(|_| content.into()),
        })
    }
}
