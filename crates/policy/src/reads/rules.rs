//! A policy's text cut into its rules.

use std::ops::Range;

use super::Mention;
use crate::tokens::Token;

/// Longest piece of text that is quoted, in characters.
const QUOTED: usize = 60;

/// A rule with all its `else`, an import, or the package: it begins with a name at the beginning of a line, outside of
/// all brackets.
pub(super) struct Rule<'a> {
    pub(super) code: &'a [Token],
    spans: &'a [Range<usize>],
    rego: &'a str,
    /// The line of each token, from 1.
    lines: Vec<usize>,
    /// The innermost bracket that each token stands in.
    outer: Vec<Option<usize>>,
    /// Where the brackets that begin at a token end.
    closing: Vec<usize>,
}

impl<'a> Rule<'a> {
    fn new(rego: &'a str, code: &'a [Token], spans: &'a [Range<usize>], lines: Vec<usize>) -> Self {
        let (outer, closing) = brackets(code);
        Self {
            code,
            spans,
            rego,
            lines,
            outer,
            closing,
        }
    }

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

    /// The innermost bracket that a token stands in.
    pub(super) fn outer(&self, at: usize) -> Option<usize> {
        self.outer.get(at).copied().flatten()
    }

    /// Where the bracket that is at `open` is closed.
    pub(super) fn closing(&self, open: usize) -> usize {
        self.closing.get(open).copied().unwrap_or(self.code.len())
    }

    /// The text from one token to before another, in one line, cut if it is long.
    pub(super) fn text(&self, from: usize, to: usize) -> String {
        let last = to.checked_sub(1).and_then(|last| self.spans.get(last));
        let ends = self.spans.get(from).zip(last);
        let text = ends.and_then(|(first, last)| self.rego.get(first.start..last.end));
        let text = text
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        match text.char_indices().nth(QUOTED) {
            Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
            None => text,
        }
    }
}

/// Every rule, and what is before the first.
pub(super) fn rules<'a>(rego: &'a str, code: &'a Spanned) -> Vec<Rule<'a>> {
    let lines = lines(rego, &code.spans);
    let (outer, _) = brackets(&code.tokens);
    // A policy may be indented as a whole.
    let indent = code.spans.first().map_or(0, |first| column(rego, first));
    let begins = |at: usize| {
        let name = matches!(code.tokens.get(at), Some(Token::Name(name)) if name != "else");
        let outside = outer.get(at).is_none_or(Option::is_none);
        let first = at
            .checked_sub(1)
            .is_none_or(|before| lines.get(before) != lines.get(at));
        name && outside
            && first
            && code
                .spans
                .get(at)
                .is_some_and(|span| column(rego, span) <= indent)
    };
    let mut starts: Vec<usize> = (0..code.tokens.len()).filter(|at| begins(*at)).collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([code.tokens.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let tokens = code.tokens.get(*start..end).unwrap_or_default();
            let spans = code.spans.get(*start..end).unwrap_or_default();
            let lines = lines.get(*start..end).unwrap_or_default().to_vec();
            Rule::new(rego, tokens, spans, lines)
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

/// How far a token stands from the beginning of its line, in bytes.
fn column(rego: &str, span: &Range<usize>) -> usize {
    let before = rego.get(..span.start).unwrap_or_default();
    before.len() - before.rfind('\n').map_or(0, |line| line + 1)
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

/// Of each token the innermost bracket around it, and of each bracket that opens where it closes.
fn brackets(code: &[Token]) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut open: Vec<usize> = Vec::new();
    let mut outer = Vec::with_capacity(code.len());
    let mut closing = vec![code.len(); code.len()];
    for (at, token) in code.iter().enumerate() {
        if matches!(token, Token::Mark(')' | ']' | '}'))
            && let Some(begin) = open.pop()
            && let Some(end) = closing.get_mut(begin)
        {
            *end = at;
        }
        outer.push(open.last().copied());
        if matches!(token, Token::Index | Token::Mark('(' | '[' | '{')) {
            open.push(at);
        }
    }
    (outer, closing)
}
