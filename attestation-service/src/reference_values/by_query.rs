//! The values of an RVPS that only answers queries: every implementation but ours.
//!
//! A policy is evaluated with what was looked up so far, then what it asked for is looked up, and so on until it
//! asks for nothing new. What was looked up is good for a moment, for all evaluations.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use policy::ReferenceValueSnapshot;
use serde_json::Value;

use super::{ReferenceValueError, View};

/// How many values one generation of answers may hold.
pub(crate) const MAX_VALUES: usize = 512;

/// The answers of the last moment.
pub(crate) struct RecentAnswers {
    lifetime: Duration,
    generation: Mutex<Option<Generation>>,
}

struct Generation {
    since: Instant,
    view: View,
}

impl RecentAnswers {
    /// Answers may be so old.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            generation: Mutex::default(),
        }
    }

    /// What was looked up in the last moment.
    pub(crate) fn view(&self) -> View {
        let generation = self.lock();
        match generation.as_ref().filter(|generation| self.is_young(generation)) {
            Some(generation) => generation.view.clone(),
            None => View {
                values: ReferenceValueSnapshot::default(),
                looked_up: Some(Arc::default()),
                age: None,
            },
        }
    }

    /// `view` with `answers`, which are kept for others too.
    pub(crate) fn extend(
        &self,
        view: &View,
        answers: Vec<(String, Option<Value>)>,
    ) -> Result<View, ReferenceValueError> {
        let extended = with(view, &answers)?;
        let mut generation = self.lock();
        let merged = generation
            .as_ref()
            .filter(|generation| self.is_young(generation))
            .and_then(|young| {
                Some(Generation {
                    since: young.since,
                    view: with(&young.view, &answers).ok()?,
                })
            });
        // Many policies together may ask for more than fits: then a new generation begins.
        *generation = Some(merged.unwrap_or_else(|| Generation {
            since: Instant::now(),
            view: extended.clone(),
        }));
        Ok(extended)
    }

    /// Forgets everything: something was registered.
    pub(crate) fn clear(&self) {
        *self.lock() = None;
    }

    fn is_young(&self, generation: &Generation) -> bool {
        generation.since.elapsed() < self.lifetime
    }

    fn lock(&self) -> MutexGuard<'_, Option<Generation>> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with(view: &View, answers: &[(String, Option<Value>)]) -> Result<View, ReferenceValueError> {
    let looked_up = view.looked_up.iter().flat_map(|ids| ids.iter());
    let looked_up: HashSet<String> = looked_up
        .chain(answers.iter().map(|(id, _)| id))
        .cloned()
        .collect();
    if looked_up.len() > MAX_VALUES {
        return Err(ReferenceValueError::TooMany(MAX_VALUES));
    }
    let known = answers
        .iter()
        .filter_map(|(id, value)| Some((id.clone(), value.clone()?)));
    let values = view.values.with_change(known, []);
    let values = values.map_err(|error| ReferenceValueError::Unavailable(error.to_string()))?;
    Ok(View {
        values,
        looked_up: Some(Arc::new(looked_up)),
        age: None,
    })
}

#[cfg(test)]
mod tests {
    use policy::AskedValue;
    use serde_json::json;

    use super::*;

    fn asked(id: &str, known: bool) -> AskedValue {
        AskedValue {
            id: id.to_owned(),
            known,
        }
    }

    #[test]
    fn only_what_was_not_looked_up_is_an_open_question() {
        let answers = RecentAnswers::new(Duration::from_secs(3));
        let view = answers.view();
        assert_eq!(
            view.open_questions(&[asked("a", false), asked("b", false)]),
            ["a", "b"]
        );
        let found = vec![("a".to_owned(), Some(json!(1))), ("b".to_owned(), None)];
        let view = answers.extend(&view, found).unwrap();
        assert_eq!(
            view.open_questions(&[asked("a", true), asked("b", false), asked("c", false)]),
            ["c"]
        );
        assert_eq!(view.values.get("a"), Some(json!(1)));
    }

    #[test]
    fn answers_are_shared_for_a_moment_and_no_longer() {
        let answers = RecentAnswers::new(Duration::from_secs(3600));
        let empty = answers.view();
        answers
            .extend(&empty, vec![("a".to_owned(), Some(json!(1)))])
            .unwrap();
        answers
            .extend(&empty, vec![("b".to_owned(), Some(json!(2)))])
            .unwrap();
        assert_eq!(answers.view().values.get("a"), Some(json!(1)));
        assert_eq!(answers.view().values.get("b"), Some(json!(2)));

        let answers = RecentAnswers::new(Duration::ZERO);
        let view = answers
            .extend(&empty, vec![("a".to_owned(), Some(json!(1)))])
            .unwrap();
        assert_eq!(view.values.get("a"), Some(json!(1)));
        assert!(answers.view().values.is_empty());
    }

    #[test]
    fn what_was_registered_shows_at_once() {
        let answers = RecentAnswers::new(Duration::from_secs(3));
        answers
            .extend(&answers.view(), vec![("a".to_owned(), None)])
            .unwrap();
        answers.clear();
        assert_eq!(answers.view().open_questions(&[asked("a", false)]), ["a"]);
    }

    #[test]
    fn a_policy_that_asks_without_end_is_stopped() {
        let answers = RecentAnswers::new(Duration::from_secs(3));
        let many = (0..=MAX_VALUES).map(|n| (n.to_string(), None)).collect();
        assert_eq!(
            answers.extend(&answers.view(), many).unwrap_err(),
            ReferenceValueError::TooMany(MAX_VALUES)
        );
    }
}
