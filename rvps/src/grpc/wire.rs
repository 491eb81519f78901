//! What goes over the wire.

use std::{iter::Peekable, sync::Arc, vec};

use protos::reference::{
    ReferenceValue as WireValue, ReferenceValueChange, ReferenceValueHistoryResponse, ReferenceValueMessage,
    ReferenceValueRegistrar, ReferenceValueReplacement, ReferenceValueReplacements, ReferenceValueRevocation,
    ReferenceValueVersion,
};

use crate::{Change, Event, Overview, ReferenceValue, Registrar, Replaced, Revoked, Version};

pub(super) fn value(value: &ReferenceValue) -> WireValue {
    WireValue {
        id: value.id().to_owned(),
        value: value.json().to_owned(),
        expires_at: value.expires_at(),
    }
}

/// About how large a part of a change may be, in bytes: a value more.
const PART_BYTES: usize = 128 << 10;

/// How much an answer tells of what is replaced, in bytes.
const REPLACED_BYTES: usize = 1 << 20;

/// What a value takes besides its texts, at most.
const OVERHEAD: usize = 32;

/// The messages that a change is told in: one, unless it is large. Each is made when it is asked for. All but the last
/// say that there is more, so that whoever takes them in never has a part for the whole.
pub(super) struct Parts {
    reset: bool,
    changed: Peekable<vec::IntoIter<Arc<ReferenceValue>>>,
    removed: Peekable<vec::IntoIter<String>>,
    over: bool,
}

impl Parts {
    pub(super) fn of(change: Change) -> Self {
        Self {
            reset: change.reset,
            changed: change.changed.into_iter().peekable(),
            removed: change.removed.into_iter().peekable(),
            over: false,
        }
    }
}

impl Iterator for Parts {
    type Item = ReferenceValueChange;

    fn next(&mut self) -> Option<ReferenceValueChange> {
        if self.over {
            return None;
        }
        let mut part = ReferenceValueChange {
            reset: std::mem::take(&mut self.reset),
            ..ReferenceValueChange::default()
        };
        let mut bytes = 0;
        while bytes < PART_BYTES {
            if let Some(id) = self.removed.next() {
                bytes += id.len() + OVERHEAD;
                part.removed.push(id);
            } else if let Some(changed) = self.changed.next() {
                bytes += changed.id().len() + changed.json().len() + OVERHEAD;
                part.changed.push(value(&changed));
            } else {
                break;
            }
        }
        part.more = self.removed.peek().is_some() || self.changed.peek().is_some();
        self.over = !part.more;
        Some(part)
    }
}

/// As many as one answer takes: clients of other makes read no more than 4 MiB.
pub(super) fn replaced(replaced: &[Replaced]) -> ReferenceValueReplacements {
    let mut room = REPLACED_BYTES;
    let told = replaced.iter().map_while(|Replaced { from, to }| {
        let bytes = to.id().len() + from.json().len() + to.json().len() + OVERHEAD;
        room = room.checked_sub(bytes)?;
        Some(ReferenceValueReplacement {
            id: to.id().to_owned(),
            from: from.json().to_owned(),
            to: to.json().to_owned(),
        })
    });
    let values: Vec<_> = told.collect();
    let more = replaced.len().saturating_sub(values.len());
    ReferenceValueReplacements {
        values,
        more: u64::try_from(more).unwrap_or(u64::MAX),
    }
}

pub(super) fn history(overview: Overview) -> ReferenceValueHistoryResponse {
    let Overview { current, record } = overview;
    let newest = record.latest().and_then(|latest| latest.value.as_ref());
    ReferenceValueHistoryResponse {
        current_is_newest: current.as_ref().map(|current| current.value()) == newest,
        current: current.as_deref().map(value),
        versions: record.versions().iter().rev().map(version).collect(),
        revoked: record.revoked().iter().map(revoked).collect(),
    }
}

fn version(version: &Version) -> ReferenceValueVersion {
    ReferenceValueVersion {
        number: version.number,
        event: match version.event {
            Event::Registered => "registered",
            Event::Deleted => "deleted",
            Event::Revoked => "revoked",
        }
        .to_owned(),
        at: version.at,
        by: Some(registrar(&version.by)),
        reason: version.reason.clone(),
        value: version.value.as_ref().map(ToString::to_string),
        expires_at: version.expires_at,
        message: version.message.as_ref().map(|message| ReferenceValueMessage {
            r#type: message.kind.clone(),
            digest: message.digest.clone(),
            issued_at: message.issued_at,
            anchor: message.signer.as_ref().map(|signer| signer.anchor.clone()),
            key: message.signer.as_ref().map(|signer| signer.key.clone()),
        }),
        renewed_at: version.renewed_at,
    }
}

fn revoked(revoked: &Revoked) -> ReferenceValueRevocation {
    ReferenceValueRevocation {
        value: revoked.value.to_string(),
        at: revoked.at,
        by: Some(registrar(&revoked.by)),
        reason: revoked.reason.clone(),
    }
}

fn registrar(registrar: &Registrar) -> ReferenceValueRegistrar {
    ReferenceValueRegistrar {
        how: registrar.how.as_str().to_owned(),
        name: registrar.name.clone(),
        on_behalf_of: registrar.on_behalf_of.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(number: usize, bytes: usize) -> Vec<Arc<ReferenceValue>> {
        let value = |n| ReferenceValue::new(format!("id-{n}"), json!("x".repeat(bytes)), 7);
        (0..number).map(|n| Arc::new(value(n))).collect()
    }

    #[test]
    fn a_small_change_is_one_message_and_so_is_an_empty_one() {
        for number in [0, 1, 100] {
            let change = Change {
                reset: true,
                changed: changed(number, 10),
                removed: vec!["gone".to_owned()],
            };
            let [part] = &Parts::of(change).collect::<Vec<_>>()[..] else {
                panic!("{number}")
            };
            assert!(part.reset && !part.more);
            assert_eq!((part.changed.len(), part.removed.len()), (number, 1));
        }
    }

    #[test]
    fn a_large_change_comes_in_parts_that_together_are_the_whole() {
        let change = Change {
            reset: true,
            changed: changed(5000, 100),
            removed: (0..5000).map(|n| format!("gone-{n}")).collect(),
        };
        let parts: Vec<_> = Parts::of(change.clone()).collect();
        assert!(parts.len() > 4);
        let (last, others) = parts.split_last().unwrap();
        assert!(!last.more && others.iter().all(|part| part.more));
        assert!(parts[0].reset && parts[1..].iter().all(|part| !part.reset));
        let removed: Vec<_> = parts.iter().flat_map(|part| part.removed.clone()).collect();
        assert_eq!(removed, change.removed);
        let ids: Vec<_> = parts
            .iter()
            .flat_map(|part| &part.changed)
            .map(|value| &value.id)
            .collect();
        assert_eq!(
            ids,
            change.changed.iter().map(|value| value.id()).collect::<Vec<_>>()
        );
        let bytes = |part: &ReferenceValueChange| -> usize {
            let changed = part
                .changed
                .iter()
                .map(|value| value.id.len() + value.value.len());
            changed.chain(part.removed.iter().map(String::len)).sum()
        };
        assert!(parts.iter().all(|part| bytes(part) <= PART_BYTES));
    }

    #[test]
    fn a_value_as_large_as_values_may_be_is_a_part_of_its_own() {
        let change = Change {
            reset: false,
            changed: changed(3, crate::MAX_VALUE_BYTES - 2),
            removed: Vec::new(),
        };
        let parts: Vec<_> = Parts::of(change)
            .map(|part| (part.changed.len(), part.more))
            .collect();
        assert_eq!(parts, [(1, true), (1, true), (1, false)]);
    }
}
