//! Whether a policy could put together values that are many times as large as its input.
//!
//! The engine looks at the clock between two steps, but one comparison of two values is a step, however large they
//! are; and a value takes little room that holds another one thousands of times. So a policy that could build such
//! values is not evaluated where others would wait for it. Whatever is not understood here counts as one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::expr::{self, Expr};
use super::flow::Flow;
use super::heads::Head;
use super::locals::Value;
use super::rules::{Rule, Spanned, rules};
use crate::tokens::{self, Token};

/// How many times a value may hold what a policy reads, or its own texts, and how deep it may nest.
const MAX_COPIES: u64 = 1024;
/// Longest chain of names that is followed.
const MAX_CHAIN: usize = 256;
/// Words of the language that stand where names do.
const WORDS: [&str; 14] = [
    "in", "not", "some", "every", "if", "else", "with", "as", "true", "false", "null", "contains", "default",
    "set",
];
/// Built-ins that can copy what they are given any number of times.
const COPYING: [&str; 1] = ["json.patch"];

/// Whether a policy could build values that hold others more than [`MAX_COPIES`] times.
pub(crate) fn may_grow(rego: &str) -> bool {
    let code = Spanned::from(tokens::spanned(rego));
    let rules = rules(rego, &code);
    let flow = Flow::of(&rules);
    let growth = Growth {
        flow: &flow,
        known: RefCell::default(),
    };
    (0..rules.len()).any(|rule| growth.of_rule(rule).is_err())
}

struct Growth<'f, 'a> {
    flow: &'f Flow<'a>,
    /// How many copies each name stands for; `None` while that is being found out.
    known: RefCell<BTreeMap<Name, Option<u64>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Rule(String),
    /// Of a rule: its own, or a parameter.
    Own(usize, String),
}

/// More than may be, or not understood.
#[derive(Debug)]
struct TooMuch;

impl Growth<'_, '_> {
    /// Everything that a rule puts together.
    fn of_rule(&self, number: usize) -> Result<(), TooMuch> {
        let (Some(rule), Some(locals)) = (self.flow.rules.get(number), self.flow.locals(number)) else {
            return Ok(());
        };
        for name in locals.names() {
            self.name(Name::Own(number, name.to_owned()), 0)?;
        }
        if rule
            .code
            .iter()
            .any(|token| token.is_name("import") || token.is_name("package"))
        {
            return Ok(());
        }
        if let Some(head) = self.flow.head(number) {
            self.name(Name::Rule(head.name.clone()), 0)?;
        }
        // Also what has no name of its own.
        let begin = self.flow.head(number).map_or(0, |head| head.at + 1);
        self.scan(number, rule, begin, rule.code.len(), 0).map(drop)
    }

    fn name(&self, name: Name, depth: usize) -> Result<u64, TooMuch> {
        let known = self.known.borrow().get(&name).copied();
        match known {
            Some(Some(copies)) => return Ok(copies),
            // It depends on itself.
            Some(None) => return Err(TooMuch),
            None if depth > MAX_CHAIN => return Err(TooMuch),
            None => {}
        }
        self.known.borrow_mut().insert(name.clone(), None);
        let copies = match &name {
            Name::Rule(rule) => self.rule(rule, depth)?,
            Name::Own(rule, own) => self.own(*rule, own, depth)?,
        };
        self.known.borrow_mut().insert(name, Some(copies));
        Ok(copies)
    }

    /// The most that a rule of that name gives.
    fn rule(&self, name: &str, depth: usize) -> Result<u64, TooMuch> {
        let mut most = 1;
        for (number, head) in self.flow.heads(name) {
            let Some(rule) = self.flow.rules.get(number) else {
                continue;
            };
            let body = head.at + 1..rule.code.len();
            for part in head.collected() {
                // As of a comprehension, whose body is that of the rule.
                let part = part..expr::end(rule, part);
                most = most.max(self.collected(number, rule, part, body.clone(), depth)?);
            }
            for value in &head.values {
                most = most.max(self.expr(number, rule, *value, depth)?);
            }
        }
        Ok(most)
    }

    /// The most that a name stands for that is good in one rule.
    fn own(&self, number: usize, name: &str, depth: usize) -> Result<u64, TooMuch> {
        let (Some(rule), Some(locals)) = (self.flow.rules.get(number), self.flow.locals(number)) else {
            return Err(TooMuch);
        };
        let mut most = 1;
        for (_, value) in locals.all(name) {
            most = most.max(match value {
                Value::Is(at) | Value::EachOf(at) | Value::PartOf(at) => {
                    self.expr(number, rule, at, depth)?
                }
                Value::Any => continue,
            });
        }
        if let (Some(parameter), Some(head)) = (self.flow.parameter(number, name), self.flow.head(number)) {
            for (caller, arguments) in self.flow.calls(&head.name) {
                if let (Some(rule), Some(at)) = (self.flow.rules.get(*caller), arguments.get(parameter)) {
                    most = most.max(self.expr(*caller, rule, *at, depth)?);
                }
            }
        }
        Ok(most)
    }

    fn expr(&self, number: usize, rule: &Rule<'_>, at: usize, depth: usize) -> Result<u64, TooMuch> {
        match expr::expr(rule, at) {
            Expr::Scalar(_) => Ok(1),
            _ => self.scan(number, rule, at, expr::end(rule, at), depth),
        }
    }

    /// All that is mentioned between two tokens, as if it were put together.
    fn scan(
        &self,
        number: usize,
        rule: &Rule<'_>,
        from: usize,
        to: usize,
        depth: usize,
    ) -> Result<u64, TooMuch> {
        let mut copies: u64 = 0;
        let mut at = from;
        while at < to {
            let (more, next) = match rule.code.get(at..).unwrap_or_default() {
                // What is in there only chooses.
                [Token::Index, ..] => (0, rule.closing(at) + 1),
                [Token::Mark('[' | '{'), ..] if is_comprehension(rule, at) => {
                    (self.comprehension(number, rule, at, depth)?, rule.closing(at) + 1)
                }
                [Token::Mark('[' | '{'), ..] => (1, at + 1),
                [Token::Name(name), ..] if is_value(rule, at, name) => {
                    self.mention(number, rule, at, name, depth)?
                }
                _ => (0, at + 1),
            };
            copies = copies.saturating_add(more);
            at = next;
        }
        match copies <= MAX_COPIES {
            true => Ok(copies.max(1)),
            false => Err(TooMuch),
        }
    }

    /// A name, and the index after what belongs to it.
    fn mention(
        &self,
        number: usize,
        rule: &Rule<'_>,
        at: usize,
        name: &str,
        depth: usize,
    ) -> Result<(u64, usize), TooMuch> {
        let (path, end) = dotted(rule, at);
        if rule.code.get(end) == Some(&Token::Mark('(')) {
            if COPYING.contains(&path.as_str()) {
                return Err(TooMuch);
            }
            return Ok(match self.flow.has_rule(&path) {
                // What it is given comes in through its parameters.
                true => (self.name(Name::Rule(path), depth + 1)?, rule.closing(end) + 1),
                // A built-in puts together what it is given, at most.
                false => (1, end + 1),
            });
        }
        let name = match self.flow.is_own(number, name) {
            true => Name::Own(number, name.to_owned()),
            false => Name::Rule(self.flow.rule_behind(&path, name)),
        };
        Ok((self.name(name, depth + 1)?, at + 1))
    }

    fn comprehension(
        &self,
        number: usize,
        rule: &Rule<'_>,
        open: usize,
        depth: usize,
    ) -> Result<u64, TooMuch> {
        let close = rule.closing(open);
        let bar = (open + 1..close)
            .find(|at| is_bar(rule, open, *at))
            .ok_or(TooMuch)?;
        self.collected(number, rule, open + 1..bar, open + 1..close, depth)
    }

    /// What is collected for every round through a body. If that is a part of what is gone through, it is no more than
    /// that in all.
    fn collected(
        &self,
        number: usize,
        rule: &Rule<'_>,
        collected: std::ops::Range<usize>,
        body: std::ops::Range<usize>,
        depth: usize,
    ) -> Result<u64, TooMuch> {
        let loops = body.clone().filter(|at| is_loop(rule, *at)).count();
        if loops > 1 {
            return Err(TooMuch);
        }
        if loops == 1 && !self.is_of_the_loop(number, rule, collected.clone(), &body, 0) {
            return Err(TooMuch);
        }
        self.scan(number, rule, collected.start, collected.end, depth + 1)
    }

    /// Whether all names that are mentioned stand for parts of what a loop goes through.
    fn is_of_the_loop(
        &self,
        number: usize,
        rule: &Rule<'_>,
        tokens: std::ops::Range<usize>,
        body: &std::ops::Range<usize>,
        depth: usize,
    ) -> bool {
        let Some(locals) = self.flow.locals(number).filter(|_| depth < 8) else {
            return false;
        };
        tokens.clone().all(|at| {
            let Some(Token::Name(name)) = rule.code.get(at) else {
                return true;
            };
            let call = dotted(rule, at).1;
            let is_call = rule.code.get(call) == Some(&Token::Mark('('));
            if !is_value(rule, at, name) || (is_call && !self.flow.has_rule(&dotted(rule, at).0)) {
                return true;
            }
            let mut here = locals.all(name).filter(|(at, _)| body.contains(at)).peekable();
            here.peek().is_some()
                && here.all(|(_, value)| match value {
                    Value::EachOf(_) | Value::PartOf(_) | Value::Any => true,
                    Value::Is(at) => {
                        let value = at..expr::end(rule, at);
                        let is_part = matches!(expr::expr(rule, at), Expr::Reference { .. });
                        (is_part && value.clone().any(|at| is_loop(rule, at)))
                            || self.is_of_the_loop(number, rule, value, body, depth + 1)
                    }
                })
        })
    }
}

impl Head {
    /// What each round through the body adds to a set or an object.
    fn collected(&self) -> Vec<usize> {
        let names = self.steps.iter().filter_map(|step| match step {
            expr::Step::At(at) => Some(*at),
            expr::Step::Named(_) => None,
        });
        let names: Vec<usize> = names.collect();
        let values = self.values.iter().filter(|_| !names.is_empty());
        self.element.iter().chain(values).chain(&names).copied().collect()
    }
}

/// `f`, `object.get`; and the index after it.
fn dotted(rule: &Rule<'_>, at: usize) -> (String, usize) {
    let mut path = String::new();
    let mut end = at;
    while let [Token::Name(name), rest @ ..] = rule.code.get(end..).unwrap_or_default() {
        path.push_str(name);
        end += 1;
        match rest {
            [Token::Mark('.'), Token::Name(_), ..] => {
                path.push('.');
                end += 1;
            }
            _ => break,
        }
    }
    (path, end)
}

/// Whether a name stands for a value, and is no member and no word of the language.
fn is_value(rule: &Rule<'_>, at: usize, name: &str) -> bool {
    super::paths::is_root(rule.code, at)
        && !WORDS.contains(&name)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn is_comprehension(rule: &Rule<'_>, open: usize) -> bool {
    (open + 1..rule.closing(open)).any(|at| is_bar(rule, open, at))
}

fn is_bar(rule: &Rule<'_>, open: usize, at: usize) -> bool {
    rule.outer(at) == Some(open) && rule.code.get(at) == Some(&Token::Mark('|'))
}

/// `some … in`, `every … in`, and an index that is not written out, which may be any.
fn is_loop(rule: &Rule<'_>, at: usize) -> bool {
    match rule.code.get(at..).unwrap_or_default() {
        [Token::Index, Token::Text(_), Token::Mark(']'), ..] => false,
        [Token::Index, Token::Name(index), Token::Mark(']'), ..] => {
            !index.starts_with(|c: char| c.is_ascii_digit())
        }
        [Token::Index, ..] => true,
        [Token::Name(word), ..] => word == "some" || word == "every",
        _ => false,
    }
}
