//! What a rule opens.

use axum::http::Method;
use regex::{Regex, RegexBuilder};

use super::config::AclConfig;
use super::error::AdminSetupError;

/// Compiled size of one pattern, in bytes: far above any sensible rule.
const PATTERN_SIZE: usize = 1 << 20;

/// One rule of the access list, ready to be matched.
pub(super) struct Rule {
    role: String,
    path: Regex,
    /// Empty: all.
    methods: Vec<Method>,
}

impl Rule {
    pub(super) fn compile(config: &AclConfig) -> Result<Self, AdminSetupError> {
        let methods = match &config.allowed_methods {
            None => Vec::new(),
            Some(names) if names.is_empty() => {
                return Err(AdminSetupError::Config(
                    "`allowed_methods` is empty: leave it out to allow all methods",
                ));
            }
            Some(names) => names
                .iter()
                .map(|name| match name.as_str() {
                    "GET" => Ok(Method::GET),
                    "POST" => Ok(Method::POST),
                    "PUT" => Ok(Method::PUT),
                    "DELETE" => Ok(Method::DELETE),
                    _ => Err(AdminSetupError::Method(name.clone())),
                })
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            role: config.role.clone(),
            path: anchored(&config.allowed_endpoints)?,
            methods,
        })
    }

    /// Whether the rule lets `role` do `method` on the decoded `path`.
    pub(super) fn allows(&self, role: &str, method: &Method, path: &str) -> bool {
        self.role == role
            && (self.methods.is_empty() || self.methods.contains(method))
            && self.path.is_match(path)
    }
}

/// Whether a decoded path is in its plain form. In any other, two readers
/// could take it for two different paths.
pub(super) fn is_plain(path: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '\\' | '%' | '?' | '#' | ';');
    path.strip_prefix('/').is_some_and(|rest| {
        rest.split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && !segment.contains(odd))
    })
}

/// Compiles a pattern that holds for the whole path or not at all.
///
/// The anchors are taken off, what is between them must be a pattern of its
/// own without alternation outside a group, and it is then wrapped so that
/// nothing in it can reach around the anchors.
fn anchored(pattern: &str) -> Result<Regex, AdminSetupError> {
    let inner = pattern
        .strip_prefix('^')
        .filter(|rest| rest.starts_with("/kbs"))
        .and_then(|rest| rest.strip_suffix('$'))
        .filter(|inner| !ends_in_escape(inner))
        .ok_or_else(|| AdminSetupError::NotAnchored(pattern.to_owned()))?;
    let shape = Shape::of(inner);
    if shape.alternation {
        return Err(AdminSetupError::Alternation(pattern.to_owned()));
    }
    if shape.flags {
        return Err(AdminSetupError::Flags(pattern.to_owned()));
    }
    // On its own first: an unbalanced group must not pair with the wrapping.
    Regex::new(inner)?;
    Ok(RegexBuilder::new(&format!(r"\A(?:{inner})\z"))
        .size_limit(PATTERN_SIZE)
        .build()?)
}

/// Whether the last character is an escape, so that what follows is literal.
fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// What matters of a pattern's structure.
#[derive(Default)]
struct Shape {
    /// A `|` outside all groups.
    alternation: bool,
    /// A group that is neither `(…)`, `(?:…)` nor named.
    flags: bool,
}

impl Shape {
    /// Reads escapes, character classes and groups, and nothing else.
    fn of(pattern: &str) -> Self {
        let mut shape = Self::default();
        let mut rest = pattern;
        let (mut groups, mut classes) = (0_i32, 0_u32);
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '\\' => {
                    let escaped = rest.chars().next().map_or(0, char::len_utf8);
                    rest = rest.get(escaped..).unwrap_or_default();
                }
                '[' => {
                    classes += 1;
                    // A closing bracket that comes first is a literal.
                    rest = rest.strip_prefix('^').unwrap_or(rest);
                    rest = rest.strip_prefix(']').unwrap_or(rest);
                }
                ']' => classes = classes.saturating_sub(1),
                // Even in a class, to be on the strict side.
                '|' if groups <= 0 => shape.alternation = true,
                _ if classes > 0 => {}
                '(' => {
                    groups += 1;
                    let named = rest.starts_with("?P<") || rest.starts_with("?<");
                    if rest.starts_with('?') && !rest.starts_with("?:") && !named {
                        shape.flags = true;
                    }
                }
                ')' => groups -= 1,
                _ => {}
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> Result<Rule, AdminSetupError> {
        Rule::compile(&AclConfig {
            role: "admin".into(),
            allowed_endpoints: pattern.into(),
            allowed_methods: None,
        })
    }

    #[test]
    fn unanchored_patterns_are_refused_at_load() {
        for pattern in [
            "",
            "/kbs",
            "^/kbs",
            "/kbs$",
            "^/other$",
            "^$",
            "kbs/v0/.*",
            r"^/kbs/.*\$",
            " ^/kbs$",
            "(^/kbs/.*$)",
            "^/kb.*$",
            "^/kbs$ ",
        ] {
            assert!(
                matches!(rule(pattern), Err(AdminSetupError::NotAnchored(_))),
                "{pattern:?}"
            );
        }
    }

    #[test]
    fn an_alternation_that_escapes_the_anchors_is_refused_at_load() {
        for pattern in [
            "^/kbs/a$|^/kbs/b$",
            "^/kbs/a|/b$",
            "^/kbs|$",
            "^/kbs/(a|b)|c$",
            "^/kbs/[]]|x$",
            "^/kbs/[a]|[b]$",
            r"^/kbs/\[|x$",
            r"^/kbs/\(|x\)$",
            "^/kbs/[(]|x[)]$",
            "^/kbs/[](]|x$",
            "^/kbs/[^](]|x$",
        ] {
            assert!(
                matches!(rule(pattern), Err(AdminSetupError::Alternation(_))),
                "{pattern:?}"
            );
        }
    }

    #[test]
    fn flags_and_unbalanced_groups_are_refused_at_load() {
        for pattern in ["^/kbs/(?m)a$", "^/kbs/(?im:a)$", "^/kbs/(?x)a # $"] {
            assert!(
                matches!(rule(pattern), Err(AdminSetupError::Flags(_))),
                "{pattern:?}"
            );
        }
        for pattern in [
            "^/kbs/a)|(b$",
            "^/kbs/a)(b$",
            "^/kbs/($",
            "^/kbs/[$",
            "^/kbs/a{99999}$",
        ] {
            assert!(rule(pattern).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn a_pattern_holds_for_the_whole_path_only() {
        let allows = |pattern: &str, path: &str| rule(pattern).unwrap().allows("admin", &Method::POST, path);
        let one = "^/kbs/v0/resource/default/public$";
        assert!(allows(one, "/kbs/v0/resource/default/public"));
        assert!(!allows(one, "/kbs/v0/resource/default/public/x"));
        assert!(!allows(one, "/kbs/v0/resource/default/public\n"));
        assert!(!allows(one, "/x/kbs/v0/resource/default/public"));
        let grouped = "^/kbs/v0/(resource/a/.*|resource-policy)$";
        assert!(allows(grouped, "/kbs/v0/resource/a/b/c"));
        assert!(allows(grouped, "/kbs/v0/resource-policy"));
        assert!(!allows(grouped, "/kbs/v0/resource-policy/x"));
        // A `$` in the middle is an end too, so this opens nothing.
        assert!(!allows("^/kbs/a$/b$", "/kbs/a/b"));
    }

    #[test]
    fn a_rule_speaks_of_its_role_and_methods_only() {
        let rule = Rule::compile(&AclConfig {
            role: "reader".into(),
            allowed_endpoints: "^/kbs/.*$".into(),
            allowed_methods: Some(vec!["GET".into()]),
        })
        .unwrap();
        assert!(rule.allows("reader", &Method::GET, "/kbs/v0/resource"));
        assert!(!rule.allows("reader", &Method::DELETE, "/kbs/v0/resource"));
        assert!(!rule.allows("Reader", &Method::GET, "/kbs/v0/resource"));
        assert!(!rule.allows("", &Method::GET, "/kbs/v0/resource"));
    }

    #[test]
    fn methods_that_do_not_exist_are_refused_at_load() {
        for names in [vec!["get".to_owned()], vec!["FETCH".to_owned()], vec![]] {
            let refused = Rule::compile(&AclConfig {
                role: "admin".into(),
                allowed_endpoints: "^/kbs/.*$".into(),
                allowed_methods: Some(names),
            });
            assert!(refused.is_err());
        }
    }

    #[test]
    fn only_plain_paths_are_plain() {
        for path in [
            "/kbs",
            "/kbs/v0/reference-value/a:b+c",
            "/kbs/v0/resource/a/b/c.d",
        ] {
            assert!(is_plain(path), "{path:?}");
        }
        for path in [
            "",
            "kbs/v0",
            "//kbs",
            "/kbs//v0",
            "/kbs/",
            "/kbs/./v0",
            "/kbs/../v0",
            "/kbs/v0/..",
            "/kbs/v0/a%2Fb",
            "/kbs/v0/a;b",
            "/kbs/v0?x=/public",
            "/kbs/v0#x",
            "/kbs/v0/a\\b",
            "/kbs/v0/a\0",
            "/kbs/v0/a\n",
            "http://host/kbs/v0",
        ] {
            assert!(!is_plain(path), "{path:?}");
        }
    }
}
