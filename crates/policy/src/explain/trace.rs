//! Follows a value to the rule that gave it, and to those that would have given a better one.

use serde_json::Value as Json;

use super::failures::{keep_telling, saw_something};
use super::leaf;
use super::program::{Detail, Place};
use super::run::{Arguments, Run, Stop};
use super::syntax::{Body, Expr, RuleKind, Span};
use super::words;
use crate::ar4si::TrustTier;
use crate::explanation::{Depth, FailedCondition, HeldCondition, NotGiven, RuleText};

/// How deep rules are followed.
pub(super) const MAX_DEPTH: usize = 16;
/// The most better values that are looked into for one claim.
const MAX_BETTER: usize = 4;
/// The most conditions that are named as having held for one value.
const MAX_HELD: usize = 16;
/// The most texts, in bytes, that are shown of a rule.
const MAX_TEXT: usize = 400;

/// One evaluation, looked into.
pub(super) struct Trace<'a>(pub(super) Run<'a>);

/// Where a value comes from.
struct Given {
    place: Place,
    arguments: Arguments,
    missed: Vec<Missed>,
}

/// A body that would have given another value.
pub(super) struct Missed {
    pub(super) place: Place,
    pub(super) arguments: Arguments,
    value: Option<i64>,
    pub(super) progress: usize,
}

impl Trace<'_> {
    /// The rule that gave the member of a value that `path` names, and what would have given a better one than `value`.
    pub(super) fn claim(
        &mut self,
        path: &[String],
        value: i8,
    ) -> Result<(Option<RuleText>, Vec<NotGiven>), Stop> {
        let Some(Given {
            place, mut missed, ..
        }) = self.given(path.to_vec(), &None, 0)?
        else {
            return Ok((None, Vec::new()));
        };
        missed.retain(|missed| missed.value.is_none_or(|other| rank(other) < rank(value.into())));
        if missed.iter().any(|missed| missed.value.is_some()) {
            missed.retain(|missed| missed.value.is_some());
        }
        missed.sort_by_key(|missed| missed.value.map_or((u8::MAX, 0), rank));
        let mut better: Vec<NotGiven> = Vec::new();
        for missed in missed {
            let mut failed = Vec::new();
            self.failures(missed.place, &missed.arguments, 0, &mut failed)?;
            let told = better.iter().any(|earlier| earlier.failed == failed);
            if let (false, Some(rule)) = (told, self.rule_text(missed.place)) {
                let value = missed.value;
                better.push(NotGiven { value, rule, failed });
            }
        }
        keep_telling(&mut better, |not_given| {
            not_given.failed.iter().any(saw_something)
        });
        better.truncate(MAX_BETTER);
        Ok((self.rule_text(place), better))
    }

    /// The rule that gave the affirming member of a value that `path` names, and the conditions of it that held.
    pub(super) fn affirming(
        &mut self,
        path: &[String],
        depth: Depth,
    ) -> Result<(Option<RuleText>, Vec<HeldCondition>), Stop> {
        let Some(Given { place, arguments, .. }) = self.given(path.to_vec(), &None, 0)? else {
            return Ok((None, Vec::new()));
        };
        let mut held = Vec::new();
        if depth == Depth::Everything && self.0.detail == Detail::Values {
            let conditions = self.body(place).map_or(&[][..], |body| &body.conditions);
            let spans: Vec<Span> = conditions.iter().map(|each| each.span).collect();
            for (number, span) in spans.into_iter().enumerate().take(MAX_HELD) {
                if let Some(text) = self.text_at(place, span) {
                    held.extend(leaf::held(&mut self.0, place, number, &arguments, text)?);
                }
            }
        }
        Ok((self.rule_text(place), held))
    }

    /// What keeps a rule from being true, as far as it is found out.
    pub(super) fn refusal(&mut self, path: &[String]) -> Vec<FailedCondition> {
        let mut failed = Vec::new();
        // What was found before the end is true all the same.
        let _ = self.alternatives(path, &None, 0, &mut failed);
        if failed.is_empty()
            && let Ok(Some(denial)) = self.denial(path)
        {
            failed.push(denial);
        }
        failed
    }

    /// The rule that says no, with what it saw.
    fn denial(&mut self, path: &[String]) -> Result<Option<FailedCondition>, Stop> {
        let Some(Given { place, arguments, .. }) = self.given(path.to_vec(), &None, 0)? else {
            return Ok(None);
        };
        let mut seen = Vec::new();
        let conditions = self.body(place).map_or(0, |body| body.conditions.len());
        for number in 0..conditions.min(MAX_HELD) {
            let span = self
                .body(place)
                .and_then(|body| Some(body.conditions.get(number)?.span));
            if let Some(text) = span.and_then(|span| self.text_at(place, span)) {
                let held = leaf::held(&mut self.0, place, number, &arguments, text)?;
                seen.extend(held.into_iter().flat_map(|held| held.seen));
            }
        }
        Ok(self.rule_text(place).map(|rule| words::of_denial(rule, seen)))
    }

    fn given(
        &mut self,
        path: Vec<String>,
        arguments: &Arguments,
        depth: usize,
    ) -> Result<Option<Given>, Stop> {
        let syntax = self.0.syntax;
        let Some((path, steps)) = syntax.rule_prefix(path).filter(|_| depth < MAX_DEPTH) else {
            return Ok(None);
        };
        let (mut holds, missed) = self.bodies(&path, arguments, &steps)?;
        if holds.is_none() {
            let default = syntax
                .rules_at(&path)
                .find(|(_, rule)| rule.kind == RuleKind::Default);
            holds = default.map(|(rule, _)| Place { rule, body: 0 });
        }
        let Some(place) = holds else {
            return Ok(None);
        };
        let value = self.body(place).and_then(|body| body.value.clone());
        let deeper = match value {
            Some(value) => self.given_by(&value, &steps, place, arguments, depth)?,
            None => None,
        };
        Ok(Some(match deeper {
            Some(deeper) if deeper.missed.is_empty() => Given { missed, ..deeper },
            Some(deeper) => deeper,
            None => Given {
                place,
                arguments: arguments.clone(),
                missed,
            },
        }))
    }

    /// Where the value of an expression in a body comes from, or the part of it that `steps` lead to.
    fn given_by(
        &mut self,
        expr: &Expr,
        steps: &[String],
        place: Place,
        arguments: &Arguments,
        depth: usize,
    ) -> Result<Option<Given>, Stop> {
        if let (Some(part), Some((_, rest))) = (part(expr, steps), steps.split_first()) {
            return self.given_by(part, rest, place, arguments, depth);
        }
        if let Expr::Call { span, fcn, .. } = expr
            && let Some(path) = self.0.syntax.rule_path(fcn)
        {
            let called = self
                .0
                .list(&place.value_arguments(*span), arguments)?
                .into_iter()
                .next();
            let path = path.into_iter().chain(steps.iter().cloned()).collect();
            return match called {
                Some(called) => self.given(path, &Some(called), depth + 1),
                None => Ok(None),
            };
        }
        let Some(mut path) = expr.path() else {
            return Ok(None);
        };
        path.extend_from_slice(steps);
        // A variable of the body itself.
        let syntax = self.0.syntax;
        let conditions = syntax
            .rules
            .get(place.rule)
            .and_then(|rule| rule.bodies.get(place.body))
            .map_or(&[][..], |body| &body.conditions);
        let set = conditions.iter().find_map(|condition| match condition.expr()? {
            Expr::AssignExpr { lhs, rhs, .. } if lhs.variable() == path.first().map(String::as_str) => {
                Some(rhs)
            }
            _ => None,
        });
        match set {
            Some(set) if depth < MAX_DEPTH => {
                let rest = path.get(1..).unwrap_or_default();
                self.given_by(set, rest, place, arguments, depth + 1)
            }
            _ => self.given(path, &None, depth + 1),
        }
    }

    /// Of the bodies of a rule, the first one that holds and those that do not.
    pub(super) fn bodies(
        &mut self,
        path: &[String],
        arguments: &Arguments,
        steps: &[String],
    ) -> Result<(Option<Place>, Vec<Missed>), Stop> {
        let mut holds = None;
        let mut missed = Vec::new();
        let syntax = self.0.syntax;
        for (rule, definition) in syntax.rules_at(path) {
            if !matches!(definition.kind, RuleKind::Complete | RuleKind::Function) {
                continue;
            }
            for (body, content) in definition.bodies.iter().enumerate() {
                let place = Place { rule, body };
                match self.0.progress(place, arguments)? {
                    Some(progress) if progress == content.conditions.len() => {
                        holds = holds.or(Some(place));
                        break;
                    }
                    Some(progress) => missed.push(Missed {
                        place,
                        arguments: arguments.clone(),
                        value: content.value.as_deref().and_then(|value| number(value, steps)),
                        progress,
                    }),
                    None => {}
                }
            }
        }
        Ok((holds, missed))
    }

    pub(super) fn body(&self, place: Place) -> Option<&Body> {
        self.0.syntax.rules.get(place.rule)?.bodies.get(place.body)
    }

    pub(super) fn rule_text(&self, place: Place) -> Option<RuleText> {
        self.text_at(place, self.body(place)?.span)
    }

    pub(super) fn text_at(&self, place: Place, span: Span) -> Option<RuleText> {
        let name = self.0.syntax.rules.get(place.rule)?.path.join(".");
        let text: Vec<&str> = self.0.text(span).split_whitespace().collect();
        Some(RuleText {
            name,
            line: span.line,
            text: leaf::shortened(text.join(" "), MAX_TEXT),
        })
    }
}

/// How good a value is: affirming before nothing, that before a warning; the least number first.
fn rank(value: i64) -> (u8, u64) {
    let tier = i8::try_from(value).map_or(TrustTier::Contraindicated, TrustTier::of);
    let tier = match tier {
        TrustTier::Affirming => 0,
        TrustTier::None => 1,
        TrustTier::Warning => 2,
        TrustTier::Contraindicated => 3,
    };
    (tier, value.unsigned_abs())
}

/// The part of an array or an object that is written down.
fn part<'a>(expr: &'a Expr, steps: &[String]) -> Option<&'a Expr> {
    let step = steps.first()?;
    match expr {
        Expr::Array { items, .. } => items.get(step.parse::<usize>().ok()?),
        Expr::Object { fields, .. } => {
            let named = |key: &Expr| matches!(key.literal(), Some(Json::String(name)) if name == *step);
            fields
                .iter()
                .find(|(_, key, _)| named(key))
                .map(|(_, _, value)| value)
        }
        _ => None,
    }
}

/// The number that stands there.
fn number(expr: &Expr, steps: &[String]) -> Option<i64> {
    match (part(expr, steps), steps.split_first()) {
        (Some(part), Some((_, rest))) => number(part, rest),
        (None, None) => expr.literal()?.as_i64(),
        _ => None,
    }
}
