//! Expressions, as far as their values can be told from the text: literals, references and calls.

use serde_json::Value as Json;

use super::rules::Rule;
use crate::tokens::Token;

/// Brackets in brackets that are looked into.
const MAX_DEPTH: usize = 8;

/// An expression. Parts of it are told by the index of the token with which they begin.
#[derive(Debug, PartialEq)]
pub(super) enum Expr {
    /// A text, a number, true, false or null.
    Scalar(Json),
    Array(Vec<usize>),
    Set(Vec<usize>),
    /// Names and values.
    Object(Vec<(usize, usize)>),
    /// `ids`, `names.of["this"][n]`
    Reference {
        root: String,
        steps: Vec<Step>,
    },
    /// `f(x)`, `object.get(x, y, z).w`
    Call {
        function: String,
        arguments: Vec<usize>,
        steps: Vec<Step>,
    },
    /// Anything else.
    Computed,
}

/// A step into a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// `.name` or `["name"]`
    Named(String),
    /// `[…]` with anything else, which begins at this token.
    At(usize),
}

/// The expression that begins at a token.
pub(super) fn expr(rule: &Rule<'_>, at: usize) -> Expr {
    whole(rule, at, 0).map_or(Expr::Computed, |(expr, _)| expr)
}

/// The text of the expression that begins at a token.
pub(super) fn text(rule: &Rule<'_>, at: usize) -> String {
    rule.text(at, end(rule, at))
}

/// The index after the last token of the expression that begins at a token.
pub(super) fn end(rule: &Rule<'_>, at: usize) -> usize {
    let end = whole(rule, at, 0).map(|(_, end)| end);
    end.unwrap_or_else(|| end_of_computed(rule, at))
}

/// About where an expression ends that begins at a token, or behind that.
fn end_of_computed(rule: &Rule<'_>, at: usize) -> usize {
    let outer = rule.outer(at);
    let operator = |at: usize| match rule.code.get(at) {
        Some(Token::Mark(mark)) => "|&+-*/%=<>!:.,".contains(*mark),
        Some(Token::Name(word)) => word == "in",
        _ => false,
    };
    let mut next = at + 1;
    while next < rule.code.len() && outer.is_none_or(|open| next < rule.closing(open)) {
        let is_end = match rule.code.get(next) {
            Some(Token::Mark(',' | ';')) => true,
            Some(Token::Mark('{')) => !operator(next - 1),
            Some(Token::Name(word)) => word == "if" || word == "else",
            _ => rule.ends_line(next - 1) && !operator(next - 1) && !operator(next),
        };
        if rule.outer(next) == outer && is_end {
            break;
        }
        next += 1;
    }
    next
}

/// The steps that begin at a token, and the index after the last token of them.
pub(super) fn steps(rule: &Rule<'_>, mut at: usize) -> (Vec<Step>, usize) {
    let mut steps = Vec::new();
    loop {
        match rule.code.get(at..).unwrap_or_default() {
            [Token::Mark('.'), Token::Name(member), ..] => {
                steps.push(Step::Named(member.clone()));
                at += 2;
            }
            [Token::Index, Token::Text(member), Token::Mark(']'), ..] => {
                steps.push(Step::Named(member.clone()));
                at += 3;
            }
            [Token::Index, ..] => {
                steps.push(Step::At(at + 1));
                at = rule.closing(at) + 1;
            }
            _ => return (steps, at.min(rule.code.len())),
        }
    }
}

/// Where the parts begin that commas separate, between a bracket at `open` and its end. `None` for a comprehension.
pub(super) fn parts(rule: &Rule<'_>, open: usize) -> Option<Vec<usize>> {
    let end = rule.closing(open);
    let mut parts = Vec::new();
    let mut begins = true;
    let is_call = rule.code.get(open) == Some(&Token::Mark('('));
    for at in open + 1..end {
        if rule.outer(at) != Some(open) {
            continue;
        }
        match rule.code.get(at) {
            Some(Token::Mark(',')) => begins = true,
            Some(Token::Mark('|')) if !is_call => return None,
            _ if begins => {
                parts.push(at);
                begins = false;
            }
            _ => {}
        }
    }
    Some(parts)
}

/// An expression, if nothing is done with it, and the index after its last token.
fn whole(rule: &Rule<'_>, at: usize, depth: usize) -> Option<(Expr, usize)> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (expr, end) = match rule.code.get(at)? {
        Token::Text(text) => (Expr::Scalar(Json::from(text.as_str())), at + 1),
        Token::Mark('(') => {
            let (inner, end) = whole(rule, at + 1, depth + 1)?;
            (end == rule.closing(at)).then_some((inner, end + 1))?
        }
        Token::Mark('[') => (Expr::Array(parts(rule, at)?), rule.closing(at) + 1),
        Token::Mark('{') => (braces(rule, at, depth)?, rule.closing(at) + 1),
        Token::Mark('-') => number(rule, at, at + 1)?,
        Token::Name(name) if name.starts_with(|c: char| c.is_ascii_digit()) => number(rule, at, at)?,
        Token::Name(name) if ["true", "false", "null"].contains(&name.as_str()) => {
            (Expr::Scalar(serde_json::from_str(name).ok()?), at + 1)
        }
        Token::Name(name) => named(rule, at, name)?,
        _ => return None,
    };
    ends(rule, end).then_some((expr, end))
}

fn braces(rule: &Rule<'_>, open: usize, depth: usize) -> Option<Expr> {
    let parts = parts(rule, open)?;
    let value_of = |key: usize| {
        let (_, end) = whole(rule, key, depth + 1)?;
        (rule.code.get(end) == Some(&Token::Mark(':'))).then_some(end + 1)
    };
    let is_object = parts.is_empty() || parts.first().is_some_and(|first| value_of(*first).is_some());
    if !is_object {
        return Some(Expr::Set(parts));
    }
    let fields: Option<Vec<_>> = parts.into_iter().map(|key| Some((key, value_of(key)?))).collect();
    fields.map(Expr::Object)
}

fn number(rule: &Rule<'_>, at: usize, digits: usize) -> Option<(Expr, usize)> {
    let name = |at: usize| match rule.code.get(at) {
        Some(Token::Name(name)) => Some(name.as_str()),
        _ => None,
    };
    let mark = |at: usize, mark: char| rule.code.get(at) == Some(&Token::Mark(mark));
    let mut text = if at == digits {
        String::new()
    } else {
        "-".to_owned()
    };
    text += name(digits)?;
    let mut end = digits + 1;
    if mark(end, '.') {
        text.push('.');
        text += name(end + 1)?;
        end += 2;
    }
    if text.ends_with(['e', 'E']) && (mark(end, '-') || mark(end, '+')) {
        text.push(if mark(end, '-') { '-' } else { '+' });
        text += name(end + 1)?;
        end += 2;
    }
    let number: serde_json::Number = serde_json::from_str(&text).ok()?;
    Some((Expr::Scalar(Json::Number(number)), end))
}

/// A reference, or a call of a function, whose name may have dots.
fn named(rule: &Rule<'_>, at: usize, name: &str) -> Option<(Expr, usize)> {
    let mut function = name.to_owned();
    let mut end = at + 1;
    while let [Token::Mark('.'), Token::Name(more), ..] = rule.code.get(end..)? {
        function = format!("{function}.{more}");
        end += 2;
    }
    // `f (x)` is no call, but nor is it anything else.
    if rule.code.get(end) == Some(&Token::Mark('(')) {
        let arguments = parts(rule, end)?;
        let (steps, end) = steps(rule, rule.closing(end) + 1);
        let call = Expr::Call {
            function,
            arguments,
            steps,
        };
        return Some((call, end));
    }
    let (steps, end) = steps(rule, at + 1);
    let root = name.to_owned();
    Some((Expr::Reference { root, steps }, end))
}

/// Whether an expression can end before the token at `at`.
fn ends(rule: &Rule<'_>, at: usize) -> bool {
    let new_line = at.checked_sub(1).is_some_and(|before| rule.ends_line(before));
    match rule.code.get(at) {
        None | Some(Token::Mark(',' | ';' | ')' | ']' | '}' | '{' | ':')) => true,
        Some(Token::Name(word)) if word == "if" || word == "else" => true,
        Some(Token::Name(word)) => new_line && word != "in" && word != "with",
        Some(Token::Text(_) | Token::Mark('[' | '(')) => new_line,
        _ => false,
    }
}
