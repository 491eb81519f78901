//! Calls of `print`, which prints nothing here: claims do not belong into a log, and a policy that calls it decides as
//! if it did not. As in other engines it holds, whatever its arguments are.

use std::borrow::Cow;
use std::ops::Range;

use crate::tokens::{Token, spanned};

const PRINT: &str = "print";
const INSTEAD: &str = "true";

/// The policy with `true` for every call of `print`, and everything else where it was.
pub(super) fn without_prints(rego: &str) -> Cow<'_, str> {
    if !rego.contains(PRINT) {
        return Cow::Borrowed(rego);
    }
    let Some(calls) = calls(rego).filter(|calls| !calls.is_empty()) else {
        return Cow::Borrowed(rego);
    };
    let mut rewritten = String::with_capacity(rego.len());
    let mut copied = 0;
    for Range { start, end } in calls {
        rewritten.push_str(rego.get(copied..start).unwrap_or_default());
        rewritten.push_str(INSTEAD);
        let rest = rego.get(start + INSTEAD.len()..end).unwrap_or_default();
        rewritten.extend(rest.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        copied = end;
    }
    rewritten.push_str(rego.get(copied..).unwrap_or_default());
    Cow::Owned(rewritten)
}

/// The calls that are not inside of each other. `None` if the policy has a function of that name itself.
fn calls(rego: &str) -> Option<Vec<Range<usize>>> {
    let tokens = spanned(rego);
    let mut calls = Vec::new();
    let mut open: usize = 0;
    // How many brackets were open where a call began, and where that was.
    let mut call: Option<(usize, usize)> = None;
    for (at, (token, place)) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') | Token::Index => open += 1,
            Token::Mark(')' | ']' | '}') => {
                open = open.saturating_sub(1);
                if let Some((_, start)) = call.filter(|(outside, _)| *outside == open) {
                    // Anything else is for the parser to refuse.
                    calls.extend((*token == Token::Mark(')')).then_some(start..place.end));
                    call = None;
                }
            }
            token if token.is_name(PRINT) && call.is_none() => {
                let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                let is_member = before.is_some_and(|(token, _)| *token == Token::Mark('.'));
                let is_call = matches!(tokens.get(at + 1), Some((Token::Mark('('), _)));
                if is_call && !is_member {
                    let begins_a_rule = open == 0 && !before.is_some_and(|(token, _)| token.is_name("if"));
                    if begins_a_rule {
                        return None;
                    }
                    call = Some((open, place.start));
                }
            }
            _ => {}
        }
    }
    Some(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_becomes_true_and_everything_stays_where_it_was() {
        let rego = "allow if {\n  print(\"a)\", input.x,\n    [1, print(2)]) # print(\n  input.x == 1\n}\nok if print(\"ü\")\n";
        let silent = without_prints(rego);
        let words: Vec<&str> = silent.split_whitespace().collect();
        let expected = "allow if { true # print( input.x == 1 } ok if true";
        assert_eq!(words.join(" "), expected);
        assert_eq!(silent.len(), rego.len());
        assert_eq!(silent.lines().count(), rego.lines().count());
        for kept in ["# print(", "input.x == 1", "ok if"] {
            assert_eq!(silent.find(kept), rego.find(kept), "{kept}");
        }
    }

    #[test]
    fn what_only_looks_like_a_call_stays() {
        for rego in [
            "allow if input.print == 1",
            "allow if input.print(1)",
            "allow if \"print(1)\" == input.x",
            "allow if { print := 1; print == 1 }",
            "print(x) := x\nallow if { print(1) == 1 }",
            "allow if {\n  print(1",
        ] {
            assert_eq!(without_prints(rego), rego);
        }
    }
}
