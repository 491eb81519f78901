//! A policy's text cut into its rules.

use std::ops::Range;

use super::Mention;
use crate::tokens::Token;

/// A rule with all its `else`: it begins with a name at the beginning of a line.
pub(super) struct Rule<'a> {
    pub(super) code: &'a [Token],
    /// The line of each token, from 1.
    lines: Vec<usize>,
}

impl Rule<'_> {
    /// A mention at the token of that index.
    pub(super) fn mention<T>(&self, at: usize, name: T) -> Mention<T> {
        let line = self.lines.get(at).copied().unwrap_or(1);
        Mention { name, line }
    }

    /// Whether the token of that index is the last one of its line, as far as there is code.
    pub(super) fn ends_line(&self, at: usize) -> bool {
        match (self.lines.get(at), self.lines.get(at + 1)) {
            (Some(line), Some(next)) => line != next,
            _ => true,
        }
    }
}

/// Every rule, and what is before the first.
pub(super) fn rules<'a>(rego: &str, code: &'a Spanned) -> Vec<Rule<'a>> {
    let lines = lines(rego, &code.spans);
    let begins = |at: usize| {
        let name = matches!(code.tokens.get(at), Some(Token::Name(_)));
        let start = code.spans.get(at).map_or(0, |span| span.start);
        let before = rego.get(..start).and_then(|before| before.chars().next_back());
        name && before.is_none_or(|c| c == '\n')
    };
    let mut starts: Vec<usize> = (0..code.tokens.len()).filter(|at| begins(*at)).collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([code.tokens.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| Rule {
            code: code.tokens.get(*start..end).unwrap_or_default(),
            lines: lines.get(*start..end).unwrap_or_default().to_vec(),
        })
        .collect()
}

/// Tokens and where each stands.
pub(super) struct Spanned {
    pub(super) tokens: Vec<Token>,
    pub(super) spans: Vec<Range<usize>>,
}

impl From<Vec<(Token, Range<usize>)>> for Spanned {
    fn from(code: Vec<(Token, Range<usize>)>) -> Self {
        let (tokens, spans) = code.into_iter().unzip();
        Self { tokens, spans }
    }
}

/// The line of each token.
fn lines(rego: &str, spans: &[Range<usize>]) -> Vec<usize> {
    let mut line = 1;
    let mut seen = 0;
    spans
        .iter()
        .map(|span| {
            let between = rego.get(seen..span.start).unwrap_or_default();
            line += between.bytes().filter(|byte| *byte == b'\n').count();
            seen = span.start;
            line
        })
        .collect()
}
