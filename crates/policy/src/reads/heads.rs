//! What a rule defines: its name, its parameters and the values it may have.

use super::expr::{Step, parts, steps};
use super::rules::Rule;
use crate::tokens::Token;

/// The head of a rule, with the values of each of its `else`.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at: usize,
    /// Of `claims.hardware := 2`, the second part.
    pub(super) steps: Vec<Step>,
    /// Where the patterns of the parameters begin, if it is a function.
    pub(super) parameters: Option<Vec<usize>>,
    /// Where the values begin.
    pub(super) values: Vec<usize>,
    /// Where the element of a set begins: `ids contains id`.
    pub(super) element: Option<usize>,
}

impl Head {
    /// The head of a rule; `None` of what is none, such as an import.
    pub(super) fn of(rule: &Rule<'_>) -> Option<Self> {
        let at = usize::from(rule.code.first()?.is_name("default"));
        let name = match rule.code.get(at)? {
            Token::Name(name) if name != "import" && name != "package" => name.clone(),
            _ => return None,
        };
        let mut head = Self {
            name,
            at,
            ..Self::default()
        };
        let mut end = at + 1;
        if rule.code.get(end) == Some(&Token::Mark('(')) {
            head.parameters = Some(parts(rule, end).unwrap_or_default());
            end = rule.closing(end) + 1;
        } else {
            (head.steps, end) = steps(rule, end);
        }
        if rule.code.get(end).is_some_and(|word| word.is_name("contains")) {
            head.element = Some(end + 1);
        }
        head.values.extend(value(rule, end));
        let words = (end..rule.code.len()).filter(|at| rule.outer(*at).is_none());
        let others = words.filter(|at| rule.code.get(*at).is_some_and(|word| word.is_name("else")));
        head.values.extend(others.filter_map(|at| value(rule, at + 1)));
        Some(head)
    }
}

/// Where the value begins that `:=` or `=` at that token gives.
fn value(rule: &Rule<'_>, at: usize) -> Option<usize> {
    match rule.code.get(at..)? {
        [Token::Mark(':'), Token::Mark('='), _, ..] => Some(at + 2),
        [Token::Mark('='), Token::Mark('='), ..] => None,
        [Token::Mark('='), _, ..] => Some(at + 1),
        _ => None,
    }
}
