//! Names that a policy gives to parts of its input and of `data`: `tdx := input.tdx`, `import data.reference`,
//! `some event in input.tdx.uefi_event_logs`.

use std::collections::BTreeMap;

use super::ANY;
use super::flow::Flow;
use super::paths::{Path, path};
use super::rules::Rule;
use crate::tokens::Token;

/// Longest chain of names for names that is followed.
const MAX_CHAIN: usize = 32;

/// Names and the paths that they stand for; `None` where one stands for several.
#[derive(Clone, Default)]
pub(super) struct Aliases(BTreeMap<String, Option<Vec<String>>>);

impl Aliases {
    /// Rules that are a part of the input, and imports: good in every rule.
    pub(super) fn of_policy(rules: &[Rule<'_>]) -> Self {
        let mut aliases = Self::default();
        aliases.until_nothing_is_new(|known| {
            let mut found = Vec::new();
            for rule in rules {
                found.extend(known.import(rule));
                found.extend(known.constant(rule));
            }
            found
        });
        aliases
    }

    /// These, and those that a rule makes for itself. A name that it uses for something else is not one of these.
    pub(super) fn with_those_of(&self, flow: &Flow<'_>, number: usize, rule: &Rule<'_>) -> Self {
        let mut aliases = self.clone();
        aliases.0.retain(|name, _| !flow.is_own(number, name));
        aliases.until_nothing_is_new(|known| {
            let roots = (0..rule.code.len()).filter_map(|at| known.path(rule, at));
            roots.filter_map(|path| variable(rule, &path)).collect()
        });
        aliases
    }

    /// Every path that begins in a rule.
    pub(super) fn paths(&self, rule: &Rule<'_>) -> Vec<Path> {
        (0..rule.code.len())
            .filter_map(|at| self.path(rule, at))
            .collect()
    }

    fn until_nothing_is_new(&mut self, find: impl Fn(&Self) -> Vec<(String, Vec<String>)>) {
        // An alias of an alias … of the input: the longest chain that is sensible.
        for _ in 0..MAX_CHAIN {
            let before = self.0.clone();
            for (name, path) in find(self) {
                let stands_for = self.0.entry(name).or_insert_with(|| Some(path.clone()));
                if stands_for.as_ref() != Some(&path) {
                    *stands_for = None;
                }
            }
            if self.0 == before {
                return;
            }
        }
    }

    fn path(&self, rule: &Rule<'_>, at: usize) -> Option<Path> {
        path(rule, at, &|name| self.0.get(name)?.clone())
    }

    /// `import input.tdx`, `import data.reference as known`.
    fn import(&self, rule: &Rule<'_>) -> Option<(String, Vec<String>)> {
        let is_import = rule.code.first()?.is_name("import");
        let path = self.path(rule, 1).filter(|_| is_import)?;
        let members = path.members();
        let name = match rule.code.get(path.end..).unwrap_or_default() {
            [word, Token::Name(name), ..] if word.is_name("as") => name.clone(),
            _ => members.last()?.clone(),
        };
        Some((name, members))
    }

    /// `tdx := input.tdx`, with or without a body.
    fn constant(&self, rule: &Rule<'_>) -> Option<(String, Vec<String>)> {
        let [Token::Name(name), Token::Mark(':'), Token::Mark('='), ..] = rule.code else {
            return None;
        };
        let path = self.path(rule, 3)?;
        let next = rule.code.get(path.end);
        let whole = next.is_none_or(|next| next.is_name("if"));
        whole.then(|| (name.clone(), path.members()))
    }
}

/// The variable that is set to a path, or runs over it.
fn variable(rule: &Rule<'_>, path: &Path) -> Option<(String, Vec<String>)> {
    let before = |n: usize| path.start.checked_sub(n).and_then(|at| rule.code.get(at));
    match (before(3), before(2), before(1)) {
        (Some(Token::Name(name)), Some(Token::Mark(':')), Some(Token::Mark('='))) => {
            let next = rule.code.get(path.end);
            let last = rule.ends_line(path.end.saturating_sub(1));
            let whole = last || matches!(next, None | Some(Token::Mark('}' | ';')));
            whole.then(|| (name.clone(), path.members()))
        }
        (Some(word), Some(Token::Name(name)), Some(within))
            if within.is_name("in")
                && (word.is_name("some") || word.is_name("every") || *word == Token::Mark(',')) =>
        {
            let mut element = path.members();
            element.push(ANY.to_owned());
            Some((name.clone(), element))
        }
        _ => None,
    }
}
