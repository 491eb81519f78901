use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::active::ActivePolicy;
use super::scope::Scope;

/// All the release policies in force at one moment. Never changed, only replaced.
pub(super) struct InForce {
    main: Arc<ActivePolicy>,
    scoped: BTreeMap<String, Arc<ActivePolicy>>,
    /// The scoped ones by scope, so that a request finds its own among thousands.
    by_scope: HashMap<Box<str>, Vec<Arc<ActivePolicy>>>,
}

impl InForce {
    pub(super) fn new(main: Arc<ActivePolicy>, scoped: BTreeMap<String, Arc<ActivePolicy>>) -> Self {
        let mut by_scope: HashMap<Box<str>, Vec<Arc<ActivePolicy>>> = HashMap::new();
        for policy in scoped.values() {
            let scope = policy.scope().map(Scope::as_str).unwrap_or_default();
            by_scope.entry(scope.into()).or_default().push(Arc::clone(policy));
        }
        Self {
            main,
            scoped,
            by_scope,
        }
    }

    /// The one that is asked about everything.
    pub(super) fn main(&self) -> &Arc<ActivePolicy> {
        &self.main
    }

    /// The one of this id.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<ActivePolicy>> {
        if id == self.main.id() {
            Some(&self.main)
        } else {
            self.scoped.get(id)
        }
    }

    /// All of them: the one for everything, then the scoped ones by id.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<ActivePolicy>> {
        std::iter::once(&self.main).chain(self.scoped.values())
    }

    /// Whether these are the very same policies.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.scoped.len() == other.scoped.len()
            && self
                .all()
                .zip(other.all())
                .all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The same with this policy in the place of the one of its id.
    pub(super) fn with(&self, policy: Arc<ActivePolicy>) -> Self {
        let mut scoped = self.scoped.clone();
        match policy.scope() {
            None => Self::new(policy, scoped),
            Some(_) => {
                scoped.insert(policy.id().to_owned(), policy);
                Self::new(Arc::clone(&self.main), scoped)
            }
        }
    }

    /// The same without the scoped policy of this id.
    pub(super) fn without(&self, id: &str) -> Self {
        let mut scoped = self.scoped.clone();
        scoped.remove(id);
        Self::new(Arc::clone(&self.main), scoped)
    }

    /// The policies that have to say yes to a request: the one for everything
    /// first, then those whose scope it is in, the widest scope first.
    pub(super) fn asked<'s>(
        &'s self,
        plugin: &'s str,
        path: &'s [String],
    ) -> impl Iterator<Item = &'s Arc<ActivePolicy>> {
        let scoped = (!self.by_scope.is_empty()).then(|| Scope::covering(plugin, path));
        let scoped = scoped
            .into_iter()
            .flatten()
            .filter_map(|scope| self.by_scope.get(scope.as_str()))
            .flatten();
        std::iter::once(&self.main).chain(scoped)
    }
}
