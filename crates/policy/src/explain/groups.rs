//! Which conditions of a body have to do with each other: those that share a variable. The others hold or do not hold
//! by themselves, so that several can be named that do not.
//!
//! What may be a variable counts as one. At worst two conditions are taken for one group that are two, and of those
//! the first is named that does not hold.

use std::collections::BTreeSet;

use super::syntax::{Body, Rule, RuleKind, Span};
use crate::tokens::Token;

/// The conditions of a body by their numbers, each in one group, groups and conditions in the order of the text.
pub(super) type Groups = Vec<Vec<usize>>;

/// What names in the text of a policy mean.
pub(super) struct Names<'t> {
    tokens: &'t [(Token, std::ops::Range<usize>)],
    /// Rules and imports.
    fixed: BTreeSet<String>,
}

impl<'t> Names<'t> {
    /// Of a policy with these tokens and rules.
    pub(super) fn new(tokens: &'t [(Token, std::ops::Range<usize>)], rules: &[Rule]) -> Self {
        let rules = rules.iter().filter_map(|rule| rule.path.first().cloned());
        Self {
            tokens,
            fixed: rules.chain(imported(tokens)).collect(),
        }
    }

    /// The groups of a body of a rule of that kind.
    pub(super) fn groups(&self, kind: RuleKind, body: &Body) -> Groups {
        let arguments: BTreeSet<&str> = match kind {
            // The engine has them before it begins.
            RuleKind::Function => body.arguments.iter().flat_map(|each| self.used(*each)).collect(),
            _ => BTreeSet::new(),
        };
        let declared: BTreeSet<&str> = body
            .conditions
            .iter()
            .flat_map(|each| self.declared(each.span))
            .collect();
        let variables = |span: Span| -> BTreeSet<&str> {
            let fixed =
                |name: &str| ROOTS.contains(&name) || self.fixed.contains(name) && !declared.contains(name);
            let names = self.used(span);
            names
                .filter(|name| !fixed(name) && !arguments.contains(name))
                .collect()
        };
        let mut groups: Vec<(BTreeSet<&str>, Vec<usize>)> = Vec::new();
        for (number, condition) in body.conditions.iter().enumerate() {
            let mut names = variables(condition.span);
            let mut members = Vec::new();
            groups.retain_mut(|(others, earlier)| {
                let apart = names.is_disjoint(others);
                if !apart {
                    names.append(others);
                    members.append(earlier);
                }
                apart
            });
            members.push(number);
            members.sort_unstable();
            groups.push((names, members));
        }
        let mut groups: Groups = groups.into_iter().map(|(_, members)| members).collect();
        groups.sort();
        groups
    }

    /// The names in a place that are not of members, functions or the language.
    fn used(&self, span: Span) -> impl Iterator<Item = &'t str> {
        let tokens = self.within(span);
        let mut at = 0;
        std::iter::from_fn(move || {
            while let Some((token, _)) = tokens.get(at) {
                let first = at;
                at += 1;
                let Token::Name(name) = token else { continue };
                // The rest of `name.member.member`.
                while let (Some((Token::Mark('.'), _)), Some((Token::Name(_), _))) =
                    (tokens.get(at), tokens.get(at + 1))
                {
                    at += 2;
                }
                let is_function = matches!(tokens.get(at), Some((Token::Mark('('), _)));
                let is_member = first
                    .checked_sub(1)
                    .is_some_and(|before| matches!(tokens.get(before), Some((Token::Mark('.'), _))));
                let is_number = name.starts_with(|c: char| c.is_ascii_digit());
                if !is_function && !is_member && !is_number && !WORDS.contains(&name.as_str()) {
                    return Some(name.as_str());
                }
            }
            None
        })
    }

    /// The names that may get a meaning of their own there, whatever they mean elsewhere.
    fn declared(&self, span: Span) -> Vec<&'t str> {
        let mut found = Vec::new();
        let mut open = self
            .within(span)
            .first()
            .is_some_and(|(token, _)| is_pattern(token));
        let mut last = None;
        for (token, _) in self.within(span) {
            match token {
                // `some a, b in …`, `every a in …`
                token if token.is_name("some") || token.is_name("every") => open = true,
                token if token.is_name("in") => open = false,
                Token::Name(name) => {
                    last = Some(name.as_str());
                    found.extend(last.filter(|_| open));
                }
                // `a := …`, `[a, b] := …`
                Token::Mark(':') => found.extend(last.take()),
                _ => {}
            }
        }
        found
    }

    fn within(&self, span: Span) -> &'t [(Token, std::ops::Range<usize>)] {
        let start = self.tokens.partition_point(|(_, place)| place.end <= span.start);
        let end = self.tokens.partition_point(|(_, place)| place.start < span.end);
        self.tokens.get(start..end).unwrap_or_default()
    }
}

/// Whether a condition that begins with it may set several variables at once.
fn is_pattern(token: &Token) -> bool {
    matches!(token, Token::Mark('[' | '{'))
}

/// What no variable is called.
const ROOTS: [&str; 2] = ["input", "data"];

/// `_` is another variable each time.
const WORDS: [&str; 12] = [
    "_", "as", "contains", "every", "false", "if", "in", "not", "null", "some", "true", "with",
];

/// What `import` gives a name.
fn imported(tokens: &[(Token, std::ops::Range<usize>)]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, _) in tokens
        .iter()
        .enumerate()
        .filter(|(_, (token, _))| token.is_name("import"))
    {
        let mut rest = tokens.iter().skip(number + 1).map(|(token, _)| token);
        let mut last = None;
        // A reference, and what it is called.
        while let Some(Token::Name(name)) = rest.next() {
            last = Some(name.clone());
            match rest.next() {
                Some(Token::Mark('.')) => {}
                Some(token) if token.is_name("as") => {}
                _ => break,
            }
        }
        found.extend(last);
    }
    found
}
