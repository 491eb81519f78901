//! The explanations of the last results: a guest that is refused comes again, and others like it do.
//!
//! What is remembered of an appraisal is handed out as one and the same, so that whoever has it in his hand has the same
//! claims before him, as far as the policy reads them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::{Appraisal, Explanation, ReferenceValueSnapshot};

/// How many explanations are kept: some kilobytes each.
const MAX: usize = 32;

/// Explanations, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    /// Holds its place in memory: nothing else comes to stand there.
    appraisal: Weak<Appraisal>,
    /// Of the reference values.
    serial: u64,
    explanation: Arc<Explanation>,
}

impl Recent {
    /// The explanation of this very appraisal, with these reference values.
    pub(crate) fn get(
        &self,
        appraisal: &Arc<Appraisal>,
        reference: &ReferenceValueSnapshot,
    ) -> Option<Arc<Explanation>> {
        let entries = self.lock();
        let same = |entry: &&Entry| {
            entry.serial == reference.serial()
                && std::ptr::eq(entry.appraisal.as_ptr(), Arc::as_ptr(appraisal))
        };
        let found = entries.iter().rev().find(same)?;
        Some(Arc::clone(&found.explanation))
    }

    /// Keeps an explanation. One that is not whole may be whole the next time.
    pub(crate) fn keep(
        &self,
        appraisal: &Arc<Appraisal>,
        reference: &ReferenceValueSnapshot,
        explanation: &Arc<Explanation>,
    ) {
        if explanation.incomplete.is_some() {
            return;
        }
        let mut entries = self.lock();
        entries.retain(|entry| entry.appraisal.strong_count() > 0);
        if entries.len() >= MAX {
            entries.pop_front();
        }
        entries.push_back(Entry {
            appraisal: Arc::downgrade(appraisal),
            serial: reference.serial(),
            explanation: Arc::clone(explanation),
        });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ar4si::TrustVector;

    fn appraisal() -> Arc<Appraisal> {
        Arc::new(Appraisal {
            vector: TrustVector::NO_CLAIMS,
            extensions: Vec::new(),
            asked: Vec::new(),
        })
    }

    #[test]
    fn only_the_same_appraisal_with_the_same_values_is_explained_from_memory() {
        let recent = Recent::default();
        let (one, other) = (appraisal(), appraisal());
        let values = ReferenceValueSnapshot::from_entries([]).unwrap();
        let others = ReferenceValueSnapshot::from_entries([]).unwrap();
        let explanation = Arc::new(Explanation::of(&one));
        recent.keep(&one, &values, &explanation);
        assert!(Arc::ptr_eq(&recent.get(&one, &values).unwrap(), &explanation));
        assert!(recent.get(&other, &values).is_none());
        assert!(recent.get(&one, &others).is_none());
    }

    #[test]
    fn what_is_not_whole_or_long_ago_is_not_kept() {
        let recent = Recent::default();
        let values = ReferenceValueSnapshot::default();
        let broken = appraisal();
        let explanation = Explanation {
            incomplete: Some("x"),
            ..Explanation::of(&broken)
        };
        recent.keep(&broken, &values, &Arc::new(explanation));
        assert!(recent.get(&broken, &values).is_none());

        let many: Vec<_> = (0..=MAX).map(|_| appraisal()).collect();
        for each in &many {
            recent.keep(each, &values, &Arc::new(Explanation::of(each)));
        }
        assert!(recent.get(&many[0], &values).is_none());
        assert!(recent.get(&many[MAX], &values).is_some());
        drop(many);
        recent.keep(&broken, &values, &Arc::new(Explanation::of(&broken)));
        assert_eq!(recent.lock().len(), 1);
    }
}
