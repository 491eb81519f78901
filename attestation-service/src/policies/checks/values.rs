//! Reference values that a policy asks for and nobody has registered.

use daemon::suggest::nearest;
use policy::defaults;
use policy::reads::Mention;

/// How many names that are registered are looked through for the nearest one.
const MAX_NAMES: usize = 20_000;
/// For how many ids the nearest name is looked for.
const MAX_SUGGESTED: usize = 64;
/// How many ids are named in one sentence.
const MAX_TOGETHER: usize = 32;

/// What is known of the reference values that a policy asks for.
#[derive(Debug, Default)]
pub(crate) struct KnownValues {
    /// Those that are not registered.
    pub(crate) unregistered: Vec<Mention<String>>,
    /// Those of which it cannot be said now, and why.
    pub(crate) unknown: Option<(Vec<Mention<String>>, String)>,
    /// Ids that are registered, for suggestions.
    pub(crate) registered: Vec<String>,
    /// For how many seconds the RVPS has not been heard of, if what was known then was looked at.
    pub(crate) age: Option<u64>,
}

impl KnownValues {
    /// What is to be warned of, each in a sentence.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.unregistered();
        if let Some((ids, why)) = &self.unknown {
            let sentences = together(ids.iter().map(|id| id.name.as_str())).into_iter().map(|ids| {
                format!(
                    "whether these reference values are registered could not be checked, for {why}; set the policy \
                     again when the RVPS answers: {ids}"
                )
            });
            warnings.extend(sentences);
        }
        warnings
    }

    /// What is no reason to refuse the policy.
    pub(super) fn note(&self) -> Option<String> {
        let age = self.age?;
        Some(format!(
            "the RVPS has not been heard of for {age} s: the reference values that it had then were looked at"
        ))
    }

    /// Those with a near name each, the others together.
    fn unregistered(&self) -> Vec<String> {
        let shipped = defaults::reference_ids();
        let mut strange = Vec::new();
        let mut warnings = Vec::new();
        for (number, id) in self.unregistered.iter().enumerate() {
            let known = self.registered.iter().take(MAX_NAMES).map(String::as_str);
            // A name that the shipped policies know is right, and its value comes later.
            let near = match number >= MAX_SUGGESTED || shipped.contains(&id.name) {
                true => None,
                false => nearest(&id.name, known.chain(shipped.iter().map(String::as_str))),
            };
            match near {
                Some(near) => warnings.push(format!(
                    "line {}: the reference value `{}` is not registered: did you mean `{near}`?",
                    id.line, id.name
                )),
                None => strange.push(id.name.as_str()),
            }
        }
        let strange = together(strange).into_iter().map(|ids| {
            format!("these reference values are not registered, so nothing will match them: {ids}")
        });
        warnings.extend(strange);
        warnings
    }
}

/// Ids for sentences that are not too long.
fn together<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let ids: Vec<&str> = ids.into_iter().collect();
    ids.chunks(MAX_TOGETHER).map(|ids| ids.join(", ")).collect()
}
