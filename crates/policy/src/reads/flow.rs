//! Where values that are written in a policy get to: through names, rules, lists and the parameters of functions.
//!
//! What cannot be followed is told as such: nothing is taken for known that might be something else.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::expr::{self, Expr, Step};
use super::heads::Head;
use super::locals::{Locals, Value};
use super::rules::Rule;
use crate::tokens::Token;

/// Names for names, lists in lists and functions of functions that are followed.
const MAX_DEPTH: usize = 48;
/// What may be followed in one policy, in tokens that are looked at: a part of a second.
const MAX_EFFORT: usize = 1_000_000;

/// A policy, to be followed.
pub(super) struct Flow<'a> {
    pub(super) rules: &'a [Rule<'a>],
    heads: Vec<Option<Head>>,
    locals: Vec<Locals>,
    /// The rules of each name.
    named: BTreeMap<String, Vec<usize>>,
    /// Where each function is called: the rule, and where the arguments begin.
    calls: BTreeMap<String, Vec<(usize, Vec<usize>)>>,
    left: Cell<usize>,
}

/// A token of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) rule: usize,
    pub(super) at: usize,
}

/// What an expression may turn out to be, and where that is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// A text, a number, true, false or null.
    Scalar(Place, Json),
    /// A list or a set.
    List(Place),
    /// An object with these names and values, or a part of one.
    Object(Vec<(Place, Place)>),
    /// One member of an object.
    Member(String, Place),
    /// What is not known: the expression that it comes from.
    Unknown(Place),
    /// Whatever there is: a name that nothing is said of.
    Anything,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq)]
enum Taken {
    Member(String),
    Element(usize),
    Any,
}

impl<'a> Flow<'a> {
    pub(super) fn of(rules: &'a [Rule<'a>]) -> Self {
        let heads: Vec<Option<Head>> = rules.iter().map(Head::of).collect();
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut calls: BTreeMap<String, Vec<(usize, Vec<usize>)>> = BTreeMap::new();
        let mut locals = Vec::with_capacity(rules.len());
        for (number, (rule, head)) in rules.iter().zip(&heads).enumerate() {
            let own = head.as_ref().map(|head| head.at);
            if let Some(head) = head {
                named.entry(head.name.clone()).or_default().push(number);
            }
            locals.push(Locals::of(rule, own));
            for at in (0..rule.code.len()).filter(|at| Some(*at) != own) {
                if let [Token::Name(name), Token::Mark('('), ..] = rule.code.get(at..).unwrap_or_default()
                    && super::paths::is_root(rule.code, at)
                {
                    let arguments = expr::parts(rule, at + 1).unwrap_or_default();
                    calls.entry(name.clone()).or_default().push((number, arguments));
                }
            }
        }
        Self {
            rules,
            heads,
            locals,
            named,
            calls,
            left: Cell::new(MAX_EFFORT),
        }
    }

    /// Where a function is called: the rule, and where the arguments begin.
    pub(super) fn calls(&self, function: &str) -> &[(usize, Vec<usize>)] {
        self.calls.get(function).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rules of a name with their heads.
    pub(super) fn heads(&self, name: &str) -> impl Iterator<Item = (usize, &Head)> {
        let rules = self.named.get(name).into_iter().flatten();
        rules.filter_map(|rule| Some((*rule, self.heads.get(*rule)?.as_ref()?)))
    }

    /// What the expression at a place may be.
    pub(super) fn values(&self, place: Place) -> Vec<Found> {
        let mut found = Vec::new();
        self.follow(place, &[], 0, &mut found);
        found
    }

    /// The texts that the expression at a place may be, if it can be nothing else.
    pub(super) fn texts(&self, place: Place) -> Option<Vec<String>> {
        let texts = self.values(place).into_iter().map(|found| match found {
            Found::Scalar(_, Json::String(text)) => Some(text),
            _ => None,
        });
        texts
            .collect::<Option<Vec<_>>>()
            .filter(|texts| !texts.is_empty())
    }

    /// What a rule defines, but for its head.
    pub(super) fn locals(&self, rule: usize) -> Option<&Locals> {
        self.locals.get(rule)
    }

    /// The head of a rule.
    pub(super) fn head(&self, rule: usize) -> Option<&Head> {
        self.heads.get(rule)?.as_ref()
    }

    /// The rule that a path begins with: `data.policy.x` is `x`.
    pub(super) fn rule_behind(&self, path: &str, root: &str) -> String {
        let own = path.strip_prefix("data.policy.").filter(|_| root == "data");
        let name = own.and_then(|own| own.split('.').next());
        name.unwrap_or(root).to_owned()
    }

    /// Whether there is a rule of that name.
    pub(super) fn has_rule(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// Whether a rule says for itself what a name means in it.
    pub(super) fn is_own(&self, rule: usize, name: &str) -> bool {
        self.locals.get(rule).is_some_and(|locals| locals.has(name)) || self.parameter(rule, name).is_some()
    }

    /// The rule of a place.
    pub(super) fn rule(&self, place: Place) -> Option<&'a Rule<'a>> {
        self.rules.get(place.rule)
    }

    fn follow(&self, place: Place, steps: &[Taken], depth: usize, found: &mut Vec<Found>) {
        let Some(rule) = self.rules.get(place.rule) else {
            return;
        };
        let expr = match self.spend(rule, place.at) && depth < MAX_DEPTH {
            true => expr::expr(rule, place.at),
            false => Expr::Computed,
        };
        let at = |at: usize| Place { at, ..place };
        match (expr, steps) {
            (Expr::Scalar(value), []) => found.push(Found::Scalar(place, value)),
            (Expr::Array(_) | Expr::Set(_), []) => found.push(Found::List(place)),
            (Expr::Object(fields), []) => {
                let fields = fields.into_iter().map(|(name, value)| (at(name), at(value)));
                found.push(Found::Object(fields.collect()));
            }
            (Expr::Array(items), [Taken::Element(index), rest @ ..]) => {
                if let Some(item) = items.get(*index) {
                    self.follow(at(*item), rest, depth + 1, found);
                }
            }
            (Expr::Array(items) | Expr::Set(items), [Taken::Any, rest @ ..]) => {
                for item in items {
                    self.follow(at(item), rest, depth + 1, found);
                }
            }
            (Expr::Object(fields), [step @ (Taken::Any | Taken::Member(_)), rest @ ..]) => {
                for (name, value) in fields {
                    if self.is_taken(rule, name, step) {
                        self.follow(at(value), rest, depth + 1, found);
                    }
                }
            }
            (Expr::Reference { root, steps: own }, _) => {
                let mut all = self.taken(place.rule, own, depth);
                all.extend_from_slice(steps);
                self.name(place, &root, &all, depth, found);
            }
            (
                Expr::Call {
                    function,
                    arguments,
                    steps: own,
                },
                _,
            ) => {
                let mut all = self.taken(place.rule, own, depth);
                all.extend_from_slice(steps);
                self.call(place, &function, &arguments, &all, depth, found);
            }
            _ => found.push(Found::Unknown(place)),
        }
    }

    /// What a name with these steps behind it may be.
    fn name(&self, place: Place, name: &str, steps: &[Taken], depth: usize, found: &mut Vec<Found>) {
        let Some(rule) = self.rules.get(place.rule) else {
            return;
        };
        let own = self.locals.get(place.rule).into_iter();
        let own: Vec<Value> = own.flat_map(|locals| locals.at(rule, place.at, name)).collect();
        for value in &own {
            match *value {
                Value::Is(at) => self.follow(Place { at, ..place }, steps, depth + 1, found),
                Value::EachOf(at) => {
                    let mut each = vec![Taken::Any];
                    each.extend_from_slice(steps);
                    self.follow(Place { at, ..place }, &each, depth + 1, found);
                }
                Value::PartOf(_) => found.push(Found::Unknown(place)),
                Value::Any => found.push(Found::Anything),
            }
        }
        if !own.is_empty() {
            return;
        }
        if let Some(parameter) = self.parameter(place.rule, name) {
            self.arguments(place.rule, parameter, steps, depth, found);
        } else if self.named.contains_key(name) {
            self.rules_of(name, steps, depth, found, &|_| true);
        } else if let (true, [Taken::Member(policy), Taken::Member(name), rest @ ..]) =
            (name == "data", steps)
            && policy == "policy"
        {
            self.rules_of(name, rest, depth, found, &|_| true);
        } else if steps.is_empty() && name != "input" {
            // `_`, or a name that is first heard of here.
            found.push(Found::Anything);
        } else {
            found.push(Found::Unknown(place));
        }
    }

    /// What the rules of a name give, of those heads that are `wanted`.
    fn rules_of(
        &self,
        name: &str,
        steps: &[Taken],
        depth: usize,
        found: &mut Vec<Found>,
        wanted: &dyn Fn((usize, &Head)) -> bool,
    ) {
        for (rule, head) in self.heads(name).filter(|head| wanted(*head)) {
            let values = head.values.iter().map(|at| Place { rule, at: *at });
            let element = head.element.map(|at| Place { rule, at });
            let own = self.taken(rule, head.steps.clone(), depth);
            match steps {
                [Taken::Any, rest @ ..] if element.is_some() => {
                    element
                        .iter()
                        .for_each(|value| self.follow(*value, rest, depth + 1, found));
                }
                _ if element.is_some() => {}
                steps if steps.len() >= own.len() => {
                    let (first, rest) = steps.split_at(own.len());
                    if first.iter().zip(&own).all(|(wanted, own)| may_be(wanted, own)) {
                        values.for_each(|value| self.follow(value, rest, depth + 1, found));
                    }
                }
                [] => {
                    if let [Taken::Member(member)] = own.as_slice() {
                        values.for_each(|value| found.push(Found::Member(member.clone(), value)));
                    }
                }
                _ => {}
            }
        }
    }

    /// What a function may give.
    fn call(
        &self,
        place: Place,
        function: &str,
        arguments: &[usize],
        steps: &[Taken],
        depth: usize,
        found: &mut Vec<Found>,
    ) {
        if !self.named.contains_key(function) {
            found.push(Found::Unknown(place));
            return;
        }
        let before = found.len();
        self.rules_of(function, steps, depth, found, &|(rule, head)| {
            head.parameters
                .as_deref()
                .is_some_and(|parameters| self.fits(rule, parameters, place.rule, arguments) == Some(true))
        });
        if found.len() == before {
            found.push(Found::Unknown(place));
        }
    }

    /// What is given for a parameter wherever the function is called.
    fn arguments(
        &self,
        rule: usize,
        parameter: usize,
        steps: &[Taken],
        depth: usize,
        found: &mut Vec<Found>,
    ) {
        let Some(head) = self.heads.get(rule).and_then(Option::as_ref) else {
            return;
        };
        let parameters = head.parameters.as_deref().unwrap_or_default();
        for (caller, arguments) in self.calls(&head.name) {
            if !self.spend_some(1) {
                return;
            }
            if let Some(at) = arguments.get(parameter)
                && self.fits(rule, parameters, *caller, arguments) != Some(false)
            {
                let place = Place {
                    rule: *caller,
                    at: *at,
                };
                self.follow(place, steps, depth + 1, found);
            }
        }
    }

    /// Whether a call is one of this rule, by what is written out; `None` if that depends.
    fn fits(&self, rule: usize, parameters: &[usize], caller: usize, arguments: &[usize]) -> Option<bool> {
        let (rule, caller) = (self.rules.get(rule)?, self.rules.get(caller)?);
        let mut sure = true;
        for (parameter, argument) in parameters.iter().zip(arguments) {
            let Expr::Scalar(wanted) = expr::expr(rule, *parameter) else {
                continue;
            };
            match expr::expr(caller, *argument) {
                Expr::Scalar(given) if given == wanted => {}
                Expr::Scalar(_) => return Some(false),
                _ => sure = false,
            }
        }
        sure.then_some(true)
    }

    /// Which parameter of a rule has this name.
    pub(super) fn parameter(&self, rule: usize, name: &str) -> Option<usize> {
        let head = self.heads.get(rule)?.as_ref()?;
        let code = self.rules.get(rule)?.code;
        let parameters = head.parameters.as_deref()?.iter();
        let mut names = parameters.map(|at| code.get(*at).is_some_and(|token| token.is_name(name)));
        names.position(|is_it| is_it)
    }

    fn taken(&self, rule: usize, steps: Vec<Step>, depth: usize) -> Vec<Taken> {
        let steps = steps.into_iter().map(|step| match step {
            Step::Named(member) => Taken::Member(member),
            Step::At(at) => self.index(Place { rule, at }, depth),
        });
        steps.collect()
    }

    /// One value, if it is clear which.
    fn index(&self, place: Place, depth: usize) -> Taken {
        let mut found = Vec::new();
        self.follow(place, &[], depth + 1, &mut found);
        match found.as_slice() {
            [Found::Scalar(_, Json::String(member))] => Taken::Member(member.clone()),
            [Found::Scalar(_, Json::Number(number))] => {
                let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
                index.map_or(Taken::Any, Taken::Element)
            }
            _ => Taken::Any,
        }
    }

    fn is_taken(&self, rule: &Rule<'_>, name: usize, step: &Taken) -> bool {
        match (step, expr::expr(rule, name)) {
            (Taken::Member(member), Expr::Scalar(Json::String(name))) => name == *member,
            _ => *step == Taken::Any,
        }
    }

    /// Whether an expression may still be looked at: as long as the brackets that it begins with.
    fn spend(&self, rule: &Rule<'_>, at: usize) -> bool {
        let opens = matches!(
            rule.code.get(at),
            Some(Token::Index | Token::Mark('(' | '[' | '{'))
        );
        let tokens = if opens {
            rule.closing(at).saturating_sub(at)
        } else {
            1
        };
        self.spend_some(tokens.saturating_add(1))
    }

    fn spend_some(&self, tokens: usize) -> bool {
        let left = self.left.get().checked_sub(tokens);
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }
}

/// Whether a step leads to what a rule defines.
fn may_be(wanted: &Taken, own: &Taken) -> bool {
    wanted == own || *wanted == Taken::Any || *own == Taken::Any
}
