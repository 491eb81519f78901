//! A lexer for Rego, as far as telling dialects apart needs one: comments and strings are not code.

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
    let mut tokens = Vec::new();
    let mut chars = rego.chars().peekable();
    let mut attached = false;
    while let Some(c) = chars.next() {
        let indexes = c == '[' && attached;
        attached = !c.is_whitespace() && (is_word(c) || matches!(c, ']' | ')' | '}' | '"' | '`'));
        match c {
            _ if indexes => tokens.push(Token::Index),
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '`' => {
                let text = std::iter::from_fn(|| chars.next_if(|c| *c != '`')).collect();
                chars.next();
                tokens.push(Token::Text(text));
            }
            '"' => tokens.push(Token::Text(quoted(&mut chars))),
            c if is_word(c) => {
                let mut name = String::from(c);
                while let Some(c) = chars.next_if(|c| is_word(*c)) {
                    name.push(c);
                }
                tokens.push(Token::Name(name));
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Mark(c)),
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The rest of a string after its opening quote. Its escapes are those of JSON.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut json = String::from('"');
    let mut escaped = false;
    for c in chars.by_ref() {
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
    fn unfinished_text_ends_with_the_policy() {
        assert_eq!(tokens("`a"), [Token::Text("a".into())]);
        assert_eq!(tokens("\"a\\"), [Token::Text("\"a\\".into())]);
        assert_eq!(tokens("#"), []);
    }
}
