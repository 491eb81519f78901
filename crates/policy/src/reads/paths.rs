//! Paths: `input.tdx.quote`, `input["az-snp-vtpm"].tpm`, `events[_].digests`, `object.get(input, ["snp", "vmpl"], 0)`.

use super::ANY;
use super::expr::{self, Expr, Step, parts, steps};
use super::flow::{Flow, Place};
use super::rules::Rule;
use crate::tokens::Token;

/// How far a path is followed.
const MAX_STEPS: usize = 32;
/// Most paths that one is taken for, where the text has several names for a member.
const MAX_PATHS: usize = 64;

/// A path below `input` or `data`, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Path {
    /// `input` or `data`, and the members.
    pub(super) steps: Vec<Step>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The path that begins at a token, if one does. `known` are the paths that names stand for.
pub(super) fn path(rule: &Rule<'_>, at: usize, known: &dyn Fn(&str) -> Option<Vec<String>>) -> Option<Path> {
    let Token::Name(name) = rule.code.get(at)? else {
        return None;
    };
    if !is_root(rule.code, at) {
        return None;
    }
    let (mut path, end) = match (name.as_str(), rule.code.get(at + 1..)?) {
        ("input" | "data", _) => (vec![Step::Named(name.clone())], at + 1),
        ("object", [Token::Mark('.'), get, Token::Mark('('), ..]) if get.is_name("get") => {
            (object_get(rule, at + 3, known)?, rule.closing(at + 3) + 1)
        }
        (name, _) => (known(name)?.into_iter().map(Step::Named).collect(), at + 1),
    };
    let (more, end) = steps(rule, end);
    path.extend(more);
    path.truncate(MAX_STEPS);
    Some(Path {
        steps: path,
        start: at,
        end,
    })
}

/// `object.get(path, member, default)`, `object.get(path, [member, …], default)`.
fn object_get(
    rule: &Rule<'_>,
    open: usize,
    known: &dyn Fn(&str) -> Option<Vec<String>>,
) -> Option<Vec<Step>> {
    let [object, member, _] = parts(rule, open)?.try_into().ok()?;
    let object = path(rule, object, known)?;
    if object.end + 1 != member {
        return None;
    }
    let mut steps = object.steps;
    let step = |at: usize| match rule.code.get(at..) {
        Some([Token::Text(member), Token::Mark(',' | ']'), ..]) => Step::Named(member.clone()),
        _ => Step::At(at),
    };
    match expr::expr(rule, member) {
        Expr::Array(members) => steps.extend(members.into_iter().map(step)),
        _ => steps.push(step(member)),
    }
    Some(steps)
}

impl Path {
    /// The members, with [`ANY`] for those that are not written out.
    pub(super) fn members(&self) -> Vec<String> {
        let members = self.steps.iter().map(|step| match step {
            Step::Named(member) => member.clone(),
            Step::At(_) => ANY.to_owned(),
        });
        members.collect()
    }

    /// The same, with every name that a member may have as far as the text says that elsewhere.
    pub(super) fn all(&self, flow: &Flow<'_>, rule: usize) -> Vec<Vec<String>> {
        let mut paths = vec![Vec::new()];
        for step in &self.steps {
            let names = match step {
                Step::Named(member) => vec![member.clone()],
                Step::At(at) => {
                    let names = flow.texts(Place { rule, at: *at });
                    let few = names.filter(|names| names.len() * paths.len() <= MAX_PATHS);
                    few.unwrap_or_else(|| vec![ANY.to_owned()])
                }
            };
            let longer = |path: &Vec<String>| {
                let path = path.clone();
                names
                    .iter()
                    .map(move |name| {
                        let mut path = path.clone();
                        path.push(name.clone());
                        path
                    })
                    .collect::<Vec<_>>()
            };
            paths = paths.iter().flat_map(longer).collect();
        }
        paths
    }
}

/// Whether the token at `at` is a name of its own, and not that of a member.
pub(super) fn is_root(code: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| code.get(before));
    before != Some(&Token::Mark('.'))
}
