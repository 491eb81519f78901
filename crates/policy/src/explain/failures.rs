//! What keeps a body from holding: the condition to blame, and the others that do not hold either.

use regorus::Value;

use super::empty::{self, About, Members};
use super::leaf;
use super::operands;
use super::program::{Detail, Place};
use super::run::{Arguments, Stop};
use super::syntax::{Expr, Literal, Rule, RuleKind, Syntax};
use super::trace::{MAX_DEPTH, Trace};
use crate::explanation::FailedCondition;

/// The most conditions that are named for one value.
const MAX_FAILED: usize = 4;
/// The most conditions that are named beside one of them.
const MAX_ALSO: usize = 15;
/// The most that is said of them, in bytes.
const MAX_ALSO_LENGTH: usize = 8 << 10;

impl Trace<'_> {
    /// The conditions that keep a body from holding: what the first comes to, each with the others beside it.
    pub(super) fn failures(
        &mut self,
        place: Place,
        arguments: &Arguments,
        depth: usize,
        found: &mut Vec<FailedCondition>,
    ) -> Result<(), Stop> {
        let Some(first) = self.0.progress(place, arguments)? else {
            return Ok(());
        };
        let mut failed = self.blamed(place, first, arguments, depth)?;
        if failed.iter().any(|failed| !failed.of_another_tee) {
            for number in self.0.stumbles(place, arguments)? {
                if number > first {
                    let other = self.other(place, number, arguments, depth)?;
                    failed.iter_mut().for_each(|failed| add(other.iter(), failed));
                }
            }
        }
        failed.retain(|failed| !found.contains(failed));
        found.append(&mut failed);
        Ok(())
    }

    /// What keeps a rule, or one that its value is made of, from having a value at all.
    pub(super) fn undefined(&mut self, path: &[String]) -> Vec<FailedCondition> {
        let mut failed = Vec::new();
        // What was found before the end is true all the same.
        let _ = self.without_value(path, 0, &mut failed);
        failed.retain(|failed| !failed.of_another_tee);
        failed
    }

    fn without_value(
        &mut self,
        path: &[String],
        depth: usize,
        found: &mut Vec<FailedCondition>,
    ) -> Result<(), Stop> {
        let syntax = self.0.syntax;
        let is_default = |(_, rule): (_, &Rule)| rule.kind == RuleKind::Default;
        if depth >= MAX_DEPTH || syntax.rules_at(path).any(is_default) {
            return Ok(());
        }
        let (holds, _) = self.bodies(path, &None, &[])?;
        let Some(holds) = holds else {
            return self.alternatives(path, &None, depth, found);
        };
        let value = self.body(holds).and_then(|body| body.value.clone());
        let mut parts: Vec<&Expr> = value.as_deref().into_iter().collect();
        while let Some(part) = parts.pop() {
            match part.path().and_then(|path| syntax.rule_prefix(path)) {
                Some((rule, _)) if found.len() < MAX_FAILED => {
                    self.without_value(&rule, depth + 1, found)?;
                }
                Some(_) => {}
                None => parts.extend(part.children().into_iter().rev()),
            }
        }
        Ok(())
    }

    /// What a condition that does not hold comes to. Of several, one would have to hold.
    fn blamed(
        &mut self,
        place: Place,
        number: usize,
        arguments: &Arguments,
        depth: usize,
    ) -> Result<Vec<FailedCondition>, Stop> {
        let syntax = self.0.syntax;
        let body = syntax
            .rules
            .get(place.rule)
            .and_then(|rule| rule.bodies.get(place.body));
        let Some(condition) = body.and_then(|body| body.conditions.get(number)) else {
            return Ok(Vec::new());
        };
        if self.0.detail == Detail::Bodies {
            return Ok(self
                .rule_text(place)
                .map(leaf::of_whole_body)
                .into_iter()
                .collect());
        }
        let mut found = Vec::new();
        if depth < MAX_DEPTH {
            if let Some((path, _)) = operands::call(condition, syntax) {
                let calls = self.0.list(&place.arguments(number), arguments)?;
                for call in calls.into_iter().take(MAX_FAILED) {
                    self.alternatives(&path, &Some(call), depth + 1, &mut found)?;
                }
            } else if let Literal::Expr { expr } = &condition.literal
                && let Some(path) = syntax.rule_path(expr)
            {
                self.alternatives(&path, &None, depth + 1, &mut found)?;
            } else {
                self.members(place, number, arguments, depth, &mut found)?;
            }
        }
        if found.is_empty() {
            found.extend(self.leaf(place, number, arguments)?);
        }
        Ok(found)
    }

    /// What the elements came to of a set that a condition wants to be empty.
    fn members(
        &mut self,
        place: Place,
        number: usize,
        arguments: &Arguments,
        depth: usize,
        found: &mut Vec<FailedCondition>,
    ) -> Result<(), Stop> {
        let syntax = self.0.syntax;
        let mut is_all = true;
        for (way, members) in ways(syntax, place, number).iter().enumerate() {
            let about = members.about(syntax);
            let text = self.text_at(members.place, members.last.span);
            let mut told: Vec<Value> = Vec::new();
            for element in self.0.list(&place.members(number, way), arguments)? {
                if told.contains(&element) {
                    continue;
                }
                if found.len() >= MAX_FAILED {
                    is_all = false;
                    break;
                }
                match (&about, &text) {
                    (About::Call(path, _), _) => {
                        self.alternatives(path, &Some(element.clone()), depth + 1, found)?;
                    }
                    (About::Rule(path), _) => self.alternatives(path, &None, depth + 1, found)?,
                    (About::Operands(operands), Some(text)) => {
                        let failed =
                            leaf::of_element(&self.0, members.last, operands, &element, text.clone());
                        found.extend(failed);
                    }
                    (About::Operands(_), None) => {}
                }
                told.push(element);
            }
        }
        if let (false, Some(first)) = (is_all, found.first_mut()) {
            let all = self.leaf(place, number, arguments)?;
            add(all.iter(), first);
        }
        Ok(())
    }

    /// One that does not hold either: what it comes to if that is one thing, or several that all have to hold, or else
    /// the condition itself.
    fn other(
        &mut self,
        place: Place,
        number: usize,
        arguments: &Arguments,
        depth: usize,
    ) -> Result<Vec<FailedCondition>, Stop> {
        let mut failed = self.blamed(place, number, arguments, depth)?;
        if failed.len() > 1 && ways(self.0.syntax, place, number).is_empty() {
            failed = self.leaf(place, number, arguments)?.into_iter().collect();
        }
        failed.retain(|failed| !failed.of_another_tee);
        Ok(failed)
    }

    /// A condition that does not hold, by itself.
    fn leaf(
        &mut self,
        place: Place,
        number: usize,
        arguments: &Arguments,
    ) -> Result<Option<FailedCondition>, Stop> {
        let condition = self
            .body(place)
            .and_then(|body| Some(body.conditions.get(number)?.span));
        match condition.and_then(|span| self.text_at(place, span)) {
            Some(text) => leaf::of(&mut self.0, place, number, arguments, text).map(Some),
            None => Ok(None),
        }
    }

    /// What keeps every one of the bodies of a rule from holding, those that came closest first.
    pub(super) fn alternatives(
        &mut self,
        path: &[String],
        arguments: &Arguments,
        depth: usize,
        found: &mut Vec<FailedCondition>,
    ) -> Result<(), Stop> {
        let (_, mut missed) = self.bodies(path, arguments, &[])?;
        missed.sort_by_key(|missed| std::cmp::Reverse(missed.progress));
        let mut here = Vec::new();
        for missed in missed {
            self.failures(missed.place, &missed.arguments, depth, &mut here)?;
        }
        keep_telling(&mut here, saw_something);
        here.retain(|failed| !found.contains(failed));
        found.append(&mut here);
        found.truncate(MAX_FAILED);
        Ok(())
    }
}

/// The ways into the set that a condition wants to be empty.
fn ways(syntax: &Syntax, place: Place, number: usize) -> Vec<Members<'_>> {
    let rule = syntax.rules.get(place.rule);
    let body = rule.and_then(|rule| rule.bodies.get(place.body));
    match body.and_then(|body| body.conditions.get(number)) {
        Some(condition) => empty::of(condition, syntax, place),
        None => Vec::new(),
    }
}

/// Evidence of one TEE has nothing of what the rules for the others look at: those say nothing if others do.
pub(super) fn keep_telling<T>(found: &mut Vec<T>, telling: impl Fn(&T) -> bool) {
    if found.iter().any(&telling) {
        found.retain(telling);
    }
}

/// Puts others, and those beside them, beside a condition.
fn add<'f>(others: impl Iterator<Item = &'f FailedCondition>, failed: &mut FailedCondition) {
    for other in others {
        let alone = FailedCondition {
            also: Vec::new(),
            ..other.clone()
        };
        let known = failed.also.contains(&alone) || same(failed, &alone);
        let length: usize = failed.also.iter().map(length).sum();
        if !known && failed.also.len() < MAX_ALSO && length + self::length(&alone) <= MAX_ALSO_LENGTH {
            failed.also.push(alone);
        }
        add(other.also.iter(), failed);
    }
}

fn length(failed: &FailedCondition) -> usize {
    [
        &failed.condition.text,
        &failed.expected,
        &failed.came,
        &failed.advice,
    ]
    .map(String::len)
    .iter()
    .sum()
}

fn same(one: &FailedCondition, other: &FailedCondition) -> bool {
    one.condition == other.condition && one.seen == other.seen
}

pub(super) fn saw_something(failed: &FailedCondition) -> bool {
    failed.is_misspelt || failed.seen.is_empty() || failed.seen.iter().any(|seen| !seen.values.is_empty())
}
