//! The members of `data` that differ from one evaluation to the next.
//!
//! The engine analyses a policy anew when its `data` changes, which takes longer than most evaluations. So a
//! policy that reads such a member is compiled to read it from `input`, where it is put under a name of our
//! own. The analysis has seen to it that a policy names what it reads of `data`.

use std::ops::Range;

use regorus::Value;

use crate::tokens::{Token, spanned};

/// Which of these members the code reads.
pub(super) fn used(code: &[Token], documents: &[&'static str]) -> Vec<&'static str> {
    let names = |document: &&str| {
        code.iter()
            .any(|token| token.is_name(document) || token.is_text(document))
    };
    documents
        .iter()
        .copied()
        .filter(|document| names(document))
        .collect()
}

/// The policy, reading these members of `data` from `input`.
pub(super) fn as_input(rego: &str, documents: &[&str]) -> String {
    let tokens = spanned(rego);
    let mut rewritten = String::with_capacity(rego.len());
    let mut copied = 0;
    for at in 0..tokens.len() {
        let Some((span, instead)) = tokens.get(at..).and_then(|rest| reference(rest, documents)) else {
            continue;
        };
        let before = at
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .map(|(token, _)| token);
        if before == Some(&Token::Mark('.')) {
            continue;
        }
        rewritten.push_str(rego.get(copied..span.start).unwrap_or_default());
        rewritten.push_str(&instead);
        copied = span.end;
        let next = tokens
            .iter()
            .find(|(_, next)| next.start >= span.end)
            .map(|(token, _)| token);
        let goes_on =
            next.is_some_and(|next| matches!(next, Token::Mark('.') | Token::Index) || next.is_name("as"));
        if before.is_some_and(|before| before.is_name("import")) && !goes_on {
            // An import is named after the last part of its path.
            rewritten.push_str(" as ");
            rewritten.push_str(instead.trim_start_matches("input.").trim_start_matches(PREFIX));
        }
    }
    rewritten.push_str(rego.get(copied..).unwrap_or_default());
    rewritten
}

/// The input, with these members of `data` in it.
pub(super) fn with_input(input: &Value, data: &[(&'static str, Value)], documents: &[&str]) -> Value {
    let mut input = input.clone();
    if documents.is_empty() {
        return input;
    }
    if !matches!(input, Value::Object(_)) {
        input = Value::new_object();
    }
    if let Ok(members) = input.as_object_mut() {
        for (name, value) in data.iter().filter(|(name, _)| documents.contains(name)) {
            members.insert(Value::from(member(name)), value.clone());
        }
    }
    input
}

/// What the names in `input` begin with.
const PREFIX: &str = "trustee_data_";

/// The name in `input`, which must be one that can stand after a dot.
fn member(document: &str) -> String {
    format!("{PREFIX}{}", document.replace('-', "_"))
}

/// If the tokens begin with `data.x` or `data["x"]`: where that stands, and what to write instead.
fn reference(tokens: &[(Token, Range<usize>)], documents: &[&str]) -> Option<(Range<usize>, String)> {
    let ((data, start), rest) = tokens.split_first()?;
    let (name, end) = match rest {
        [(Token::Mark('.'), _), (Token::Name(name), end), ..] => (name, end),
        [
            (Token::Index, _),
            (Token::Text(name), _),
            (Token::Mark(']'), end),
            ..,
        ] => (name, end),
        _ => return None,
    };
    if !data.is_name("data") || !documents.contains(&name.as_str()) {
        return None;
    }
    Some((start.start..end.end, format!("input.{}", member(name))))
}

/// A line of such a policy as its author wrote it, or might have.
pub(super) fn as_written(line: &str) -> String {
    const PATH: &str = "resource-path";
    line.replace(&format!("input.{}", member(PATH)), &format!("data[\"{PATH}\"]"))
        .replace(&format!("input.{PREFIX}"), "data.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_members_of_data_are_rewritten() {
        let rego = r#"package policy
import data.plugin
import data.query as q # data.plugin
x := data.plugin == "data.plugin"
y := data["resource-path"][0]; z := data.other.plugin; a := input.data.plugin; b := data.policy.x
"#;
        assert_eq!(
            as_input(rego, &["plugin", "query", "resource-path"]),
            r#"package policy
import input.trustee_data_plugin as plugin
import input.trustee_data_query as q # data.plugin
x := input.trustee_data_plugin == "data.plugin"
y := input.trustee_data_resource_path[0]; z := data.other.plugin; a := input.data.plugin; b := data.policy.x
"#
        );
        assert_eq!(as_input(rego, &[]), rego);
    }

    #[test]
    fn members_of_data_go_before_claims_of_their_name() {
        let claims = Value::from_json_str(r#"{"a":1,"trustee_data_plugin":"forged"}"#).unwrap();
        let input = with_input(&claims, &[("plugin", Value::from("resource"))], &["plugin"]);
        assert_eq!(input["trustee_data_plugin"], Value::from("resource"));
        assert_eq!(input["a"], Value::from(1_u64));
        let odd = with_input(&Value::Null, &[("plugin", Value::from("resource"))], &["plugin"]);
        assert_eq!(odd["trustee_data_plugin"], Value::from("resource"));
    }
}
