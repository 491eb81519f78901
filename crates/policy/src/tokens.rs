//! A lexer for Rego, as far as telling dialects apart needs one: comments and strings are not code.

use std::ops::Range;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword.
    Name(String),
    /// A string, without its quotes; escapes are decoded.
    Text(String),
    /// A `[` right after what it indexes. Any other is a `Mark`.
    Index,
    /// One character of anything else. `:=`, `==` and the like are several.
    Mark(char),
}

impl Token {
    pub(crate) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(n) if n == name)
    }

    pub(crate) fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(t) if t == text)
    }
}

/// The tokens of a policy that the engine has parsed without an error.
pub(crate) fn tokens(rego: &str) -> Vec<Token> {
    spanned(rego).into_iter().map(|(token, _)| token).collect()
}

/// The tokens and where in the text each stands.
pub(crate) fn spanned(rego: &str) -> Vec<(Token, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut chars = rego.char_indices().peekable();
    let mut attached = false;
    while let Some((start, c)) = chars.next() {
        let indexes = c == '[' && attached;
        attached = !c.is_whitespace() && (is_word(c) || matches!(c, ']' | ')' | '}' | '"' | '`'));
        let token = match c {
            c if c.is_whitespace() => continue,
            '#' => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            '`' => {
                let text = std::iter::from_fn(|| chars.next_if(|(_, c)| *c != '`'));
                let text = text.map(|(_, c)| c).collect();
                chars.next();
                Token::Text(text)
            }
            '"' => Token::Text(quoted(chars.by_ref().map(|(_, c)| c))),
            c if is_word(c) => {
                let rest = std::iter::from_fn(|| chars.next_if(|(_, c)| is_word(*c)));
                Token::Name(std::iter::once(c).chain(rest.map(|(_, c)| c)).collect())
            }
            _ if indexes => Token::Index,
            c => Token::Mark(c),
        };
        let end = chars.peek().map_or(rego.len(), |(end, _)| *end);
        tokens.push((token, start..end));
    }
    tokens
}

/// Most brackets that are open at once.
pub(crate) fn nesting(code: &[Token]) -> usize {
    let mut open: usize = 0;
    let mut most = 0;
    for token in code {
        match token {
            Token::Index | Token::Mark('(' | '[' | '{') => open += 1,
            Token::Mark(')' | ']' | '}') => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// How many tokens the engine reads until it has parsed the policy, at most and about.
///
/// It takes what follows `[` and `{` for the head of a comprehension first, and reads it again if that is wrong: the
/// first element, or the first member, of each is read twice, and so is what stands in a comprehension. Twice in
/// twice is four times, and so on.
pub(crate) fn reading_effort(code: &[Token]) -> u64 {
    let mut effort: u64 = 0;
    let mut times: u64 = 1;
    let mut outer = Vec::new();
    for token in code {
        effort = effort.saturating_add(times);
        match token {
            Token::Mark('(') => outer.push((times, false)),
            Token::Index | Token::Mark('[' | '{') => {
                outer.push((times, true));
                times = times.saturating_mul(2);
            }
            Token::Mark(')' | ']' | '}') => times = outer.pop().map_or(1, |(times, _)| times),
            Token::Mark('|') => {
                if let Some((_, doubled)) = outer.last_mut() {
                    // A comprehension: its commas end nothing.
                    *doubled = false;
                }
            }
            Token::Mark(',') => {
                if let Some((before, true)) = outer.last() {
                    times = *before;
                }
            }
            _ => {}
        }
    }
    effort
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The rest of a string after its opening quote. Its escapes are those of JSON.
fn quoted(chars: impl Iterator<Item = char>) -> String {
    let mut json = String::from('"');
    let mut escaped = false;
    for c in chars {
        json.push(c);
        if c == '"' && !escaped {
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    serde_json::from_str(&json).unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        let code = tokens("a # \"b\" `c\nd := \"e # \\\"f\\\" \\u0067\" # h\n`i\n# j`.k[\"\"][\n[");
        let expected = [
            Token::Name("a".into()),
            Token::Name("d".into()),
            Token::Mark(':'),
            Token::Mark('='),
            Token::Text("e # \"f\" g".into()),
            Token::Text("i\n# j".into()),
            Token::Mark('.'),
            Token::Name("k".into()),
            Token::Index,
            Token::Text(String::new()),
            Token::Mark(']'),
            Token::Index,
            Token::Mark('['),
        ];
        assert_eq!(code, expected);
    }

    #[test]
    fn tokens_stand_where_they_stand() {
        let rego = "é := data[\"ü\"] # x\n`y`";
        let texts: Vec<&str> = spanned(rego).into_iter().map(|(_, span)| &rego[span]).collect();
        assert_eq!(texts, ["é", ":", "=", "data", "[", "\"ü\"", "]", "`y`"]);
    }

    #[test]
    fn unfinished_text_ends_with_the_policy() {
        assert_eq!(tokens("`a"), [Token::Text("a".into())]);
        assert_eq!(tokens("\"a\\"), [Token::Text("\"a\\".into())]);
        assert_eq!(tokens("#"), []);
    }
}
