//! What one evaluation may ask its host for.
//!
//! The engine's extensions are made once a policy and shared by all evaluations, so what belongs to one
//! evaluation waits on its thread while it runs.

use std::cell::RefCell;

use regorus::Value;

use super::guarded::{self, Builtin};
use super::{MATCHES, QUERY};
use crate::{AskedValue, Limits, PolicyError, ReferenceValueSnapshot};

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// The host's side of one evaluation.
pub(crate) struct Host {
    reference: Option<ReferenceValueSnapshot>,
    asked: Vec<AskedValue>,
    memory: usize,
    failure: Option<PolicyError>,
}

/// Our own function failed; the host knows why.
#[derive(Debug, thiserror::Error)]
#[error("the host refused")]
pub(super) struct Refused;

impl Host {
    /// A host for a policy that asks for nothing.
    pub(crate) fn new(limits: &Limits) -> Self {
        let memory = limits.memory.min(guarded::CEILING);
        Self {
            reference: None,
            asked: Vec::new(),
            memory,
            failure: None,
        }
    }

    /// Lets the policy ask for reference values.
    pub(crate) fn with_reference(mut self, reference: ReferenceValueSnapshot) -> Self {
        self.reference = Some(reference);
        self
    }

    /// The same host before it was asked for anything.
    pub(super) fn afresh(&self) -> Self {
        Self {
            reference: self.reference.clone(),
            asked: Vec::new(),
            memory: self.memory,
            failure: None,
        }
    }

    /// The reference values the policy asked for.
    pub(crate) fn into_asked(self) -> Vec<AskedValue> {
        self.asked
    }

    pub(super) fn take_failure(&mut self) -> Option<PolicyError> {
        self.failure.take()
    }

    fn look_up(&mut self, id: &Value, function: &str) -> Result<Option<Value>, Refused> {
        let (Some(reference), Value::String(text)) = (&self.reference, id) else {
            return Err(self.misused(function));
        };
        let value = reference.lookup(id).cloned();
        if self.asked.iter().all(|earlier| *earlier.id != **text) {
            self.asked.push(AskedValue {
                id: text.to_string(),
                known: value.is_some(),
            });
        }
        Ok(value)
    }

    fn misused(&mut self, function: &str) -> Refused {
        self.refuse(PolicyError::Evaluation(format!(
            "`{function}` takes the id as a string"
        )))
    }

    fn refuse(&mut self, failure: PolicyError) -> Refused {
        self.failure.get_or_insert(failure);
        Refused
    }
}

/// Runs an evaluation with its host.
pub(super) fn with<T>(host: Host, run: impl FnOnce() -> T) -> (T, Host) {
    let earlier = HOST.replace(Some(host));
    let result = run();
    let host = HOST.replace(earlier);
    (result, host.unwrap_or_else(|| Host::new(&Limits::DEFAULT)))
}

/// `query_reference_value`: the value, or null.
pub(super) fn query(arguments: &[Value]) -> Result<Value, Refused> {
    asking(|host| {
        let [id] = arguments else {
            return Err(host.misused(QUERY));
        };
        host.look_up(id, QUERY).map(|value| value.unwrap_or(Value::Null))
    })
}

/// `matches_reference_value`: whether a claim is the value, or one of its elements if it is a list. Null
/// matches nothing.
pub(super) fn matches(arguments: &[Value]) -> Result<Value, Refused> {
    asking(|host| {
        let [claim, id] = arguments else {
            return Err(host.misused(MATCHES));
        };
        let matches = match host.look_up(id, MATCHES)? {
            Some(Value::Array(list)) => list.contains(claim),
            Some(value) => value == *claim,
            None => false,
        };
        Ok(Value::Bool(
            matches && !matches!(claim, Value::Null | Value::Undefined),
        ))
    })
}

/// A guarded built-in, if the evaluation may use as much as it can need.
pub(super) fn call(builtin: &Builtin, arguments: &[Value]) -> Result<Value, Refused> {
    asking(|host| match builtin.call(arguments, &mut host.memory) {
        Ok(value) => Ok(value),
        Err(failure) => Err(host.refuse(failure)),
    })
}

fn asking<T>(ask: impl FnOnce(&mut Host) -> Result<T, Refused>) -> Result<T, Refused> {
    HOST.with_borrow_mut(|host| host.as_mut().map_or(Err(Refused), ask))
}
