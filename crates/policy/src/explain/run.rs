//! Asks our rules, each once, and not without end.

use std::collections::BTreeMap;

use regorus::Value;

use super::program::{Detail, Place, Program};
use super::syntax::Syntax;
use crate::engine::auxiliary::Session;
use crate::{LimitKind, Limits, PolicyError, PolicyInput, ReferenceValueSnapshot};

/// The most rules that are read for all that failed in one result, and for all that did not.
const MAX_READ: usize = 256;

/// The arguments of a function that is looked into, as one list.
pub(super) type Arguments = Option<Value>;

/// Nothing more is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop;

/// What one evaluation is looked into with.
pub(super) struct Run<'a> {
    pub(super) syntax: &'a Syntax,
    pub(super) rego: &'a str,
    pub(super) detail: Detail,
    pub(super) input: &'a PolicyInput,
    pub(super) reference: &'a ReferenceValueSnapshot,
    session: Session<'a>,
    left: usize,
    progress: BTreeMap<(Place, Arguments), Option<usize>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        syntax: &'a Syntax,
        program: &Program,
        rego: &'a str,
        documents: &Documents<'a>,
        limits: &Limits,
    ) -> Self {
        let Documents {
            input,
            data,
            reference,
        } = *documents;
        Self {
            syntax,
            rego,
            detail: program.detail,
            input,
            reference,
            session: program.auxiliary.session(&input.0, data, reference, limits),
            left: MAX_READ,
            progress: BTreeMap::new(),
        }
    }

    /// Allows as much reading as at first. What is known stays known.
    pub(super) fn begin_anew(&mut self) {
        self.left = MAX_READ;
    }

    /// How many conditions of a body hold. `None` if the body is of a function that has another pattern, or if that
    /// cannot be said.
    pub(super) fn progress(&mut self, place: Place, arguments: &Arguments) -> Result<Option<usize>, Stop> {
        let body = self.syntax.rules.get(place.rule);
        let Some(body) = body.and_then(|rule| rule.bodies.get(place.body)) else {
            return Ok(None);
        };
        if body.conditions.is_empty() && body.arguments.is_empty() {
            return Ok(Some(0));
        }
        let key = (place, arguments.clone());
        if let Some(known) = self.progress.get(&key) {
            return Ok(*known);
        }
        let count = self.count(&place.progress(), arguments)?;
        self.progress.insert(key, count);
        Ok(count)
    }

    /// Of each group of conditions of a body the first that does not hold, as far as that can be said.
    pub(super) fn stumbles(&mut self, place: Place, arguments: &Arguments) -> Result<Vec<usize>, Stop> {
        let body = self.syntax.rules.get(place.rule);
        let groups = body
            .and_then(|rule| rule.bodies.get(place.body))
            .map_or(&[][..], |body| &body.groups);
        let mut found = Vec::new();
        if groups.len() > 1 && self.detail == Detail::Values {
            for (number, group) in groups.iter().enumerate() {
                let count = self.count(&place.group(number), arguments)?;
                found.extend(count.and_then(|count| group.get(count)));
            }
        }
        Ok(found)
    }

    fn count(&mut self, rule: &str, arguments: &Arguments) -> Result<Option<usize>, Stop> {
        let value = self.read(rule, arguments)?;
        let count = value.and_then(|value| value.as_u64().ok());
        Ok(count.and_then(|count| usize::try_from(count).ok()))
    }

    /// The list that a rule of ours gives; empty if it gives none.
    pub(super) fn list(&mut self, rule: &str, arguments: &Arguments) -> Result<Vec<Value>, Stop> {
        if self.detail < Detail::Values {
            return Ok(Vec::new());
        }
        Ok(match self.read(rule, arguments)? {
            Some(Value::Array(items)) => items.iter().cloned().collect(),
            _ => Vec::new(),
        })
    }

    /// The text of a place.
    pub(super) fn text(&self, span: super::syntax::Span) -> &'a str {
        self.syntax.text(self.rego, span)
    }

    fn read(&mut self, rule: &str, arguments: &Arguments) -> Result<Option<Value>, Stop> {
        self.left = self.left.checked_sub(1).ok_or(Stop)?;
        let mut value = self.session.value(rule, arguments.as_ref());
        if is_late(&value) {
            // The machine may have been busy with something else.
            value = self.session.value(rule, arguments.as_ref());
        }
        match value {
            Ok(value) => Ok(value),
            // The next one would take as long.
            late if is_late(&late) => Err(Stop),
            // A built-in got what it does not take: this rule says nothing.
            Err(_) => Ok(None),
        }
    }
}

fn is_late(value: &Result<Option<Value>, PolicyError>) -> bool {
    matches!(value, Err(PolicyError::Limit(LimitKind::Time)))
}

/// What a policy was evaluated over.
#[derive(Clone, Copy)]
pub(super) struct Documents<'a> {
    pub(super) input: &'a PolicyInput,
    pub(super) data: &'a [(&'static str, Value)],
    pub(super) reference: &'a ReferenceValueSnapshot,
}
