//! The values of an RVPS that tells what changes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use policy::ReferenceValueSnapshot;
use serde_json::Value;

use super::{ReferenceValue, ReferenceValueError};

/// What changed since the change before it.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Forget everything known and take `changed` as the whole.
    pub(crate) reset: bool,
    pub(crate) changed: Vec<ReferenceValue>,
    pub(crate) removed: Vec<String>,
}

/// Kept current by [`Watched::apply`]. Values that expire are left out even if nobody says so: the link to the
/// RVPS may be down when they do.
#[derive(Default)]
pub(crate) struct Watched(Mutex<State>);

#[derive(Default)]
struct State {
    snapshot: ReferenceValueSnapshot,
    expiries: HashMap<String, i64>,
    next_expiry: Option<i64>,
}

impl Watched {
    /// Takes a change in, whole or not at all.
    pub(crate) fn apply(&self, change: Change) -> Result<(), ReferenceValueError> {
        let values: Vec<(String, Value)> = change.changed.iter().map(parsed).collect::<Result<_, _>>()?;
        let mut state = self.lock();
        let snapshot = if change.reset {
            ReferenceValueSnapshot::from_entries(values)
        } else {
            state
                .snapshot
                .with_change(values, change.removed.iter().map(String::as_str))
        };
        state.snapshot = snapshot.map_err(|error| malformed(&error))?;
        if change.reset {
            state.expiries.clear();
        }
        for id in &change.removed {
            state.expiries.remove(id);
        }
        state.expiries.extend(
            change
                .changed
                .into_iter()
                .map(|value| (value.id, value.expires_at)),
        );
        state.next_expiry = state.expiries.values().min().copied();
        Ok(())
    }

    /// The values that have not expired at `now`.
    pub(crate) fn snapshot(&self, now: i64) -> Result<ReferenceValueSnapshot, ReferenceValueError> {
        let mut state = self.lock();
        if state.next_expiry.is_some_and(|expiry| expiry <= now) {
            let expired = state
                .expiries
                .iter()
                .filter(|(_, expiry)| **expiry <= now)
                .map(|(id, _)| id.as_str());
            let snapshot = state
                .snapshot
                .with_change([], expired)
                .map_err(|error| malformed(&error))?;
            state.snapshot = snapshot;
            state.expiries.retain(|_, expiry| *expiry > now);
            state.next_expiry = state.expiries.values().min().copied();
        }
        Ok(state.snapshot.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parsed(value: &ReferenceValue) -> Result<(String, Value), ReferenceValueError> {
    let json = serde_json::from_str(&value.value).map_err(|error| malformed(&error))?;
    Ok((value.id.clone(), json))
}

fn malformed(error: &dyn std::fmt::Display) -> ReferenceValueError {
    ReferenceValueError::Unavailable(format!("it gave a value that cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(id: &str, value: &str, expires_at: i64) -> ReferenceValue {
        ReferenceValue {
            id: id.to_owned(),
            value: value.to_owned(),
            expires_at,
        }
    }

    fn watched(changed: Vec<ReferenceValue>) -> Watched {
        let watched = Watched::default();
        watched
            .apply(Change {
                reset: true,
                changed,
                removed: Vec::new(),
            })
            .unwrap();
        watched
    }

    #[test]
    fn changes_add_replace_and_remove() {
        let watched = watched(vec![value("a", "1", 100), value("b", "2", 100)]);
        let change = Change {
            reset: false,
            changed: vec![value("a", "[3]", 100), value("c", "4", 100)],
            removed: vec!["b".to_owned()],
        };
        watched.apply(change).unwrap();
        let snapshot = watched.snapshot(0).unwrap();
        assert_eq!(
            [snapshot.get("a"), snapshot.get("b"), snapshot.get("c")],
            [Some(json!([3])), None, Some(json!(4))]
        );
    }

    #[test]
    fn a_reset_forgets_what_was_known() {
        let watched = watched(vec![value("a", "1", 100)]);
        watched
            .apply(Change {
                reset: true,
                changed: vec![value("b", "2", 100)],
                removed: vec![],
            })
            .unwrap();
        let snapshot = watched.snapshot(0).unwrap();
        assert_eq!([snapshot.get("a"), snapshot.get("b")], [None, Some(json!(2))]);
    }

    #[test]
    fn an_expired_value_is_not_served_even_if_nobody_says_so() {
        let watched = watched(vec![value("a", "1", 100), value("b", "2", 200)]);
        assert!(watched.snapshot(99).unwrap().get("a").is_some());
        assert_eq!(watched.snapshot(100).unwrap().get("a"), None);
        assert!(watched.snapshot(199).unwrap().get("b").is_some());
        assert!(watched.snapshot(200).unwrap().is_empty());
    }

    #[test]
    fn a_value_registered_again_lives_on() {
        let watched = watched(vec![value("a", "1", 100)]);
        watched
            .apply(Change {
                changed: vec![value("a", "1", 300)],
                ..Change::default()
            })
            .unwrap();
        assert!(watched.snapshot(100).unwrap().get("a").is_some());
    }

    #[test]
    fn a_change_that_cannot_be_read_changes_nothing() {
        let watched = watched(vec![value("a", "1", 100)]);
        let change = Change {
            changed: vec![value("a", "2", 100), value("b", "{", 100)],
            ..Change::default()
        };
        assert!(watched.apply(change).is_err());
        assert_eq!(watched.snapshot(0).unwrap().get("a"), Some(json!(1)));
    }
}
