//! Names that a policy gives to parts of its input: `evidence := input.a.b`, `every submod in input.submods`.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_STEPS, Part, Spanned, Step, ends_statement, path};
use crate::tokens::Token;

/// Names for parts of the input, good in the whole text: a name that two rules have for different parts stands for
/// both, in both.
#[derive(Debug, Default)]
pub(super) struct Names {
    stand_for: BTreeMap<String, BTreeSet<Vec<Step>>>,
    /// The tokens at which a part is given a name, and the names as they are given.
    declarations: BTreeSet<usize>,
    /// What is read by giving the names.
    read: BTreeSet<Part>,
}

/// A name being given.
struct Given {
    name: String,
    /// The token of the name.
    at: usize,
    /// It stands for each member of the part, not for the part.
    each: bool,
}

/// Most names, parts that one stands for, and names for names for names.
const MOST: usize = 32;

/// Words that are never names, and rules whose value is the answer.
const RESERVED: [&str; 7] = [
    "else",
    "input",
    "data",
    "allow",
    "allowed",
    "trust_claims",
    "extensions",
];

impl Names {
    /// None at all, if the policy may get at its own rules by another way than their names.
    pub(super) fn of(rego: &str, tokens: &[Spanned]) -> Self {
        let mut names = Self::default();
        if reads_its_rules(tokens) {
            return names;
        }
        for _ in 0..MOST {
            // What a name stands for may have grown since it was last used for another.
            let mut next = Self {
                stand_for: names.stand_for.clone(),
                ..Self::default()
            };
            for at in 0..tokens.len() {
                if !next.look_at(rego, tokens, at) {
                    return Self::default();
                }
            }
            if next.stand_for == names.stand_for {
                return next;
            }
            names = next;
        }
        Self::default()
    }

    /// The paths that the token stands for: of `input`, or of a name that is used there.
    pub(super) fn stand_for(&self, tokens: &[Spanned], at: usize) -> Vec<Vec<Step>> {
        let Some((Token::Name(name), _)) = tokens.get(at).filter(|_| !self.declarations.contains(&at)) else {
            return Vec::new();
        };
        if name == "input" {
            return vec![Vec::new()];
        }
        // A member of something else.
        if matches!(
            at.checked_sub(1).and_then(|before| tokens.get(before)),
            Some((Token::Mark('.'), _))
        ) {
            return Vec::new();
        }
        self.stand_for.get(name).into_iter().flatten().cloned().collect()
    }

    /// What is read by giving the names.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        self.read.iter().cloned()
    }

    /// Notes the name that is given to what begins at a token, if one is. Says whether that is not too much.
    fn look_at(&mut self, rego: &str, tokens: &[Spanned], at: usize) -> bool {
        let roots = self.stand_for(tokens, at);
        if roots.is_empty() {
            return true;
        }
        let (suffix, length) = path(tokens.get(at + 1..).unwrap_or_default());
        let whole = || ends_statement(rego, tokens.get(at..).unwrap_or_default(), length);
        let next = tokens.get(at + length + 1).map(|(token, _)| token);
        let Some(given) = given(tokens, at, next, whole) else {
            return true;
        };
        let paths = roots.into_iter().map(|mut root| {
            root.extend(suffix.iter().cloned());
            root.extend(given.each.then_some(Step::Each));
            root
        });
        let paths: Vec<_> = paths.collect();
        let odd = |path: &Vec<Step>| path.is_empty() || path.len() >= MAX_STEPS;
        if paths.iter().any(odd) {
            return true;
        }
        self.declarations.extend([at, given.at]);
        self.read.extend(paths.iter().map(|path| Part {
            path: path.clone(),
            presence: true,
        }));
        let stands_for = self.stand_for.entry(given.name).or_default();
        stands_for.extend(paths);
        stands_for.len() <= MOST && self.stand_for.len() <= MOST
    }
}

/// The name that is given to the part which begins at the token `at`. `next` comes after that part; `whole` says
/// whether the statement ends there.
fn given(tokens: &[Spanned], at: usize, next: Option<&Token>, whole: impl Fn() -> bool) -> Option<Given> {
    let before = |n: usize| {
        at.checked_sub(n)
            .and_then(|at| tokens.get(at))
            .map(|(token, _)| token)
    };
    let named = |n: usize, each: bool| match before(n) {
        Some(Token::Name(name)) if !RESERVED.contains(&name.as_str()) => Some(Given {
            name: name.clone(),
            at: at - n,
            each,
        }),
        _ => None,
    };
    if before(1) == Some(&Token::Mark('=')) && before(2) == Some(&Token::Mark(':')) {
        let is_member = before(4) == Some(&Token::Mark('.'));
        return named(3, false).filter(|_| !is_member && whole());
    }
    if !before(1)?.is_name("in") {
        return None;
    }
    let word = match before(3)? {
        Token::Mark(',') => before(5)?,
        word => word,
    };
    let runs =
        (word.is_name("every") && next == Some(&Token::Mark('{'))) || (word.is_name("some") && whole());
    named(2, true).filter(|_| runs)
}

/// Whether the text has `data` with anything but a member behind it, or with its own package.
fn reads_its_rules(tokens: &[Spanned]) -> bool {
    (0..tokens.len()).any(|at| match tokens.get(at..).unwrap_or_default() {
        [(data, _), rest @ ..] if data.is_name("data") => match rest {
            [(Token::Mark('.'), _), (Token::Name(member), _), ..]
            | [(Token::Index, _), (Token::Text(member), _), ..] => member == "policy",
            _ => true,
        },
        _ => false,
    })
}
