//! A condition that does not hold: what it saw, and what it would have taken.

use regorus::Value;
use serde_json::Value as Json;

use super::nearest;
use super::operands::{self, Operand, reference_id};
use super::program::Place;
use super::run::{Arguments, Run, Stop};
use super::syntax::{Body, Comparison, Condition, Expr, Literal, Query, Rule, Span, Syntax};
use super::words;
use crate::explanation::{Allowed, FailedCondition, HeldCondition, RuleText, Seen};
use crate::{Gone, defaults};

/// The most values that are shown of one thing.
const MAX_VALUES: usize = 8;
/// The longest value that is shown whole, in bytes of JSON.
const MAX_VALUE: usize = 256;
/// The most reference values that are named for one condition.
const MAX_IDS: usize = 4;

/// What can be said of the condition that is the first of its body that does not hold.
pub(super) fn of(
    run: &mut Run<'_>,
    place: Place,
    number: usize,
    arguments: &Arguments,
    condition: RuleText,
) -> Result<FailedCondition, Stop> {
    let Some(stated) = stated(run.syntax, place, number) else {
        return Ok(of_whole_body(condition));
    };
    let Looked { seen, paths, allowed } = look(run, place, number, arguments, stated)?;
    let negated = matches!(stated.literal, Literal::NotExpr { .. });
    Ok(words::of(run.input, condition, negated, seen, &paths, allowed))
}

/// What a condition saw that held.
pub(super) fn held(
    run: &mut Run<'_>,
    place: Place,
    number: usize,
    arguments: &Arguments,
    condition: RuleText,
) -> Result<Option<HeldCondition>, Stop> {
    let Some(stated) = stated(run.syntax, place, number) else {
        return Ok(None);
    };
    let Looked { seen, allowed, .. } = look(run, place, number, arguments, stated)?;
    Ok(Some(HeldCondition {
        condition,
        seen,
        allowed,
    }))
}

/// What can be said of an element that is where none should be, for what the operands of its last condition are.
pub(super) fn of_element(
    run: &Run<'_>,
    last: &Condition,
    operands: &[Operand<'_>],
    element: &Value,
    condition: RuleText,
) -> Option<FailedCondition> {
    let Value::Array(values) = element else {
        return None;
    };
    if values.is_empty() {
        return None;
    }
    let mut seen = Vec::new();
    let mut paths = Vec::new();
    let mut texts = Vec::new();
    for (operand, value) in operands.iter().zip(values.iter()) {
        texts.extend(text(value).map(|text| (operand.span.start, text)));
        seen.push(Seen::of(run.text(operand.span), std::slice::from_ref(value)));
        paths.push(operand.expr.path());
    }
    // It got in because the condition held: what is wanted is the contrary.
    let is_unwanted = !matches!(last.literal, Literal::NotExpr { .. });
    let allowed = allowed_by(run, last, &texts);
    Some(words::of(
        run.input,
        condition,
        is_unwanted,
        seen,
        &paths,
        allowed,
    ))
}

/// What a condition looks at, and what it would take.
struct Looked {
    seen: Vec<Seen>,
    /// Those of what was seen, where it has one.
    paths: Vec<Option<Vec<String>>>,
    allowed: Vec<Allowed>,
}

fn stated(syntax: &Syntax, place: Place, number: usize) -> Option<&Condition> {
    let body: &Body = syntax.rules.get(place.rule)?.bodies.get(place.body)?;
    body.conditions.get(number)
}

fn look(
    run: &mut Run<'_>,
    place: Place,
    number: usize,
    arguments: &Arguments,
    stated: &Condition,
) -> Result<Looked, Stop> {
    let mut seen = Vec::new();
    let mut paths = Vec::new();
    let mut texts: Vec<(usize, String)> = Vec::new();
    if run.detail == super::program::Detail::Values {
        for (index, operand) in operands::of(stated).into_iter().enumerate() {
            let values = run.list(&place.operand(number, index), arguments)?;
            texts.extend(
                values
                    .iter()
                    .filter_map(text)
                    .map(|text| (operand.span.start, text)),
            );
            seen.push(Seen::of(run.text(operand.span), &values));
            paths.push(operand.expr.path());
        }
        if let Literal::Every {
            value, domain, query, ..
        } = &stated.literal
        {
            let exceptions = run.list(&place.exceptions(number), arguments)?;
            let all = run.list(&place.operand(number, 0), arguments)?;
            let every = Every {
                value: run.text(*value),
                domain: run.text(domain.span()),
                all: &all,
            };
            let members = every.members(run, query, &exceptions);
            if !members.is_empty() {
                paths = vec![None; members.len()];
                seen = members;
            } else if !exceptions.is_empty() {
                // If there is none, there is nothing to show.
                let what = format!("{} in {}", every.value, every.domain);
                seen.insert(0, Seen::of(&what, &exceptions));
                paths.insert(0, None);
            }
        }
    }
    let allowed = allowed_by(run, stated, &texts);
    Ok(Looked { seen, paths, allowed })
}

/// What a condition would take. `texts` are the values of what stands where.
fn allowed_by(run: &Run<'_>, stated: &Condition, texts: &[(usize, String)]) -> Vec<Allowed> {
    let mut allowed = Vec::new();
    if let Some(expr) = stated.expr() {
        let mut ids = Vec::new();
        asked_in(expr, run.syntax, texts, &mut Vec::new(), &mut ids);
        allowed.extend(ids.iter().map(|id| reference(run, id)));
        allowed.extend(named(expr));
    }
    allowed
}

/// A condition on every element of something.
struct Every<'a> {
    /// What an element is called.
    value: &'a str,
    /// The text of what they are in.
    domain: &'a str,
    /// What they are in.
    all: &'a [Value],
}

impl Every<'_> {
    /// Of the elements that do not hold, what their condition looks at, where that is short: a member of each.
    fn members(&self, run: &Run<'_>, query: &Query, exceptions: &[Value]) -> Vec<Seen> {
        let mut looked_at = Vec::new();
        for expr in query.stmts.iter().filter_map(Condition::expr) {
            self.looked_at(expr, &mut looked_at);
        }
        let mut seen: Vec<Seen> = Vec::new();
        for element in exceptions.iter().take(MAX_VALUES) {
            let name = self.name(element);
            for (path, span) in &looked_at {
                let Some(value) = member(element, path).filter(is_short) else {
                    continue;
                };
                let rest = run.text(*span).strip_prefix(self.value).unwrap_or_default();
                let one = Seen::of(&format!("{}{name}{rest}", self.domain), &[value]);
                if !seen.contains(&one) {
                    seen.push(one);
                }
            }
        }
        seen
    }

    /// Where in an expression a member of an element stands.
    fn looked_at(&self, expr: &Expr, found: &mut Vec<(Vec<String>, Span)>) {
        match expr.path().as_deref() {
            Some([first, rest @ ..]) if first == self.value && !rest.is_empty() => {
                found.push((rest.to_vec(), expr.span()));
            }
            _ => expr
                .children()
                .into_iter()
                .for_each(|child| self.looked_at(child, found)),
        }
    }

    /// How an element is reached.
    fn name(&self, element: &Value) -> String {
        let found = self.all.iter().find_map(|all| match all {
            Value::Object(members) => {
                let (name, _) = members.iter().find(|(_, value)| *value == element)?;
                Some(name.to_string())
            }
            Value::Array(items) => Some(items.iter().position(|item| item == element)?.to_string()),
            _ => None,
        });
        format!("[{}]", found.as_deref().unwrap_or("_"))
    }
}

fn member(value: &Value, path: &[String]) -> Option<Value> {
    let mut value = value;
    for name in path {
        let Value::Object(members) = value else {
            return None;
        };
        value = members.get(&Value::from(name.as_str()))?;
    }
    Some(value.clone())
}

fn is_short(value: &Value) -> bool {
    matches!(
        value,
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null
    )
}

/// What can be said where the engine does not tell the conditions of a body apart.
pub(super) fn of_whole_body(condition: RuleText) -> FailedCondition {
    FailedCondition {
        condition,
        seen: Vec::new(),
        allowed: Vec::new(),
        expected: "all the conditions of this rule".to_owned(),
        came: "at least one of them does not hold".to_owned(),
        advice: "Put the conditions in the order in which their variables get values, and the first that does not \
                 hold is named here."
            .to_owned(),
        also: Vec::new(),
        debug: false,
        is_misspelt: false,
        of_another_tee: false,
    }
}

/// Text that is not longer than `most` bytes, and says so if it was.
pub(super) fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        let length = text.len();
        let mut end = most;
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        text.truncate(end);
        text += &format!("… ({length} bytes)");
    }
    text
}

impl Seen {
    fn of(what: &str, values: &[Value]) -> Self {
        let mut different: Vec<&Value> = Vec::new();
        for value in values {
            if !different.contains(&value) {
                different.push(value);
            }
        }
        let (values, more) = shown(different.into_iter());
        let what = shortened(what.split_whitespace().collect::<Vec<_>>().join(" "), MAX_VALUE);
        Self { what, values, more }
    }
}

fn shown<'v>(values: impl Iterator<Item = &'v Value>) -> (Vec<Json>, usize) {
    let mut values = values;
    let shown: Vec<Json> = values.by_ref().take(MAX_VALUES).map(json).collect();
    (shown, values.count())
}

fn json(value: &Value) -> Json {
    let Ok(json) = serde_json::to_value(value) else {
        return Json::String("a value that JSON cannot hold".to_owned());
    };
    let text = match &json {
        Json::String(text) => text.clone(),
        json => json.to_string(),
    };
    match text.len() > MAX_VALUE {
        true => Json::String(shortened(text, MAX_VALUE)),
        false => json,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The reference values that an expression asks for, itself or in rules that it names. `texts` are the values of
/// what stands where, for ids that are put together.
fn asked_in(
    expr: &Expr,
    syntax: &Syntax,
    texts: &[(usize, String)],
    visited: &mut Vec<Vec<String>>,
    ids: &mut Vec<String>,
) {
    if ids.len() >= MAX_IDS {
        return;
    }
    if let Some(id) = reference_id(expr) {
        let put_together = texts.iter().filter(|(start, _)| *start == id.span().start);
        let found = match id.literal() {
            Some(Json::String(id)) => vec![id],
            _ => put_together.map(|(_, text)| text.clone()).collect(),
        };
        for id in found {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    if let Some(["data", "reference", id]) = expr.path().as_deref().map(strs).as_deref()
        && !ids.iter().any(|known| known == id)
    {
        ids.push((*id).to_owned());
    }
    if let Some((path, _)) = expr.path().and_then(|path| syntax.rule_prefix(path))
        && !visited.contains(&path)
    {
        visited.push(path.clone());
        for (_, rule) in syntax.rules_at(&path) {
            for expr in expressions(rule) {
                asked_in(expr, syntax, texts, visited, ids);
            }
        }
    }
    for child in expr.children() {
        asked_in(child, syntax, texts, visited, ids);
    }
    ids.truncate(MAX_IDS);
}

fn strs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn expressions(rule: &Rule) -> impl Iterator<Item = &Expr> {
    rule.bodies.iter().flat_map(|body| {
        let conditions = body.conditions.iter().filter_map(Condition::expr);
        body.value.as_deref().into_iter().chain(conditions)
    })
}

fn reference(run: &Run<'_>, id: &str) -> Allowed {
    let value = run.reference.lookup(&Value::from(id));
    let (values, more) = match value {
        Some(Value::Array(list)) => shown(list.iter()),
        Some(value) => (vec![json(value)], 0),
        None => (Vec::new(), 0),
    };
    let gone = run.reference.gone(id).filter(|_| value.is_none());
    let nearest = match (value, gone) {
        (None, None) => nearest_id(run, id),
        _ => None,
    };
    Allowed::Reference {
        is_nearest_registered: nearest.as_deref().is_some_and(|id| run.reference.has(id)),
        nearest,
        expired_at: match gone {
            Some(Gone::Expired(at)) => Some(at),
            _ => None,
        },
        removed: gone == Some(Gone::Removed),
        reference_value: id.to_owned(),
        registered: value.is_some(),
        values,
        more,
    }
}

/// The id that was meant. What is registered comes first; a name may be right although its value has just expired.
fn nearest_id(run: &Run<'_>, id: &str) -> Option<String> {
    let shipped = defaults::reference_ids().iter().map(String::as_str);
    nearest::of(id, run.reference.ids()).or_else(|| nearest::of(id, run.reference.gone_ids().chain(shipped)))
}

/// What the condition names itself.
fn named(expr: &Expr) -> Option<Allowed> {
    let (is, value) = match expr {
        Expr::BoolExpr { op, lhs, rhs, .. } => match (lhs.literal(), rhs.literal()) {
            (None, Some(value)) => (word(*op), value),
            (Some(value), None) => (word(turned(*op)), value),
            _ => return None,
        },
        Expr::Membership { collection, .. } => ("one of", collection.literal()?),
        _ => return None,
    };
    Some(Allowed::Value { is, value })
}

fn turned(op: Comparison) -> Comparison {
    match op {
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Ge => Comparison::Le,
        Comparison::Gt => Comparison::Lt,
        same @ (Comparison::Eq | Comparison::Ne) => same,
    }
}

fn word(op: Comparison) -> &'static str {
    match op {
        Comparison::Lt => "less than",
        Comparison::Le => "at most",
        Comparison::Eq => "equal to",
        Comparison::Ge => "at least",
        Comparison::Gt => "more than",
        Comparison::Ne => "anything but",
    }
}
