//! What a policy reads that is not there, found when it is set: mostly a name with a slip of the pen in it, which
//! would make the policy deny for ever without saying why.
//!
//! Found by looking at the text, not by running it. So it may miss a name that is put together while the policy
//! runs, and it decides nothing: it is for the log.

use std::collections::BTreeSet;

use verifier::Tee;

/// Names that a policy mentions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// Ids of reference values, as far as they are written out.
    pub(crate) reference_values: BTreeSet<String>,
    /// Members of `input` that no evaluation gives.
    pub(crate) unknown_inputs: BTreeSet<String>,
}

/// The built-ins through which reference values are asked for.
const QUERIES: [&str; 2] = ["query_reference_value", "matches_reference_value"];

/// Members of `input` that are no TEE's.
const COMMON_INPUTS: [&str; 4] = [
    "init_data",
    "init_data_claims",
    "report_data",
    "runtime_data_claims",
];

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    Text(&'a str),
    Mark(char),
}

impl Hints {
    /// Looks through the text of a policy.
    pub(crate) fn of(rego: &str) -> Self {
        let rules = rules(rego);
        let asking = asking_functions(&rules);
        let mut hints = Self::default();
        for rule in &rules {
            for (index, token) in rule.iter().enumerate() {
                let rest = rule.get(index + 1..).unwrap_or_default();
                match (token, rest) {
                    (Token::Name(name), [Token::Mark('('), arguments @ ..]) if asking.contains(name) => {
                        hints.reference_values.extend(texts(arguments));
                    }
                    (Token::Name("input"), [Token::Mark('.'), Token::Name(member), ..])
                    | (Token::Name("input"), [Token::Mark('['), Token::Text(member), ..])
                        if !is_input(member) =>
                    {
                        hints.unknown_inputs.insert((*member).to_owned());
                    }
                    _ => {}
                }
            }
        }
        hints
    }
}

fn is_input(member: &str) -> bool {
    COMMON_INPUTS.contains(&member) || Tee::ALL.iter().any(|tee| tee.as_str() == member)
}

/// The built-ins, and the functions of the policy that call one of them, or one another, in the end.
fn asking_functions<'a>(rules: &[Vec<Token<'a>>]) -> BTreeSet<&'a str> {
    let mut asking = BTreeSet::from(QUERIES);
    loop {
        let known = asking.len();
        for rule in rules {
            if let [Token::Name(head), Token::Mark('('), ..] = rule.as_slice()
                && rule
                    .iter()
                    .any(|token| matches!(token, Token::Name(name) if asking.contains(name)))
            {
                asking.insert(head);
            }
        }
        if asking.len() == known {
            return asking;
        }
    }
}

/// The texts among the arguments of a call, up to its end; not those of calls within.
fn texts(arguments: &[Token<'_>]) -> Vec<String> {
    let mut depth = 1_usize;
    let mut texts = Vec::new();
    for token in arguments {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth -= 1,
            Token::Text(text) if depth == 1 => texts.push((*text).to_owned()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    texts
}

/// The rules of a policy: each begins with a name at the beginning of a line.
fn rules(rego: &str) -> Vec<Vec<Token<'_>>> {
    let mut rules: Vec<Vec<Token<'_>>> = vec![Vec::new()];
    let mut rest = rego;
    let mut at_line_start = true;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '"' => text(rest, '"', true),
            '`' => text(rest, '`', false),
            first if is_name(first) => {
                let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                if at_line_start {
                    rules.push(Vec::new());
                }
                (rest.get(..length).map(Token::Name), length)
            }
            first if first.is_whitespace() => (None, first.len_utf8()),
            first => (Some(Token::Mark(first)), first.len_utf8()),
        };
        if let (Some(token), Some(rule)) = (token, rules.last_mut()) {
            rule.push(token);
        }
        at_line_start = first == '\n';
        rest = rest.get(length..).unwrap_or_default();
    }
    rules
}

/// The text that begins here, without its quotes, and the length with them. Escapes stay as they are written.
fn text(rest: &str, quote: char, escapes: bool) -> (Option<Token<'_>>, usize) {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return (rest.get(1..index).map(Token::Text), index + 1);
        }
        escaped = escapes && c == '\\' && !escaped;
    }
    (None, rest.len())
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn ids_are_found_in_calls_and_through_functions() {
        let hints = Hints::of(
            r#"
package policy
import rego.v1

# query_reference_value("in a comment")
trust_claims := {"hardware": h, "executables": e}

h := 2 if input.snp.measurement in query_reference_value("direct")
h := 2 if matches_reference_value(input.snp.measurement, "matched")
e := 3 if vouched(input.snp["measurement"], "through one")
e := 4 if twice("through two", other("not an id"))

twice(id, _) if vouched(input.snp.x, id)

vouched(claim, id) if {
	claim in query_reference_value(id)
}

other(x) := x
"#,
        );
        assert_eq!(
            names(&hints.reference_values),
            ["direct", "matched", "through one", "through two"]
        );
        assert!(hints.unknown_inputs.is_empty());
    }

    #[test]
    fn a_tee_that_nobody_knows_is_found() {
        let hints = Hints::of(
            "a if input.sevsnp.measurement == \"x\"\nb if input[\"az-snp-vtmp\"].x\nc if input.report_data\n",
        );
        assert_eq!(names(&hints.unknown_inputs), ["az-snp-vtmp", "sevsnp"]);
    }

    #[test]
    fn the_default_policy_asks_for_what_its_documentation_says_and_reads_nothing_unknown() {
        for (id, rego) in policy::defaults::ATTESTATION {
            let hints = Hints::of(rego);
            assert!(
                hints.unknown_inputs.is_empty(),
                "{id}: {:?}",
                hints.unknown_inputs
            );
        }
        let (_, default_cpu) = policy::defaults::ATTESTATION[0];
        let hints = Hints::of(default_cpu);
        for id in [
            "launch_digest",
            "snp_launch_measurement",
            "snp_bootloader",
            "mr_td",
            "trusted_aks",
        ] {
            assert!(
                hints.reference_values.contains(id),
                "{id}: {:?}",
                hints.reference_values
            );
        }
        assert!(!hints.reference_values.contains("81000000"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z\"`\\\\#(){}\\[\\]., \n]{0,200}") {
            let _ = Hints::of(&text);
        }
    }
}
