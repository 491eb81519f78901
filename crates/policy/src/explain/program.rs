//! The rules that we put beside a policy's own to see how far each of its bodies got, and on what it stumbled.
//!
//! For each body: `p` counts how many of its conditions hold together, from the first, and `g` the same for those of
//! one group; for each condition: `v` lists what its operands were when it was reached, `a` the arguments of a function
//! that it calls, `e` the elements for which an `every` did not hold, `m` what put elements into a set that is to be
//! empty. All are copies of what the policy says, so that the engine alone says what it means.

use std::fmt::Write;

use super::empty::{self, About};
use super::operands::{self, Operand};
use super::syntax::{Body, Condition, Expr, Literal, RuleKind, Span, Syntax};
use crate::engine::Target;
use crate::engine::auxiliary::{ARGUMENTS, Auxiliary, PREFIX};
use crate::{PolicyError, RegoVersion};

/// The longest text of our rules, in bytes: the prefixes of a long body are many.
const MAX_TEXT: usize = 2 << 20;

/// A policy with our rules.
pub(super) struct Program {
    pub(super) auxiliary: Auxiliary,
    pub(super) detail: Detail,
}

/// How much our rules can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Which bodies hold. The engine may take the conditions of a body in another order than that of the text, and
    /// then the first ones alone are no body.
    Bodies,
    /// And which condition is the first that does not.
    Conditions,
    /// And what was seen there.
    Values,
}

/// One body: the number of its rule, and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) rule: usize,
    pub(super) body: usize,
}

impl Program {
    /// The most telling rules that the engine takes.
    pub(super) fn compile(
        rego: &str,
        syntax: &Syntax,
        version: RegoVersion,
        target: &Target<'_>,
    ) -> Result<Self, PolicyError> {
        let compile = |detail| Self::with(detail, rego, syntax, version, target);
        compile(Detail::Values)
            .or_else(|_| compile(Detail::Conditions))
            .or_else(|_| compile(Detail::Bodies))
    }

    /// The rules that tell so much.
    pub(super) fn with(
        detail: Detail,
        rego: &str,
        syntax: &Syntax,
        version: RegoVersion,
        target: &Target<'_>,
    ) -> Result<Self, PolicyError> {
        let writer = Writer {
            rego,
            syntax,
            version,
            detail,
        };
        let auxiliary = Auxiliary::compile(rego, &writer.rules()?, version, target)?;
        Ok(Self { auxiliary, detail })
    }
}

impl Place {
    /// The rule with the number of conditions that hold; undefined for a function that has another pattern.
    pub(super) fn progress(self) -> String {
        format!("{PREFIX}p{}_{}", self.rule, self.body)
    }

    /// The rule with the number of conditions of a group that hold.
    pub(super) fn group(self, group: usize) -> String {
        format!("{PREFIX}g{}_{}_{group}", self.rule, self.body)
    }

    /// The rule with a list of the values of an operand.
    pub(super) fn operand(self, condition: usize, operand: usize) -> String {
        format!("{PREFIX}v{}_{}_{condition}_{operand}", self.rule, self.body)
    }

    /// The rule with a list of the lists of arguments that a condition calls a function with.
    pub(super) fn arguments(self, condition: usize) -> String {
        format!("{PREFIX}a{}_{}_{condition}", self.rule, self.body)
    }

    /// The rule with a list of the lists of arguments of a call in the value of a body, told by where it stands.
    pub(super) fn value_arguments(self, call: Span) -> String {
        format!("{PREFIX}r{}_{}_{}", self.rule, self.body, call.start)
    }

    /// The rule with a list of the elements for which an `every` does not hold.
    pub(super) fn exceptions(self, condition: usize) -> String {
        format!("{PREFIX}e{}_{}_{condition}", self.rule, self.body)
    }

    /// The rule with a list of what the elements of a set came to that a condition wants to be empty, by one of the ways
    /// into it.
    pub(super) fn members(self, condition: usize, way: usize) -> String {
        format!("{PREFIX}m{}_{}_{condition}_{way}", self.rule, self.body)
    }
}

struct Writer<'a> {
    rego: &'a str,
    syntax: &'a Syntax,
    version: RegoVersion,
    detail: Detail,
}

impl Writer<'_> {
    fn rules(&self) -> Result<String, PolicyError> {
        let too_big = || PolicyError::Compile("it is too big to be explained".to_owned());
        if self.rego.contains(PREFIX) {
            return Err(PolicyError::Compile(format!(
                "it has names that begin with {PREFIX}"
            )));
        }
        let mut text = String::new();
        for (number, rule) in self.syntax.rules.iter().enumerate() {
            if matches!(rule.kind, RuleKind::Default | RuleKind::Partial) {
                continue;
            }
            for (body_number, body) in rule.bodies.iter().enumerate() {
                let place = Place {
                    rule: number,
                    body: body_number,
                };
                self.body(&mut text, place, body).map_err(|_| too_big())?;
                if text.len() > MAX_TEXT {
                    return Err(too_big());
                }
            }
        }
        Ok(text)
    }

    fn body(&self, text: &mut String, place: Place, body: &Body) -> std::fmt::Result {
        let all: Vec<usize> = (0..body.conditions.len()).collect();
        if !body.conditions.is_empty() || !body.arguments.is_empty() {
            self.progress(text, &place.progress(), body, &all)?;
        }
        if self.detail < Detail::Values {
            return Ok(());
        }
        if body.groups.len() > 1 {
            for (number, group) in body.groups.iter().enumerate() {
                self.progress(text, &place.group(number), body, group)?;
            }
        }
        let gives = self.gives();
        for (call, arguments) in body
            .value
            .iter()
            .flat_map(|value| operands::calls(value, self.syntax))
        {
            let (name, term) = (place.value_arguments(call), self.listed(arguments));
            let all = self.conditions(body, &all);
            writeln!(text, "{name} {gives} [{term} | {all}true\n]")?;
        }
        for (number, condition) in body.conditions.iter().enumerate() {
            let group = body.group(number).iter().copied();
            let before: Vec<usize> = group.take_while(|earlier| *earlier < number).collect();
            let before = self.conditions(body, &before);
            let list = |text: &mut String, name: &str, term: &str, more: &str| {
                writeln!(text, "{name} {gives} [{term} | {before}{more}\n]")
            };
            for (operand, Operand { span, .. }) in operands::of(condition).iter().enumerate() {
                let value = format!("trustee_explain_value := {}", self.at(*span));
                let name = place.operand(number, operand);
                list(text, &name, "trustee_explain_value", &value)?;
            }
            if let Some((_, arguments)) = operands::call(condition, self.syntax) {
                list(text, &place.arguments(number), &self.listed(arguments), "true")?;
            }
            for (way, members) in empty::of(condition, self.syntax, place).iter().enumerate() {
                let term = match members.about(self.syntax) {
                    About::Call(_, arguments) => self.listed(arguments),
                    About::Rule(_) => "[]".to_owned(),
                    About::Operands(operands) => self.texts(operands.iter().map(|each| each.span)),
                };
                let inner: String = members.conditions.iter().map(|each| self.line(each)).collect();
                let name = place.members(number, way);
                match members.is_within {
                    true => list(text, &name, &term, &inner)?,
                    false => writeln!(text, "{name} {gives} [{term} | {inner}]")?,
                }
            }
            if let Literal::Every {
                key,
                value,
                domain,
                query,
            } = &condition.literal
            {
                let key = key.map(|key| format!("{}, ", self.at(key))).unwrap_or_default();
                let (value, domain) = (self.at(*value), self.at(domain.span()));
                let inner: String = query.stmts.iter().map(|each| self.line(each)).collect();
                let more = format!("some {key}{value} in {domain}\ncount([true | {inner}]) == 0");
                list(text, &place.exceptions(number), value, &more)?;
            }
        }
        Ok(())
    }

    /// How many of these conditions hold, the greatest number first.
    fn progress(&self, text: &mut String, name: &str, body: &Body, of: &[usize]) -> std::fmt::Result {
        let gives = self.gives();
        let if_ = match self.version {
            RegoVersion::V1 => "if ",
            RegoVersion::V0 => "",
        };
        write!(text, "{name}")?;
        for count in (1..=of.len()).rev() {
            if count == of.len() || self.detail > Detail::Bodies {
                let some = of.get(..count).unwrap_or_default();
                let conditions = self.conditions(body, some);
                write!(text, " {gives} {count} {if_}{{\n{conditions}}} else")?;
            }
        }
        writeln!(text, " {gives} 0 {if_}{{\n{}true\n}}", self.conditions(body, &[]))
    }

    /// The patterns of the arguments and these conditions, a line each.
    fn conditions(&self, body: &Body, which: &[usize]) -> String {
        let mut text = String::new();
        if !body.arguments.is_empty() {
            let patterns: Vec<&str> = body.arguments.iter().map(|each| self.at(*each)).collect();
            text += &format!("[{}] = input.{ARGUMENTS}\n", patterns.join(", "));
        }
        let conditions = which.iter().filter_map(|number| body.conditions.get(*number));
        text.extend(conditions.map(|each| self.line(each)));
        text
    }

    fn listed(&self, exprs: &[Expr]) -> String {
        self.texts(exprs.iter().map(Expr::span))
    }

    fn texts(&self, spans: impl Iterator<Item = Span>) -> String {
        let texts: Vec<&str> = spans.map(|span| self.at(span)).collect();
        format!("[{}]", texts.join(", "))
    }

    fn line(&self, condition: &Condition) -> String {
        format!("{}\n", self.at(condition.span))
    }

    fn gives(&self) -> &'static str {
        match self.version {
            RegoVersion::V1 => ":=",
            RegoVersion::V0 => "=",
        }
    }

    fn at(&self, span: Span) -> &str {
        self.syntax.text(self.rego, span)
    }
}
