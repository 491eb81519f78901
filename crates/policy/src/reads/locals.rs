//! Names that a rule gives to values, and where they are good.

use std::collections::BTreeMap;

use super::rules::Rule;
use crate::tokens::Token;

/// The names that a rule defines for itself, but for its parameters.
#[derive(Debug, Default)]
pub(super) struct Locals(BTreeMap<String, Vec<Local>>);

/// One definition of a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    /// Where the name stands.
    at: usize,
    pub(super) value: Value,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// The expression that begins at this token.
    Is(usize),
    /// Each element, or each value, of the one that begins at this token.
    EachOf(usize),
    /// A part of the one that begins at this token; which one is not known here.
    PartOf(usize),
    /// Whatever is found: `some name`.
    Any,
}

impl Locals {
    /// Those of a rule whose head ends before the token `from`.
    pub(super) fn of(rule: &Rule<'_>, head: Option<usize>) -> Self {
        let mut locals = Self::default();
        for at in 0..rule.code.len() {
            if Some(at) != head {
                locals.look_at(rule, at);
            }
        }
        locals
    }

    /// What a name stands for at a token; nothing if it is not one of the rule's own there.
    pub(super) fn at<'a>(
        &'a self,
        rule: &'a Rule<'_>,
        at: usize,
        name: &str,
    ) -> impl Iterator<Item = Value> + 'a {
        let known = self.0.get(name).into_iter().flatten();
        known
            .filter(move |local| is_good(rule, local.at, at))
            .map(|local| local.value)
    }

    /// Every definition of a name: where it stands, and what it stands for.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = (usize, Value)> {
        let known = self.0.get(name).into_iter().flatten();
        known.map(|local| (local.at, local.value))
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the rule defines this name anywhere.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn look_at(&mut self, rule: &Rule<'_>, at: usize) {
        let code = rule.code.get(at..).unwrap_or_default();
        match code {
            [Token::Name(name), Token::Mark(':'), Token::Mark('='), _, ..] if is_root(rule, at) => {
                self.add(name, at, Value::Is(at + 3));
            }
            [Token::Name(name), Token::Mark('='), next, ..]
                if *next != Token::Mark('=') && begins_statement(rule, at) =>
            {
                self.add(name, at, Value::Is(at + 2));
            }
            [word, ..] if word.is_name("some") || word.is_name("every") => self.declared(rule, at + 1),
            // Parts of a pattern.
            [Token::Mark('[' | '{'), ..] if begins_statement(rule, at) => {
                let end = rule.closing(at);
                let assigns = match rule.code.get(end + 1..).unwrap_or_default() {
                    [Token::Mark(':'), Token::Mark('='), ..] => true,
                    [Token::Mark('='), next, ..] => *next != Token::Mark('='),
                    _ => false,
                };
                if assigns {
                    let mark = rule.code.get(end + 1) == Some(&Token::Mark(':'));
                    self.pattern(rule, at + 1, end, end + if mark { 3 } else { 2 });
                }
            }
            _ => {}
        }
    }

    /// `name`, `name, other`, `name in …`, `key, name in …`: what follows `some` and `every`.
    fn declared(&mut self, rule: &Rule<'_>, from: usize) {
        let mut at = from;
        let mut names = Vec::new();
        let mut end = rule.code.len();
        while at < end {
            match rule.code.get(at..).unwrap_or_default() {
                [Token::Name(name), Token::Mark(','), ..] => {
                    names.push((at, name));
                    at += 2;
                }
                [Token::Name(name), word, ..] if word.is_name("in") => {
                    self.add(name, at, Value::EachOf(at + 2));
                    names
                        .iter()
                        .for_each(|(key, name)| self.add(name, *key, Value::PartOf(at + 2)));
                    return;
                }
                [Token::Name(name), ..] => {
                    names.push((at, name));
                    break;
                }
                // A pattern: `some {"id": id} in …`.
                [Token::Mark('[' | '{'), ..] => {
                    end = rule.closing(at);
                    self.pattern(rule, at + 1, end, end + 2);
                    names
                        .iter()
                        .for_each(|(key, name)| self.add(name, *key, Value::PartOf(end + 2)));
                    return;
                }
                _ => break,
            }
        }
        names
            .iter()
            .for_each(|(at, name)| self.add(name, *at, Value::Any));
    }

    /// The names in a pattern for the value at `source`.
    fn pattern(&mut self, rule: &Rule<'_>, from: usize, to: usize, source: usize) {
        // The name is good where the pattern is, and not only in its brackets.
        let place = from.saturating_sub(1);
        for at in from..to {
            if let Some(Token::Name(name)) = rule.code.get(at)
                && is_root(rule, at)
            {
                self.add(name, place, Value::PartOf(source));
            }
        }
    }

    fn add(&mut self, name: &str, at: usize, value: Value) {
        self.0
            .entry(name.to_owned())
            .or_default()
            .push(Local { at, value });
    }
}

/// Whether a name that is defined at a token is good at another: within the same brackets, or in the head of the body
/// that these are.
fn is_good(rule: &Rule<'_>, defined: usize, used: usize) -> bool {
    let Some(open) = rule.outer(defined) else {
        return true;
    };
    if open < used && used < rule.closing(open) {
        return true;
    }
    let is_body = rule.outer(open).is_none() && rule.code.get(open) == Some(&Token::Mark('{'));
    let another =
        |at: usize| rule.outer(at).is_none() && rule.code.get(at).is_some_and(|t| t.is_name("else"));
    is_body && used < open && !(used..open).any(another)
}

fn is_root(rule: &Rule<'_>, at: usize) -> bool {
    super::paths::is_root(rule.code, at)
}

/// Whether a statement begins at this token.
fn begins_statement(rule: &Rule<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    match rule.code.get(before) {
        Some(Token::Mark('{' | ';' | '|')) => true,
        Some(Token::Name(word)) if word == "if" => true,
        _ => rule.ends_line(before),
    }
}
