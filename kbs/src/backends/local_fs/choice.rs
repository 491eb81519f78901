//! Which file counts where a resource has two: the newer one.
//!
//! Whoever rotates a secret writes the form it knows. The older file is then
//! what it was before, whichever form that has.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::names::Form;
use crate::resource::ResourcePath;

/// How many resources are warned of, so that the log and the memory are bounded.
const WARNINGS: usize = 256;

/// The resources that have two files, and were warned of.
#[derive(Default)]
pub(super) struct Doubles {
    said: Mutex<BTreeSet<ResourcePath>>,
}

impl Doubles {
    /// Warns of a resource with two files, once.
    pub(super) fn warn(&self, path: &ResourcePath, counts: &Path, ignored: &Path) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < WARNINGS && said.insert(path.clone()) {
            tracing::warn!(
                served = %counts.display(),
                ignored = %ignored.display(),
                "a resource has two files: the one that was modified last is served. Remove the other, or set the \
                 resource again, which leaves one"
            );
        }
    }

    /// How many were warned of.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The form that counts, where both are there. Of two files of the same instant it is the nested one.
pub(super) fn newer(nested: &Metadata, flat: &Metadata) -> Form {
    match (nested.modified(), flat.modified()) {
        (Ok(nested), Ok(flat)) if flat > nested => Form::Flat,
        _ => Form::Nested,
    }
}
