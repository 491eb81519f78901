//! The syntax tree of a policy, as far as explaining it needs one.
//!
//! The engine writes its tree down in JSON; these are the same shapes, read from there. What is not known here makes
//! the policy one that cannot be explained, no more.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;

use super::groups::{Groups, Names};
use crate::engine::auxiliary;
use crate::tokens::spanned;
use crate::{PolicyError, RegoVersion};

/// The rules of a policy in the order of its text.
#[derive(Debug)]
pub(super) struct Syntax {
    pub(super) rules: Vec<Rule>,
    /// Where the tokens of the text stand, in order.
    tokens: Vec<Range<usize>>,
}

/// A rule, or one of several of the same name.
#[derive(Debug)]
pub(super) struct Rule {
    /// `["executables"]`; a partial rule has more parts.
    pub(super) path: Vec<String>,
    pub(super) kind: RuleKind,
    /// In the order in which they are tried. One without conditions holds always.
    pub(super) bodies: Vec<Body>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleKind {
    /// It has one value.
    Complete,
    /// `default x := …`
    Default,
    /// A set, or an object with variable keys: the value is not that of one body.
    Partial,
    /// It is called with arguments.
    Function,
}

/// A value and the conditions under which a rule has it.
#[derive(Debug)]
pub(super) struct Body {
    /// Where the reader should look.
    pub(super) span: Span,
    /// `true` if there is none.
    pub(super) value: Option<Arc<Expr>>,
    pub(super) conditions: Vec<Condition>,
    /// Patterns, as they are written.
    pub(super) arguments: Vec<Span>,
    /// Which conditions have to do with each other.
    pub(super) groups: Groups,
}

impl Body {
    /// The group of a condition.
    pub(super) fn group(&self, condition: usize) -> &[usize] {
        let group = self.groups.iter().find(|group| group.contains(&condition));
        group.map_or(&[], Vec::as_slice)
    }
}

/// A place in the text: bytes, and the line (from 1) where it begins.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: u32,
}

/// A statement of a body.
#[derive(Debug, Deserialize)]
pub(super) struct Condition {
    pub(super) span: Span,
    pub(super) literal: Literal,
}

#[derive(Debug, Deserialize)]
pub(super) enum Literal {
    SomeVars {},
    SomeIn {
        collection: Box<Expr>,
    },
    Expr {
        expr: Box<Expr>,
    },
    NotExpr {
        expr: Box<Expr>,
    },
    Every {
        #[serde(default)]
        key: Option<Span>,
        value: Span,
        domain: Box<Expr>,
        query: Query,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    pub(super) stmts: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Comparison {
    Lt,
    Le,
    Eq,
    Ge,
    Gt,
    Ne,
}

#[derive(Debug, Deserialize)]
#[allow(
    clippy::enum_variant_names,
    reason = "the names are the engine's: they are how its JSON is read"
)]
pub(super) enum Expr {
    String {
        span: Span,
        value: Json,
    },
    RawString {
        span: Span,
        value: Json,
    },
    Number {
        span: Span,
        value: Json,
    },
    Bool {
        span: Span,
        value: Json,
    },
    Null {
        span: Span,
        value: Json,
    },
    Var {
        span: Span,
        value: Json,
    },
    Array {
        span: Span,
        items: Vec<Expr>,
    },
    Set {
        span: Span,
        items: Vec<Expr>,
    },
    Object {
        span: Span,
        fields: Vec<(Span, Expr, Expr)>,
    },
    ArrayCompr {
        span: Span,
        query: Query,
    },
    SetCompr {
        span: Span,
        query: Query,
    },
    ObjectCompr {
        span: Span,
        query: Query,
    },
    Call {
        span: Span,
        fcn: Box<Expr>,
        params: Vec<Expr>,
    },
    UnaryExpr {
        span: Span,
        expr: Box<Expr>,
    },
    RefDot {
        span: Span,
        refr: Box<Expr>,
        field: (Span, Json),
    },
    RefBrack {
        span: Span,
        refr: Box<Expr>,
        index: Box<Expr>,
    },
    BinExpr {
        span: Span,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    BoolExpr {
        span: Span,
        op: Comparison,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    ArithExpr {
        span: Span,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    AssignExpr {
        span: Span,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    Membership {
        span: Span,
        value: Box<Expr>,
        collection: Box<Expr>,
    },
}

impl Syntax {
    /// Reads the tree of a policy that the engine takes.
    pub(super) fn of(rego: &str, version: RegoVersion) -> Result<Self, PolicyError> {
        let json = auxiliary::syntax(rego, version)?;
        let files: Vec<File> = serde_json::from_str(&json)
            .map_err(|e| PolicyError::Compile(format!("its syntax tree cannot be read: {e}")))?;
        let rules = files.into_iter().flat_map(|file| file.ast.rules);
        let mut rules: Vec<Rule> = rules.map(Rule::of).collect();
        let tokens = spanned(rego);
        let names = Names::new(&tokens, &rules);
        for rule in &mut rules {
            for body in &mut rule.bodies {
                body.groups = names.groups(rule.kind, body);
            }
        }
        Ok(Self {
            rules,
            tokens: tokens.into_iter().map(|(_, place)| place).collect(),
        })
    }

    /// The text of a place in `rego`, in whole tokens: the engine leaves the quotes of strings out.
    pub(super) fn text<'r>(&self, rego: &'r str, span: Span) -> &'r str {
        let within = |at: usize| {
            let next = self.tokens.partition_point(|token| token.end <= at);
            self.tokens.get(next).filter(|token| token.start < at)
        };
        let start = within(span.start).map_or(span.start, |token| token.start);
        let end = within(span.end).map_or(span.end, |token| token.end);
        rego.get(start..end).unwrap_or_default()
    }

    /// The rules of a path, with their numbers.
    pub(super) fn rules_at<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = (usize, &'a Rule)> {
        let rules = self.rules.iter().enumerate();
        rules.filter(move |(_, rule)| rule.path == path)
    }

    /// The path of a rule, if the expression is a reference to a whole one.
    pub(super) fn rule_path(&self, expr: &Expr) -> Option<Vec<String>> {
        let (path, steps) = self.rule_prefix(expr.path()?)?;
        steps.is_empty().then_some(path)
    }

    /// Splits the parts of a reference into the path of a rule and the steps into its value.
    pub(super) fn rule_prefix(&self, mut path: Vec<String>) -> Option<(Vec<String>, Vec<String>)> {
        if path.starts_with(&["data".to_owned(), "policy".to_owned()]) {
            path.drain(..2);
        }
        let longest = (1..=path.len()).rev().find(|length| {
            let head = path.get(..*length).unwrap_or_default();
            self.rules_at(head).next().is_some()
        })?;
        let steps = path.split_off(longest);
        Some((path, steps))
    }
}

impl Expr {
    pub(super) fn span(&self) -> Span {
        match self {
            Self::String { span, .. }
            | Self::RawString { span, .. }
            | Self::Number { span, .. }
            | Self::Bool { span, .. }
            | Self::Null { span, .. }
            | Self::Var { span, .. }
            | Self::Array { span, .. }
            | Self::Set { span, .. }
            | Self::Object { span, .. }
            | Self::ArrayCompr { span, .. }
            | Self::SetCompr { span, .. }
            | Self::ObjectCompr { span, .. }
            | Self::Call { span, .. }
            | Self::UnaryExpr { span, .. }
            | Self::RefDot { span, .. }
            | Self::RefBrack { span, .. }
            | Self::BinExpr { span, .. }
            | Self::BoolExpr { span, .. }
            | Self::ArithExpr { span, .. }
            | Self::AssignExpr { span, .. }
            | Self::Membership { span, .. } => *span,
        }
    }

    /// Its value, if it is written there.
    pub(super) fn literal(&self) -> Option<Json> {
        match self {
            Self::String { value, .. }
            | Self::RawString { value, .. }
            | Self::Number { value, .. }
            | Self::Bool { value, .. }
            | Self::Null { value, .. } => Some(value.clone()),
            Self::Array { items, .. } | Self::Set { items, .. } => {
                let items: Option<Vec<Json>> = items.iter().map(Self::literal).collect();
                items.map(Json::Array)
            }
            // A number below zero.
            Self::UnaryExpr { expr, .. } => expr.literal()?.as_i64()?.checked_neg().map(Json::from),
            _ => None,
        }
    }

    /// The name of a variable.
    pub(super) fn variable(&self) -> Option<&str> {
        match self {
            Self::Var { value, .. } => value.as_str(),
            _ => None,
        }
    }

    /// `["input", "snp", "measurement"]` of a reference whose parts are all written there.
    pub(super) fn path(&self) -> Option<Vec<String>> {
        match self {
            Self::Var { value, .. } => Some(vec![value.as_str()?.to_owned()]),
            Self::RefDot { refr, field, .. } => {
                let mut path = refr.path()?;
                path.push(field.1.as_str()?.to_owned());
                Some(path)
            }
            Self::RefBrack { refr, index, .. } => {
                let mut path = refr.path()?;
                path.push(match index.literal()? {
                    Json::String(name) => name,
                    Json::Number(number) => number.to_string(),
                    _ => return None,
                });
                Some(path)
            }
            _ => None,
        }
    }

    /// The parts it is made of.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Array { items, .. } | Self::Set { items, .. } | Self::Call { params: items, .. } => {
                items.iter().collect()
            }
            Self::Object { fields, .. } => fields.iter().flat_map(|(_, key, value)| [key, value]).collect(),
            Self::UnaryExpr { expr, .. } => vec![expr],
            Self::RefDot { refr, .. } => vec![refr],
            Self::RefBrack { refr, index, .. } => vec![refr, index],
            Self::BinExpr { lhs, rhs, .. }
            | Self::BoolExpr { lhs, rhs, .. }
            | Self::ArithExpr { lhs, rhs, .. }
            | Self::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
            Self::Membership {
                value, collection, ..
            } => vec![value, collection],
            _ => Vec::new(),
        }
    }
}

impl Condition {
    /// The expression that has to hold, or not to.
    pub(super) fn expr(&self) -> Option<&Expr> {
        match &self.literal {
            Literal::Expr { expr } | Literal::NotExpr { expr } => Some(expr),
            Literal::SomeIn { collection } => Some(collection),
            Literal::Every { domain, .. } => Some(domain),
            Literal::SomeVars {} => None,
        }
    }
}

impl Rule {
    fn of(rule: Node) -> Self {
        let (span, head, bodies) = match rule {
            Node::Default { span, refr, value } => {
                return Self {
                    path: refr.path().unwrap_or_default(),
                    kind: RuleKind::Default,
                    bodies: vec![Body {
                        span,
                        value: Some(Arc::new(value)),
                        conditions: Vec::new(),
                        arguments: Vec::new(),
                        groups: Groups::new(),
                    }],
                };
            }
            Node::Spec { span, head, bodies } => (span, head, bodies),
        };
        let (refr, kind, assign, arguments) = match head {
            Head::Compr { refr, assign } => (refr, RuleKind::Complete, assign, Vec::new()),
            Head::Set { refr } => (refr, RuleKind::Partial, None, Vec::new()),
            Head::Func { refr, args, assign } => {
                let patterns = args.iter().map(Expr::span).collect();
                (refr, RuleKind::Function, assign, patterns)
            }
        };
        let path = refr.path();
        let kind = if path.is_some() { kind } else { RuleKind::Partial };
        let head = assign.map(|assign| Arc::new(assign.value));
        let mut made: Vec<Body> = Vec::new();
        for body in bodies {
            let own = body.assign.map(|assign| Arc::new(assign.value));
            made.push(Body {
                span: if made.is_empty() { span } else { body.span },
                // An `else` without a value gives true, whatever the head says.
                value: if body.is_else {
                    own
                } else {
                    own.or_else(|| head.clone())
                },
                conditions: body.query.stmts,
                arguments: arguments.clone(),
                groups: Groups::new(),
            });
        }
        if let [first, second, ..] = made.as_mut_slice() {
            first.span.end = second.span.start;
        }
        if made.is_empty() {
            made.push(Body {
                span,
                value: head,
                conditions: Vec::new(),
                arguments,
                groups: Groups::new(),
            });
        }
        Self {
            path: path.unwrap_or_default(),
            kind,
            bodies: made,
        }
    }
}

// What is read only to be made into the above.

#[derive(Deserialize)]
struct File {
    ast: Module,
}

#[derive(Deserialize)]
struct Module {
    rules: Vec<Node>,
}

#[derive(Deserialize)]
enum Node {
    Spec {
        span: Span,
        head: Head,
        bodies: Vec<BodyNode>,
    },
    Default {
        span: Span,
        refr: Expr,
        value: Expr,
    },
}

#[derive(Deserialize)]
enum Head {
    Compr {
        refr: Expr,
        assign: Option<Assign>,
    },
    Set {
        refr: Expr,
    },
    Func {
        refr: Expr,
        args: Vec<Expr>,
        assign: Option<Assign>,
    },
}

#[derive(Deserialize)]
struct Assign {
    value: Expr,
}

#[derive(Deserialize)]
struct BodyNode {
    span: Span,
    assign: Option<Assign>,
    is_else: bool,
    query: Query,
}
