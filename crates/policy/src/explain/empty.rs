//! A set that is to be empty, and is not: `count(unknown) == 0`, over a rule or a comprehension.
//!
//! What such a condition comes to is what its elements came to: of the conditions that put one in, the last one. Those
//! before it say which elements are meant.

use super::operands::{self, Operand};
use super::program::Place;
use super::syntax::{Comparison, Condition, Expr, Literal, RuleKind, Syntax};

/// One way to get into the set.
pub(super) struct Members<'a> {
    /// The body whose text it is part of.
    pub(super) place: Place,
    /// All have to hold for an element.
    pub(super) conditions: &'a [Condition],
    /// It uses the variables of the body that looks at the set.
    pub(super) is_within: bool,
    /// The last of the conditions.
    pub(super) last: &'a Condition,
}

/// What the last condition for an element is about.
pub(super) enum About<'a> {
    /// That a function of the policy's own gives nothing for these arguments.
    Call(Vec<String>, &'a [Expr]),
    /// That a rule of the policy gives nothing.
    Rule(Vec<String>),
    /// What its operands are.
    Operands(Vec<Operand<'a>>),
}

/// The ways to get into the set that a condition in the body `place` wants to be empty.
pub(super) fn of<'a>(condition: &'a Condition, syntax: &'a Syntax, place: Place) -> Vec<Members<'a>> {
    let Some(set) = emptied(condition) else {
        return Vec::new();
    };
    let members = |place, conditions: &'a [Condition], is_within| {
        let last = conditions.last()?;
        let tells = matches!(last.literal, Literal::Expr { .. } | Literal::NotExpr { .. });
        tells.then_some(Members {
            place,
            conditions,
            is_within,
            last,
        })
    };
    if let Expr::ArrayCompr { query, .. } | Expr::SetCompr { query, .. } | Expr::ObjectCompr { query, .. } =
        set
    {
        return members(place, &query.stmts, true).into_iter().collect();
    }
    let mut found = Vec::new();
    let path = syntax.rule_path(set).unwrap_or_default();
    for (number, rule) in syntax.rules.iter().enumerate() {
        if rule.kind == RuleKind::Partial && !path.is_empty() && rule.path == path {
            for (body_number, body) in rule.bodies.iter().enumerate() {
                let place = Place {
                    rule: number,
                    body: body_number,
                };
                found.extend(members(place, &body.conditions, false));
            }
        }
    }
    found
}

impl<'a> Members<'a> {
    /// What its last condition is about.
    pub(super) fn about(&self, syntax: &Syntax) -> About<'a> {
        if let Literal::NotExpr { expr } = &self.last.literal {
            if let Expr::Call { fcn, params, .. } = &**expr
                && let Some(path) = syntax.rule_path(fcn)
            {
                return About::Call(path, params);
            }
            if let Some(path) = syntax.rule_path(expr) {
                return About::Rule(path);
            }
        }
        About::Operands(operands::of(self.last))
    }
}

/// What has to have no elements for a condition to hold.
fn emptied(condition: &Condition) -> Option<&Expr> {
    let Literal::Expr { expr } = &condition.literal else {
        return None;
    };
    let Expr::BoolExpr {
        op: Comparison::Eq,
        lhs,
        rhs,
        ..
    } = &**expr
    else {
        return None;
    };
    match (lhs.literal(), rhs.literal()) {
        (None, Some(zero)) if zero == 0 => counted(lhs),
        (Some(zero), None) if zero == 0 => counted(rhs),
        _ => None,
    }
}

fn counted(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Call { fcn, params, .. } if fcn.variable() == Some("count") => params.first(),
        _ => None,
    }
}
