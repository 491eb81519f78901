//! What of its input a policy can depend on, found in its text.
//!
//! The answer may name too much, never too little: a policy that reads its input in a way that is not understood here
//! is said to read what nobody can tell.

use std::ops::Range;

use crate::tokens::{Token, spanned};

/// The parts of the input that a policy reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reads(Vec<Read>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    /// From the input downwards, at least one name.
    pub(super) path: Vec<String>,
    /// The policy asks only whether something is there, and not `false`.
    pub(super) presence: bool,
}

/// Built-ins whose result is not made of their arguments alone.
const IMPURE: [&str; 2] = ["now_ns", "intn"];

/// Names that can go on with an expression on the next line.
const OPERATORS: [&str; 4] = ["in", "with", "as", "contains"];

impl Reads {
    /// `None` if a policy may depend on all of its input, or on something else besides.
    pub(super) fn of(rego: &str) -> Option<Self> {
        let tokens = spanned(rego);
        if IMPURE
            .iter()
            .any(|name| tokens.iter().any(|(token, _)| token.is_name(name)))
        {
            return None;
        }
        let mut reads: Vec<Read> = Vec::new();
        for (at, (token, _)) in tokens.iter().enumerate() {
            if !token.is_name("input") {
                continue;
            }
            let after = tokens.get(at + 1..).unwrap_or_default();
            let (path, length) = path(after);
            if path.is_empty() {
                return None;
            }
            let presence = opens_body(tokens.get(..at).unwrap_or_default())
                && ends_statement(rego, tokens.get(at..).unwrap_or_default(), length);
            let read = Read { path, presence };
            if !reads.contains(&read) {
                reads.push(read);
            }
        }
        reads.sort_by(|a, b| a.path.cmp(&b.path));
        Some(Self(reads))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Read> {
        self.0.iter()
    }
}

/// The constant names right after `input`, and how many tokens they take.
fn path(mut rest: &[(Token, Range<usize>)]) -> (Vec<String>, usize) {
    let (mut path, mut length) = (Vec::new(), 0);
    loop {
        let (name, taken, after) = match rest {
            [(Token::Mark('.'), _), (Token::Name(name), _), after @ ..] => (name, 2, after),
            [
                (Token::Index, _),
                (Token::Text(name), _),
                (Token::Mark(']'), _),
                after @ ..,
            ] => (name, 3, after),
            _ => return (path, length),
        };
        path.push(name.clone());
        length += taken;
        rest = after;
    }
}

/// Whether the tokens end with the beginning of a rule's body.
fn opens_body(before: &[(Token, Range<usize>)]) -> bool {
    matches!(before, [.., (keyword, _), (Token::Mark('{'), _)] if keyword.is_name("if"))
}

/// Whether the statement ends after `input` and the path of `length` tokens.
fn ends_statement(rego: &str, tokens: &[(Token, Range<usize>)], length: usize) -> bool {
    let Some((_, last)) = tokens.get(length) else {
        return false;
    };
    match tokens.get(length + 1) {
        Some((Token::Mark('}'), _)) => true,
        Some((Token::Name(name), next)) => {
            let between = rego.get(last.end..next.start).unwrap_or_default();
            between.contains('\n') && !OPERATORS.contains(&name.as_str())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rego: &str, expected: Option<&[(&str, bool)]>) {
        let read = |(path, presence): &(&str, bool)| Read {
            path: path.split('/').map(str::to_owned).collect(),
            presence: *presence,
        };
        let expected = expected.map(|reads| Reads(reads.iter().map(read).collect()));
        assert_eq!(Reads::of(rego), expected, "{rego}");
    }

    #[test]
    fn paths_of_constant_names_are_read() {
        check(
            "a if input.snp.measurement == \"x\"",
            Some(&[("snp/measurement", false)]),
        );
        check(
            "a := input[\"az-snp-vtpm\"].tpm",
            Some(&[("az-snp-vtpm/tpm", false)]),
        );
        check("a := input.tdx.logs[i].x", Some(&[("tdx/logs", false)]));
        check("import input.snp as s\na if s.x", Some(&[("snp", false)]));
        check(
            "a if object.get(input.snp, \"x\", 0) == 0",
            Some(&[("snp", false)]),
        );
        check("# input\na := \"input\"", Some(&[]));
    }

    #[test]
    fn a_statement_that_is_nothing_but_a_path_asks_for_presence() {
        for body in [
            "a if { input.snp }",
            "a if {\n\tinput.snp\n}",
            "a := 1 if {\n\tinput[\"snp\"]\n\tx\n}",
        ] {
            check(body, Some(&[("snp", true)]));
        }
        for body in [
            "a := {input.snp}",
            "a if { input.snp == 3 }",
            "a if {\n\tinput.snp in x\n}",
            "a if {\n\tinput.snp\n\tin x\n}",
            "a if {\n\tx; input.snp\n}",
            "a if { input.snp[i] }",
            "a if { input.snp x }",
            "a if input.snp",
        ] {
            check(body, Some(&[("snp", false)]));
        }
    }

    #[test]
    fn who_reads_what_cannot_be_told_or_what_is_not_pure_may_read_everything() {
        for rego in [
            "a := input",
            "a := input[x]",
            "a if input [\"snp\"]",
            "import input\na if input.snp",
            "a if walk(input, x)",
            "a if time.now_ns() > input.snp.x",
            "a if rand.intn(\"x\", 2) == 0",
        ] {
            check(rego, None);
        }
    }
}
