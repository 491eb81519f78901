//! What a policy's text reads, so that a name with a slip of the pen in it is found when the policy is
//! set and not when it denies.
//!
//! Found by looking at the text, not by running it. A name that is put together while the policy runs is not found,
//! and nothing is decided by what is: it is for warnings.

mod aliases;
mod paths;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use self::aliases::Aliases;
use self::rules::{Rule, Spanned, rules};
use crate::engine::{MATCHES, QUERY};
use crate::tokens::{self, Token};

/// The name of any member, or of any element, in a path.
pub const ANY: &str = "*";

/// What a policy's text reads, each once, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Paths below `input`.
    pub inputs: Vec<Mention<Vec<String>>>,
    /// Paths below `data`.
    pub documents: Vec<Mention<Vec<String>>>,
    /// Ids of reference values, as far as they are written out.
    pub reference_ids: Vec<Mention<String>>,
    /// Members that `trust_claims` is given, as far as they are written out.
    pub trust_claims: Vec<Mention<String>>,
}

/// Something that the text mentions, and where it does so first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention<T> {
    /// What it is.
    pub name: T,
    /// The line, from 1.
    pub line: usize,
}

impl Reads {
    /// Looks through the text of a policy.
    pub fn of(rego: &str) -> Self {
        let code = Spanned::from(tokens::spanned(rego));
        let rules = rules(rego, &code);
        let everywhere = Aliases::of_policy(&rules);
        let asking = asking_functions(&rules);
        let mut reads = Self::default();
        for rule in &rules {
            let aliases = everywhere.with_those_of(rule);
            for read in aliases.reads(rule) {
                add(&mut reads.inputs, read);
            }
            for document in documents(rule) {
                add(&mut reads.documents, document);
            }
            for id in asked_for(rule, &asking) {
                add(&mut reads.reference_ids, id);
            }
            for claim in given_claims(rule) {
                add(&mut reads.trust_claims, claim);
            }
        }
        reads
    }
}

fn add<T: PartialEq>(mentions: &mut Vec<Mention<T>>, new: Mention<T>) {
    if !mentions.iter().any(|known| known.name == new.name) {
        mentions.push(new);
    }
}

/// Every path below `data` that a rule reads.
fn documents(rule: &Rule<'_>) -> Vec<Mention<Vec<String>>> {
    let roots = (0..rule.code.len()).filter(|at| {
        rule.code.get(*at).is_some_and(|token| token.is_name("data")) && paths::is_root(rule.code, *at)
    });
    roots
        .map(|at| rule.mention(at, paths::members(rule.code, at).0))
        .filter(|mention| !mention.name.is_empty())
        .collect()
}

/// The built-ins that ask for reference values, and the functions of the policy that call one of them, or one
/// another, in the end.
fn asking_functions<'a>(rules: &'a [Rule<'a>]) -> BTreeSet<&'a str> {
    let mut asking = BTreeSet::from([QUERY, MATCHES]);
    loop {
        let known = asking.len();
        for rule in rules {
            if let [Token::Name(head), Token::Mark('('), ..] = rule.code
                && rule
                    .code
                    .iter()
                    .any(|token| matches!(token, Token::Name(name) if asking.contains(name.as_str())))
            {
                asking.insert(head);
            }
        }
        if asking.len() == known {
            return asking;
        }
    }
}

/// The texts that are given to those functions, and the members of `data.reference`.
fn asked_for(rule: &Rule<'_>, asking: &BTreeSet<&str>) -> Vec<Mention<String>> {
    let mut ids = Vec::new();
    for at in 0..rule.code.len() {
        match rule.code.get(at..).unwrap_or_default() {
            [Token::Name(name), Token::Mark('('), arguments @ ..] if asking.contains(name.as_str()) => {
                let mut depth = 0_usize;
                for token in arguments.get(..tokens::closing(arguments)).unwrap_or_default() {
                    match token {
                        Token::Index | Token::Mark('(' | '[' | '{') => depth += 1,
                        Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                        Token::Text(text) if depth == 0 => ids.push(rule.mention(at, text.clone())),
                        _ => {}
                    }
                }
            }
            [
                data,
                Token::Mark('.'),
                reference,
                Token::Mark('.'),
                Token::Name(id),
                ..,
            ]
            | [
                data,
                Token::Mark('.'),
                reference,
                Token::Index,
                Token::Text(id),
                ..,
            ] if data.is_name("data") && reference.is_name("reference") => {
                ids.push(rule.mention(at, id.clone()));
            }
            _ => {}
        }
    }
    ids
}

/// `trust_claims := {"hardware": …}`, `trust_claims["hardware"] := …`, `trust_claims.hardware := …`.
fn given_claims(rule: &Rule<'_>) -> Vec<Mention<String>> {
    let skipped = usize::from(rule.code.first().is_some_and(|token| token.is_name("default")));
    let code = rule.code.get(skipped..).unwrap_or_default();
    let (name, rest) = match code {
        [name, rest @ ..] if name.is_name("trust_claims") => (skipped, rest),
        _ => return Vec::new(),
    };
    match rest {
        [Token::Index, Token::Text(claim), ..] | [Token::Mark('.'), Token::Name(claim), ..] => {
            vec![rule.mention(name, claim.clone())]
        }
        _ => {
            let Some(open) = rest.iter().position(|token| *token == Token::Mark('{')) else {
                return Vec::new();
            };
            // Of the value, not of a body.
            if rest
                .get(..open)
                .unwrap_or_default()
                .iter()
                .any(|token| token.is_name("if"))
            {
                return Vec::new();
            }
            members(rule, name + 1 + open + 1)
        }
    }
}

/// The names of the members of an object that is written out; its first token is at `from`.
fn members(rule: &Rule<'_>, from: usize) -> Vec<Mention<String>> {
    let inner = rule.code.get(from..).unwrap_or_default();
    let inner = inner.get(..tokens::closing(inner)).unwrap_or_default();
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in inner.iter().enumerate() {
        match (token, inner.get(at + 1)) {
            (Token::Index | Token::Mark('(' | '[' | '{'), _) => depth += 1,
            (Token::Mark(')' | ']' | '}'), _) => depth = depth.saturating_sub(1),
            (Token::Text(name), Some(Token::Mark(':'))) if depth == 0 => {
                names.push(rule.mention(from + at, name.clone()));
            }
            _ => {}
        }
    }
    names
}
