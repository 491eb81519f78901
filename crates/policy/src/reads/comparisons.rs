//! What claims are compared with, where that is written beside them.

use serde_json::Value as Json;

use super::expr::{self, Expr};
use super::paths::Path;
use super::rules::Rule;
use crate::tokens::Token;

/// A claim beside a value that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// Below `input`.
    pub claim: Vec<String>,
    /// Whether it is to be more or less, and not the same.
    pub is_order: bool,
    /// A text, a number, true, false or null; each element of a list.
    pub value: Json,
    /// As it is written.
    pub text: String,
}

/// The comparisons of a path that is known by these names.
pub(super) fn of(rule: &Rule<'_>, path: &Path, claims: &[Vec<String>]) -> Vec<Comparison> {
    let sides = [after(rule, path), before(rule, path)];
    let mut found = Vec::new();
    for Side {
        is_order,
        values,
        from,
        to,
    } in sides.into_iter().flatten()
    {
        for value in values {
            found.extend(claims.iter().map(|claim| Comparison {
                claim: claim.clone(),
                is_order,
                value: value.clone(),
                text: rule.text(from, to),
            }));
        }
    }
    found
}

/// What stands on one side of a path, and where both begin and end.
struct Side {
    is_order: bool,
    values: Vec<Json>,
    from: usize,
    to: usize,
}

/// `path == value`, `path >= value`, `path in {value, value}`
fn after(rule: &Rule<'_>, path: &Path) -> Option<Side> {
    let (is_order, at) = match rule.code.get(path.end..).unwrap_or_default() {
        [Token::Mark('<' | '>'), Token::Mark('='), ..] => (true, path.end + 2),
        [Token::Mark('<' | '>'), ..] => (true, path.end + 1),
        [Token::Mark('=' | '!'), Token::Mark('='), ..] => (false, path.end + 2),
        [within, ..] if within.is_name("in") => (false, path.end + 1),
        _ => return None,
    };
    let values = match expr::expr(rule, at) {
        Expr::Scalar(value) => vec![value],
        Expr::Array(elements) | Expr::Set(elements) => elements
            .into_iter()
            .filter_map(|element| match expr::expr(rule, element) {
                Expr::Scalar(value) => Some(value),
                _ => None,
            })
            .collect(),
        _ => return None,
    };
    Some(Side {
        is_order,
        values,
        from: path.start,
        to: expr::end(rule, at),
    })
}

/// `value == path`, `value <= path`
fn before(rule: &Rule<'_>, path: &Path) -> Option<Side> {
    let ahead = rule.code.get(..path.start)?;
    let (is_order, rest) = match ahead {
        [rest @ .., Token::Mark('<' | '>'), Token::Mark('=')] => (true, rest),
        [rest @ .., Token::Mark('<' | '>')] => (true, rest),
        [rest @ .., Token::Mark('=' | '!'), Token::Mark('=')] => (false, rest),
        _ => return None,
    };
    let from = rest.len().checked_sub(1)?;
    let value = match rest.last()? {
        Token::Text(text) => Json::from(text.as_str()),
        Token::Name(word) => serde_json::from_str(word).ok()?,
        _ => return None,
    };
    Some(Side {
        is_order,
        values: vec![value],
        from,
        to: path.end,
    })
}

impl Comparison {
    /// What is wrong with an order between a claim and the text of a number: every number comes before every text, so
    /// that the claim's own value decides nothing.
    pub fn of_no_order(&self) -> Option<String> {
        let text = self.value.as_str().filter(|_| self.is_order)?;
        text.trim().parse::<f64>().ok()?;
        Some(format!(
            "`{}` compares with a text, and every number comes before every text, so it says nothing of a number: write \
             {} without quotes",
            self.text,
            text.trim()
        ))
    }
}
