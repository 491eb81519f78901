use std::collections::BTreeMap;

use crate::footprint::Step;

/// Places in a document, as a tree: what is said of one is said once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    wanted: Option<Wanted>,
    names: BTreeMap<Box<str>, Paths>,
    /// Below every member; what is said there is said of those in `names`, too.
    each: Option<Box<Paths>>,
}

/// What of a part is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanted {
    /// Whether it is there, and not `false`.
    Presence,
    /// All of it. The number is for whoever asked.
    Whole(usize),
}

impl Paths {
    /// Adds a place. Of two wishes for one the greater counts.
    pub(crate) fn add(&mut self, path: &[Step], wanted: Wanted) {
        match path {
            [] => self.wanted = self.wanted.max(Some(wanted)),
            [Step::Name(name), rest @ ..] => {
                let below_each = &self.each;
                let known = self.names.entry(name.as_str().into());
                let below = known.or_insert_with(|| below_each.as_deref().cloned().unwrap_or_default());
                below.add(rest, wanted);
            }
            [Step::Each, rest @ ..] => {
                self.each.get_or_insert_default().add(rest, wanted);
                for below in self.names.values_mut() {
                    below.add(rest, wanted);
                }
            }
        }
    }

    /// What is wanted of this place.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        self.wanted
    }

    /// Whether anything below this place is wanted.
    pub(super) fn goes_on(&self) -> bool {
        self.each.is_some() || !self.names.is_empty()
    }

    /// What is wanted of a member and of what is below it, and whether that is by the member's name.
    pub(super) fn member(&self, name: &str) -> Option<(&Self, bool)> {
        let by_name = self.names.get(name).map(|below| (below, true));
        by_name.or_else(|| self.each.as_deref().map(|below| (below, false)))
    }
}
