//! What a policy's text reads, so that a name with a slip of the pen in it is found when the policy is
//! set and not when it denies.
//!
//! Found by looking at the text, not by running it. A name that is put together while the policy runs is not found,
//! and nothing is decided by what is: it is for warnings.

mod aliases;
mod comparisons;
mod expr;
mod flow;
mod given;
pub(crate) mod growth;
mod heads;
mod ids;
mod locals;
mod paths;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::hash::Hash;

use serde_json::Value as Json;

use self::aliases::Aliases;
pub use self::comparisons::Comparison;
use self::flow::Flow;
use self::paths::Path;
use self::rules::{Rule, Spanned, rules};
use crate::tokens;

/// The name of any member, or of any element, in a path.
pub const ANY: &str = "*";

/// A path as a policy writes it.
pub fn written<'a>(root: &str, members: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = root.to_owned();
    for member in members {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match member {
            ANY => text.push_str("[_]"),
            member if member.chars().all(plain) && !member.is_empty() => {
                text.push('.');
                text.push_str(member);
            }
            member => text.push_str(&format!("[{member:?}]")),
        }
    }
    text
}

/// What a policy's text reads, each once, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Paths below `input`.
    pub inputs: Vec<Mention<Vec<String>>>,
    /// What paths below `input` are compared with, where that is written beside them.
    pub comparisons: Vec<Mention<Comparison>>,
    /// Paths below `data`, where they are written as such.
    pub documents: Vec<Mention<Vec<String>>>,
    /// Ids of reference values, as far as they are written out.
    pub reference_ids: Vec<Mention<String>>,
    /// Expressions that ids of reference values come from, where they are not.
    pub computed_ids: Vec<Mention<String>>,
    /// Members that `trust_claims` is given, as far as they are written out.
    pub trust_claims: Vec<Mention<String>>,
    /// The values of them, likewise.
    pub trust_values: Vec<Mention<Given>>,
}

/// Something that the text mentions, and where it does so first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mention<T> {
    /// What it is.
    pub name: T,
    /// The line, from 1.
    pub line: usize,
}

/// A value that a trust claim may be given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Given {
    /// The claim.
    pub claim: String,
    /// The value; of a list and of an object only that it is one.
    pub value: Json,
    /// As it is written.
    pub text: String,
}

impl Reads {
    /// Looks through the text of a policy.
    pub fn of(rego: &str) -> Self {
        let code = Spanned::from(tokens::spanned(rego));
        let rules = rules(rego, &code);
        let flow = Flow::of(&rules);
        let everywhere = Aliases::of_policy(&rules);
        let mut reads = Self::default();
        ids::asked_for(&flow, &mut reads);
        given::trust_claims(&flow, &mut reads);
        for (number, rule) in rules.iter().enumerate() {
            reads.documents.extend(documents(rule));
            for path in everywhere.with_those_of(&flow, number, rule).paths(rule) {
                ids::of_path(&flow, number, &path, &mut reads);
                let inputs = inputs(&flow, number, rule, &path);
                let claims: Vec<_> = inputs.iter().map(|input| input.name.clone()).collect();
                let compared = comparisons::of(rule, &path, &claims);
                let mention = |compared| rule.mention(path.start, compared);
                reads.comparisons.extend(compared.into_iter().map(mention));
                reads.inputs.extend(inputs);
            }
        }
        reads.in_order();
        reads
    }

    fn in_order(&mut self) {
        each_once(&mut self.inputs);
        each_once(&mut self.comparisons);
        each_once(&mut self.documents);
        each_once(&mut self.reference_ids);
        each_once(&mut self.computed_ids);
        each_once(&mut self.trust_claims);
        each_once(&mut self.trust_values);
    }
}

/// What a policy's text reads of `data`, where it is written as such.
pub(crate) fn documents_of(rego: &str) -> Vec<Vec<String>> {
    let code = Spanned::from(tokens::spanned(rego));
    let rules = rules(rego, &code);
    let mut documents: Vec<_> = rules.iter().flat_map(documents).collect();
    each_once(&mut documents);
    documents.into_iter().map(|document| document.name).collect()
}

/// Puts mentions into the order of the text, each where it is first.
fn each_once<T: Eq + Hash + Clone>(mentions: &mut Vec<Mention<T>>) {
    mentions.sort_by_key(|mention| mention.line);
    let mut known = HashSet::new();
    mentions.retain(|mention| known.insert(mention.name.clone()));
}

/// Every path below `data` that a rule reads.
fn documents(rule: &Rule<'_>) -> Vec<Mention<Vec<String>>> {
    let paths = (0..rule.code.len()).filter_map(|at| paths::path(rule, at, &|_| None));
    let written = paths.filter(|path| rule.code.get(path.start).is_some_and(|root| root.is_name("data")));
    let members = written.map(|path| rule.mention(path.start, below("data", path.members())));
    members.filter(|mention| !mention.name.is_empty()).collect()
}

fn inputs(flow: &Flow<'_>, number: usize, rule: &Rule<'_>, path: &Path) -> Vec<Mention<Vec<String>>> {
    let all = path
        .all(flow, number)
        .into_iter()
        .map(|path| below("input", path));
    let named = all.filter(|path| !path.is_empty());
    named.map(|members| rule.mention(path.start, members)).collect()
}

/// What stands behind that root.
fn below(root: &str, mut path: Vec<String>) -> Vec<String> {
    match path.first().is_some_and(|first| first == root) {
        true => path.split_off(1),
        false => Vec::new(),
    }
}
