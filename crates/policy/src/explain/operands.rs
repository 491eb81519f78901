//! What a condition looks at.

use super::syntax::{Condition, Expr, Literal, RuleKind, Span, Syntax};
use crate::engine::{MATCHES, QUERY};

/// Something in a condition that has a value of its own: a claim, a variable, a reference value.
#[derive(Debug)]
pub(super) struct Operand<'a> {
    pub(super) span: Span,
    pub(super) expr: &'a Expr,
}

/// The most operands of one condition that are looked at.
const MAX: usize = 8;

/// The operands of a condition, in the order of its text.
pub(super) fn of(condition: &Condition) -> Vec<Operand<'_>> {
    let mut found = Vec::new();
    if let Some(expr) = condition.expr() {
        collect(expr, &mut found);
    }
    found.truncate(MAX);
    found
}

/// If a condition is nothing but a call of a function of the policy's own: the function, and the arguments.
pub(super) fn call<'a>(condition: &'a Condition, syntax: &Syntax) -> Option<(Vec<String>, &'a [Expr])> {
    let Literal::Expr { expr } = &condition.literal else {
        return None;
    };
    let Expr::Call { fcn, params, .. } = &**expr else {
        return None;
    };
    let path = syntax.rule_path(fcn)?;
    let is_function = syntax
        .rules_at(&path)
        .any(|(_, rule)| rule.kind == RuleKind::Function);
    is_function.then_some((path, params.as_slice()))
}

/// The calls of functions of the policy's own that the parts of a value are: where they stand, and the arguments.
pub(super) fn calls<'a>(value: &'a Expr, syntax: &Syntax) -> Vec<(Span, &'a [Expr])> {
    match value {
        Expr::Call { span, fcn, params } if syntax.rule_path(fcn).is_some() => {
            vec![(*span, params.as_slice())]
        }
        Expr::Array { .. } | Expr::Object { .. } => {
            let parts = value.children().into_iter();
            parts.flat_map(|part| calls(part, syntax)).collect()
        }
        _ => Vec::new(),
    }
}

/// The id expression of `query_reference_value(id)` or `matches_reference_value(claim, id)`.
pub(super) fn reference_id(expr: &Expr) -> Option<&Expr> {
    let Expr::Call { fcn, params, .. } = expr else {
        return None;
    };
    match (fcn.variable()?, params.as_slice()) {
        (QUERY, [id]) | (MATCHES, [_, id]) => Some(id),
        _ => None,
    }
}

fn collect<'a>(expr: &'a Expr, found: &mut Vec<Operand<'a>>) {
    if expr.literal().is_some() {
        return;
    }
    let whole = |found: &mut Vec<Operand<'a>>| {
        let span = expr.span();
        found.push(Operand { span, expr });
    };
    match expr {
        Expr::Var { .. } if expr.variable() == Some("_") => {}
        Expr::Var { .. }
        | Expr::RefDot { .. }
        | Expr::RefBrack { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => whole(found),
        Expr::Call { params, .. } => match reference_id(expr) {
            // An id that is put together counts as one operand, whatever it is made of.
            Some(_) if params.len() == 2 => {
                for parameter in params.iter().filter(|each| each.literal().is_none()) {
                    let span = parameter.span();
                    found.push(Operand {
                        span,
                        expr: parameter,
                    });
                }
            }
            Some(_) => whole(found),
            None => params.iter().for_each(|each| collect(each, found)),
        },
        // What stands on the left may get its value here.
        Expr::AssignExpr { lhs, rhs, .. } => {
            if matches!(**lhs, Expr::RefDot { .. } | Expr::RefBrack { .. }) {
                collect(lhs, found);
            }
            collect(rhs, found);
        }
        _ => expr.children().into_iter().for_each(|each| collect(each, found)),
    }
}
