//! What the engine says of a failure at run time, without what may be claims in it.

use super::{FILE, documents};

/// The longest line of a policy that is shown, in characters.
const MAX_LINE: usize = 160;

/// Where it failed, the line of the policy there, and what kind of failure it is. The engine quotes values as well:
/// of its sentence only the kind is kept.
pub(super) fn told(text: &str) -> String {
    let place = text.split_once(FILE).map(|(_, rest)| rest.chars());
    let place: String = place
        .into_iter()
        .flatten()
        .take_while(|c| *c == ':' || c.is_ascii_digit())
        .collect();
    let mut told = format!("at {FILE}{place}");
    // `3 | the line`
    let line = text.lines().find_map(|line| {
        let (number, line) = line.split_once(" | ")?;
        number.trim().parse::<u32>().is_ok().then_some(line.trim())
    });
    if let Some(line) = line.filter(|line| !line.is_empty()) {
        let line = documents::as_written(line);
        let shown: String = line.chars().take(MAX_LINE).collect();
        let more = if shown.len() < line.len() { "…" } else { "" };
        told += &format!(", in `{shown}{more}`");
    }
    let sentence = text.rsplit_once("error: ").map(|(_, sentence)| sentence);
    if let Some(kind) = sentence.and_then(kind) {
        told += &format!(": {kind}");
    }
    told
}

/// Whether the time was up, as the engine says it of what happens inside a function or a comprehension: there it keeps
/// of an error only the text.
pub(super) fn is_late(text: &str) -> bool {
    text.starts_with("execution exceeded time limit (")
}

fn kind(sentence: &str) -> Option<String> {
    let has = |part: &str| sentence.contains(part);
    if has("rule conflicts with rule") || has("multiple outputs for same inputs") {
        return Some("two definitions give it different values".to_owned());
    }
    if has("generated multiple times") {
        return Some("one key would have two values".to_owned());
    }
    if has("divide by zero") {
        return Some("it divides by zero".to_owned());
    }
    if has("invalid regex") {
        return Some("this is no regular expression".to_owned());
    }
    let (function, rest) = sentence.strip_prefix('`')?.split_once("` ")?;
    let is_name = function
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let of_type = rest.starts_with("expects ") || rest.starts_with("requires ");
    (is_name && of_type).then(|| {
        format!("`{function}` got a value of a type that it does not take; ask first, as in `is_string(x)`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_and_no_value() {
        let text = |sentence: &str| {
            told(&format!(
                "\n--> policy.rego:12:26\n   |\n12 | \tallow if f(input.one)\n   |   ^\nerror: {sentence}"
            ))
        };
        for (sentence, kind) in [
            (
                "`startswith` expects string argument. Got `\"canary\"` instead",
                ": `startswith` got a value of a type that it does not take; ask first, as in `is_string(x)`",
            ),
            (
                "rule conflicts with rule at policy.rego:2:1",
                ": two definitions give it different values",
            ),
            (
                "value for key `\"canary\"` generated multiple times: `1` and `2`",
                ": one key would have two values",
            ),
            ("divide by zero", ": it divides by zero"),
            ("`a canary` expects nothing", ""),
            ("canary", ""),
        ] {
            assert_eq!(
                text(sentence),
                format!("at policy.rego:12:26, in `allow if f(input.one)`{kind}")
            );
        }
        assert_eq!(told("canary"), "at policy.rego");
    }

    #[test]
    fn that_the_time_was_up_is_told_from_what_a_policy_could_make_the_engine_quote() {
        assert!(is_late(
            "execution exceeded time limit (elapsed=9634746ns, limit=5000000ns)"
        ));
        assert!(!is_late(
            "`f` got `execution exceeded time limit (elapsed=1ns, limit=1ns)`"
        ));
        assert!(!is_late("execution exceeded memory limit"));
    }
}
