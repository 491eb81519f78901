//! What of its input a policy can depend on, found in its text.
//!
//! The answer may name too much, never too little: a policy that reads its input in a way that is not understood here
//! is said to read what nobody can tell.

mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;

use self::names::Names;
use crate::tokens::{Token, spanned};

/// The parts of the input that a policy reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Footprint(Vec<Part>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    /// From the input downwards, at least one step.
    pub(crate) path: Vec<Step>,
    /// The policy asks only whether something is there, and not `false`.
    pub(crate) presence: bool,
}

/// A step from a document to a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// To the member of this name.
    Name(String),
    /// To every member, whose name is read too.
    Each,
}

/// A token and where it stands in the text.
type Spanned = (Token, Range<usize>);

/// Built-ins whose result is not made of their arguments alone.
const IMPURE: [&str; 2] = ["now_ns", "intn"];

/// Names that can go on with an expression on the next line.
const OPERATORS: [&str; 4] = ["in", "with", "as", "contains"];

/// What is deeper is read as a whole.
const MAX_STEPS: usize = 16;

/// A policy that reads more parts might as well read everything.
const MAX_PARTS: usize = 2000;

impl Footprint {
    /// `None` if a policy may depend on all of its input, or on something else besides.
    pub(crate) fn of(rego: &str) -> Option<Self> {
        let tokens = spanned(rego);
        let impure = |token: &Token| {
            IMPURE
                .iter()
                .any(|name| token.is_name(name) || token.is_text(name))
        };
        if tokens.iter().any(|(token, _)| impure(token)) {
            return None;
        }
        let names = Names::of(rego, &tokens);
        let mut parts: BTreeSet<Part> = names.parts().collect();
        for at in 0..tokens.len() {
            let (suffix, length) = path(tokens.get(at + 1..).unwrap_or_default());
            for mut path in names.stand_for(&tokens, at) {
                path.extend(suffix.iter().cloned());
                path.truncate(MAX_STEPS);
                if path.is_empty() {
                    return None;
                }
                let presence = path.len() < MAX_STEPS
                    && opens_body(tokens.get(..at).unwrap_or_default())
                    && ends_statement(rego, tokens.get(at..).unwrap_or_default(), length);
                parts.insert(Part { path, presence });
                if parts.len() > MAX_PARTS {
                    return None;
                }
            }
        }
        Some(Self(parts.into_iter().collect()))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }
}

/// The steps right after a root, and how many tokens they take.
fn path(mut rest: &[Spanned]) -> (Vec<Step>, usize) {
    let (mut path, mut length) = (Vec::new(), 0);
    loop {
        let (step, taken, after) = match rest {
            [(Token::Mark('.'), _), (Token::Name(name), _), after @ ..] => {
                (Step::Name(name.clone()), 2, after)
            }
            [
                (Token::Index, _),
                (Token::Text(name), _),
                (Token::Mark(']'), _),
                after @ ..,
            ] => (Step::Name(name.clone()), 3, after),
            [
                (Token::Index, _),
                (Token::Name(_), _),
                (Token::Mark(']'), _),
                after @ ..,
            ] => (Step::Each, 3, after),
            _ => return (path, length),
        };
        path.push(step);
        length += taken;
        rest = after;
    }
}

/// Whether the tokens end with the beginning of a rule's body.
fn opens_body(before: &[Spanned]) -> bool {
    matches!(before, [.., (keyword, _), (Token::Mark('{'), _)] if keyword.is_name("if"))
}

/// Whether the statement ends after a root and the path of `length` tokens.
fn ends_statement(rego: &str, tokens: &[Spanned], length: usize) -> bool {
    let Some((_, last)) = tokens.get(length) else {
        return false;
    };
    match tokens.get(length + 1) {
        None | Some((Token::Mark('}' | ';'), _)) => true,
        Some((Token::Name(name), next)) => {
            let between = rego.get(last.end..next.start).unwrap_or_default();
            between.contains('\n') && !OPERATORS.contains(&name.as_str())
        }
        _ => false,
    }
}
