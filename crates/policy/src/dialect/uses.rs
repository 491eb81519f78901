//! What a policy's code does with a document: the signs by which dialects differ.

use super::ResourcePathForm;
use crate::tokens::Token;

const MEMBER: &str = "resource-path";

/// Functions that take a string, so that a path among their arguments is one.
const STRING_FUNCTIONS: [&str; 26] = [
    "contains",
    "endswith",
    "glob.match",
    "indexof",
    "indexof_n",
    "lower",
    "regex.find_n",
    "regex.globs_match",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "replace",
    "split",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "substring",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "upper",
];

/// Functions that take an array, and at which place.
const ARRAY_FUNCTIONS: [(&str, usize); 5] = [
    ("array.concat", 0),
    ("array.concat", 1),
    ("array.reverse", 0),
    ("array.slice", 0),
    ("concat", 1),
];

/// Functions that give a string, so that a path compared with what they give is one.
const STRING_RESULTS: [&str; 24] = [
    "base64.decode",
    "base64.encode",
    "base64url.decode",
    "base64url.encode",
    "concat",
    "format_int",
    "hex.decode",
    "hex.encode",
    "json.marshal",
    "lower",
    "regex.replace",
    "replace",
    "sprintf",
    "strings.replace_n",
    "strings.reverse",
    "substring",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "upper",
    "urlquery.decode",
];

/// Whether the code reads a member of this name: `x.name` or `x["name"]`.
pub(super) fn reads_member(code: &[Token], name: &str) -> bool {
    code.windows(2).any(|two| match two {
        [Token::Mark('.'), member] => member.is_name(name),
        [Token::Index, member] => member.is_text(name),
        // object.get(input.submods, "cpu", …)
        [Token::Mark(','), member] => member.is_text(name),
        _ => false,
    })
}

/// What the code takes `data["resource-path"]` for. `None` if it does not say, or says both.
pub(super) fn of_resource_path(code: &[Token]) -> Option<ResourcePathForm> {
    let direct: Vec<Span> = (0..code.len()).filter_map(|at| reference(code, at)).collect();
    let set = direct.iter().filter_map(|span| variable(code, *span));
    let given = direct.iter().flat_map(|span| parameters(code, *span));
    let variables: Vec<&Token> = set.chain(given).collect();
    let through = (0..code.len()).filter(|&at| {
        let token = code.get(at);
        let member = at.checked_sub(1).and_then(|before| code.get(before)) == Some(&Token::Mark('.'));
        !member && token.is_some_and(|token| variables.contains(&token))
    });
    let through = through.map(|at| Span {
        start: at,
        end: at + 1,
    });
    let signs: Vec<ResourcePathForm> = direct
        .iter()
        .copied()
        .chain(through)
        .flat_map(|s| signs(code, s))
        .collect();
    match signs.first() {
        Some(first) => signs.iter().all(|sign| sign == first).then_some(*first),
        // It is compared with what stands elsewhere.
        None if !direct.is_empty() && code.iter().any(is_whole_path) => Some(ResourcePathForm::String),
        None => None,
    }
}

/// `"repository/type/tag"`: nobody needs such a text but for comparing it with a whole path.
fn is_whole_path(token: &Token) -> bool {
    let Token::Text(text) = token else {
        return false;
    };
    let is_name = |segment: &str| {
        !segment.is_empty()
            && segment
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    text.split('/').count() == 3 && text.split('/').all(is_name)
}

/// Some tokens: the first, and the one after the last.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

/// The reference to the path whose member name is the token at `at`.
fn reference(code: &[Token], at: usize) -> Option<Span> {
    if !code.get(at)?.is_text(MEMBER) {
        return None;
    }
    let start = at.checked_sub(2)?;
    match code.get(start..at)? {
        [data, Token::Index] if data.is_name("data") => Some(Span { start, end: at + 2 }),
        _ => None,
    }
}

/// The variable that is set to the whole reference: `v := …`, `v = …`, `import … as v`.
fn variable(code: &[Token], span: Span) -> Option<&Token> {
    if matches!(code.get(span.end), Some(Token::Index | Token::Mark('.'))) {
        return None;
    }
    let name = |token: Option<&'_ Token>| matches!(token, Some(Token::Name(_)));
    if code.get(span.end).is_some_and(|token| token.is_name("as")) {
        return code.get(span.end + 1);
    }
    let before = |n: usize| span.start.checked_sub(n).and_then(|at| code.get(at));
    match (before(1), before(2)) {
        (Some(Token::Mark('=')), Some(Token::Mark(':'))) => before(3).filter(|token| name(Some(token))),
        (Some(Token::Mark('=')), two @ Some(Token::Name(_))) => two,
        _ => None,
    }
}

/// What the policy's own function calls the reference that it is called with.
fn parameters(code: &[Token], span: Span) -> Vec<&Token> {
    let ahead = code.get(..span.start).unwrap_or_default();
    let Some((open, Token::Mark('('), place)) = enclosing(ahead) else {
        return Vec::new();
    };
    let [.., function @ Token::Name(_)] = code.get(..open).unwrap_or_default() else {
        return Vec::new();
    };
    let opened = (1..code.len())
        .filter(|&at| matches!(code.get(at), Some(Token::Mark('('))) && code.get(at - 1) == Some(function));
    opened
        .filter_map(|open| argument_at(code, open, place))
        .filter(|token| matches!(token, Token::Name(name) if name != "data" && name != "input"))
        .collect()
}

/// The first token of an argument, by its place, of the call whose `(` is the token at `open`.
fn argument_at(code: &[Token], open: usize, place: usize) -> Option<&Token> {
    let (mut depth, mut commas) = (0_usize, 0);
    for token in code.iter().skip(open + 1) {
        if depth == 0 && commas == place {
            return Some(token);
        }
        match token {
            Token::Mark('(' | '[' | '{') | Token::Index => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Token::Mark(',') if depth == 0 => commas += 1,
            _ => {}
        }
    }
    None
}

/// What is done with the value at `span`, by what stands around it.
fn signs(code: &[Token], span: Span) -> Vec<ResourcePathForm> {
    let rest = code.get(span.end..).unwrap_or_default();
    let ahead = code.get(..span.start).unwrap_or_default();
    let found = [after(code, rest), before(code, ahead), argument(ahead)];
    found.into_iter().flatten().collect()
}

fn after(code: &[Token], rest: &[Token]) -> Option<ResourcePathForm> {
    match rest {
        [Token::Index, ..] => Some(ResourcePathForm::Array),
        [Token::Mark('=' | '!'), Token::Mark('='), other @ ..] | [Token::Mark('='), other @ ..] => {
            beginning(other).or_else(|| set_to(code, other))
        }
        [within, Token::Mark('{' | '['), other @ ..] if within.is_name("in") => beginning(other),
        _ => None,
    }
}

fn before(code: &[Token], ahead: &[Token]) -> Option<ResourcePathForm> {
    match ahead {
        [.., within] if within.is_name("in") => Some(ResourcePathForm::Array),
        [.., Token::Mark(':'), Token::Mark('=')] => None,
        [left @ .., Token::Mark('=' | '!'), Token::Mark('=')] | [left @ .., Token::Mark('=')] => match left {
            [.., Token::Mark(']')] => {
                (opening(left)?.1 == Token::Mark('[')).then_some(ResourcePathForm::Array)
            }
            [.., Token::Mark(')')] => gives_string(&callee(left.get(..opening(left)?.0)?)),
            [.., Token::Mark('.'), _] => None,
            [.., other] => literal(other).or_else(|| set_to(code, std::slice::from_ref(other))),
            [] => None,
        },
        _ => None,
    }
}

/// What a literal, or the call of a function, at the beginning of `code` gives.
fn beginning(code: &[Token]) -> Option<ResourcePathForm> {
    called(code).or_else(|| literal(code.first()?))
}

fn called(code: &[Token]) -> Option<ResourcePathForm> {
    let named = |token: &Token| matches!(token, Token::Name(_) | Token::Mark('.'));
    let open = code.iter().position(|token| !named(token))?;
    let function = callee(code.get(..open)?);
    (code.get(open)? == &Token::Mark('(')).then(|| gives_string(&function))?
}

/// A variable, or a rule, that is set to what a function gives, as in `wanted := concat("/", names)`.
fn set_to(code: &[Token], other: &[Token]) -> Option<ResourcePathForm> {
    let (variable @ Token::Name(_), rest) = other.split_first()? else {
        return None;
    };
    if matches!(rest.first(), Some(Token::Index | Token::Mark('.' | '('))) {
        return None;
    }
    (0..code.len()).find_map(|at| match code.get(at..)? {
        [name, Token::Mark(':'), Token::Mark('='), value @ ..] | [name, Token::Mark('='), value @ ..]
            if name == variable && !matches!(value.first(), Some(Token::Mark('='))) =>
        {
            called(value)
        }
        _ => None,
    })
}

fn gives_string(function: &str) -> Option<ResourcePathForm> {
    STRING_RESULTS
        .contains(&function)
        .then_some(ResourcePathForm::String)
}

fn literal(token: &Token) -> Option<ResourcePathForm> {
    match token {
        Token::Text(_) => Some(ResourcePathForm::String),
        Token::Mark('[') => Some(ResourcePathForm::Array),
        _ => None,
    }
}

/// The function whose direct argument comes next after `ahead`.
fn argument(ahead: &[Token]) -> Option<ResourcePathForm> {
    let (at, open, place) = enclosing(ahead)?;
    if open != Token::Mark('(') {
        return None;
    }
    let callee = callee(ahead.get(..at)?);
    if STRING_FUNCTIONS.contains(&callee.as_str()) {
        return Some(ResourcePathForm::String);
    }
    ARRAY_FUNCTIONS
        .contains(&(callee.as_str(), place))
        .then_some(ResourcePathForm::Array)
}

/// The dotted name at the end of `code`.
fn callee(code: &[Token]) -> String {
    match code {
        [rest @ .., Token::Mark('.'), Token::Name(last)] => format!("{}.{last}", callee(rest)),
        [.., Token::Name(last)] => last.clone(),
        _ => String::new(),
    }
}

/// The bracket that the last token of `code` closes.
fn opening(code: &[Token]) -> Option<(usize, Token)> {
    let (_, inside) = code.split_last()?;
    enclosing(inside).map(|(at, open, _)| (at, open))
}

/// The innermost bracket still open at the end of `code`, and how many commas follow it.
fn enclosing(code: &[Token]) -> Option<(usize, Token, usize)> {
    let mut depth: usize = 0;
    let mut commas = 0;
    for (at, token) in code.iter().enumerate().rev() {
        match token {
            Token::Mark(')' | ']' | '}') => depth += 1,
            Token::Mark('(' | '[' | '{') | Token::Index => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return Some((at, token.clone(), commas)),
            },
            Token::Mark(',') if depth == 0 => commas += 1,
            _ => {}
        }
    }
    None
}
