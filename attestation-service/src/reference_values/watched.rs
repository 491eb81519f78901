//! The values of an RVPS that tells what changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::{Gone, ReferenceValueSnapshot};
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
    /// What there was, when that was noticed, and why it is not there any more.
    gone: HashMap<String, (i64, Gone)>,
}

/// How many of the names that are gone are remembered.
const MAX_GONE: usize = 1000;

/// By how many seconds the clock of the RVPS may be ahead: what it takes away so close to the end has expired there.
const SKEW: i64 = 5;

impl Watched {
    /// Takes a change in, whole or not at all.
    pub(crate) fn apply(&self, change: Change, now: i64) -> Result<(), ReferenceValueError> {
        let values: Vec<(String, Value)> = change.changed.iter().map(parsed).collect::<Result<_, _>>()?;
        let mut state = self.lock();
        let snapshot = if change.reset {
            ReferenceValueSnapshot::from_entries(values)
        } else {
            state
                .snapshot
                .with_change(values, change.removed.iter().map(String::as_str))
        };
        let snapshot = snapshot.map_err(|error| malformed(&error))?;
        let gone: Vec<(String, i64)> = match change.reset {
            true => std::mem::take(&mut state.expiries).into_iter().collect(),
            false => {
                let removed = change.removed.iter();
                removed.filter_map(|id| state.expiries.remove_entry(id)).collect()
            }
        };
        state.expiries.extend(
            change
                .changed
                .into_iter()
                .map(|value| (value.id, value.expires_at)),
        );
        state.next_expiry = state.expiries.values().min().copied();
        state.set(snapshot, gone, now);
        Ok(())
    }

    /// The values that have not expired at `now`.
    pub(crate) fn snapshot(&self, now: i64) -> Result<ReferenceValueSnapshot, ReferenceValueError> {
        let mut state = self.lock();
        if state.next_expiry.is_some_and(|expiry| expiry <= now) {
            let expired: Vec<(String, i64)> = state.expiries.extract_if(|_, expiry| *expiry <= now).collect();
            let snapshot = state
                .snapshot
                .with_change([], expired.iter().map(|(id, _)| id.as_str()))
                .map_err(|error| malformed(&error))?;
            state.next_expiry = state.expiries.values().min().copied();
            state.set(snapshot, expired, now);
        }
        Ok(state.snapshot.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes `snapshot` for what there is, and notes of what is `gone` (each with the end of its validity) why. Names and
    /// dates only: no value of it comes back.
    fn set(&mut self, snapshot: ReferenceValueSnapshot, gone: Vec<(String, i64)>, now: i64) {
        self.gone.retain(|id, _| !self.expiries.contains_key(id));
        let gone = gone.into_iter().filter(|(id, _)| !self.expiries.contains_key(id));
        let gone = gone.map(|(id, expiry)| match expiry <= now.saturating_add(SKEW) {
            true => (id, (now, Gone::Expired(expiry))),
            false => (id, (now, Gone::Removed)),
        });
        self.gone.extend(gone);
        if let Some(excess) = self.gone.len().checked_sub(MAX_GONE).filter(|excess| *excess > 0) {
            let mut by_age: Vec<(i64, String)> = self
                .gone
                .iter()
                .map(|(id, (noted, _))| (*noted, id.clone()))
                .collect();
            by_age.sort_unstable();
            for (_, id) in by_age.into_iter().take(excess) {
                self.gone.remove(&id);
            }
        }
        let told = self.gone.iter().map(|(id, (_, why))| (id.clone(), *why));
        self.snapshot = snapshot.with_gone(Arc::new(told.collect()));
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
            .apply(
                Change {
                    reset: true,
                    changed,
                    removed: Vec::new(),
                },
                0,
            )
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
        watched.apply(change, 0).unwrap();
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
            .apply(
                Change {
                    reset: true,
                    changed: vec![value("b", "2", 100)],
                    removed: vec![],
                },
                0,
            )
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
            .apply(
                Change {
                    changed: vec![value("a", "1", 300)],
                    ..Change::default()
                },
                0,
            )
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
        assert!(watched.apply(change, 0).is_err());
        assert_eq!(watched.snapshot(0).unwrap().get("a"), Some(json!(1)));
    }

    fn taken_away(removed: &str) -> Change {
        Change {
            removed: vec![removed.to_owned()],
            ..Change::default()
        }
    }

    #[test]
    fn why_a_value_is_gone_is_known_until_it_is_registered_again() {
        let values = || vec![value("a", "1", 100), value("b", "2", 200), value("c", "3", 900)];
        let watched = watched(values());
        assert_eq!(watched.snapshot(99).unwrap().gone("a"), None);
        // Of its own, of the RVPS a moment earlier, before its time, and over a pause in which nothing was heard.
        assert_eq!(watched.snapshot(100).unwrap().gone("a"), Some(Gone::Expired(100)));
        watched.apply(taken_away("b"), 198).unwrap();
        watched.apply(taken_away("c"), 199).unwrap();
        watched.apply(taken_away("unheard of"), 199).unwrap();
        let snapshot = watched.snapshot(199).unwrap();
        let why = ["a", "b", "c", "unheard of"].map(|id| snapshot.gone(id));
        assert_eq!(
            why,
            [
                Some(Gone::Expired(100)),
                Some(Gone::Expired(200)),
                Some(Gone::Removed),
                None
            ]
        );
        assert!(snapshot.is_empty());
        let again = Change {
            changed: vec![value("a", "1", 900), value("d", "1", 900)],
            ..Change::default()
        };
        watched.apply(again, 300).unwrap();
        let snapshot = watched.snapshot(300).unwrap();
        assert_eq!(
            (snapshot.gone("a"), snapshot.gone("c")),
            (None, Some(Gone::Removed))
        );
        let other = Change {
            reset: true,
            changed: vec![value("a", "1", 900)],
            removed: Vec::new(),
        };
        watched.apply(other, 400).unwrap();
        let snapshot = watched.snapshot(400).unwrap();
        assert_eq!(
            (snapshot.gone("a"), snapshot.gone("d")),
            (None, Some(Gone::Removed))
        );
    }

    #[test]
    fn of_what_is_gone_the_latest_names_are_remembered_and_no_more() {
        let many = (0..5000).map(|number| value(&format!("v{number:04}"), "1", 100 + number / 1000));
        let watched = watched(many.collect());
        assert!(watched.snapshot(103).unwrap().gone("v3999").is_some());
        let snapshot = watched.snapshot(200).unwrap();
        assert_eq!(watched.lock().gone.len(), MAX_GONE);
        assert_eq!(
            (snapshot.gone("v3999"), snapshot.gone("v4999")),
            (None, Some(Gone::Expired(104)))
        );
    }
}
