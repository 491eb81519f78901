use std::fmt;
use std::str::FromStr;

use super::path::{ResourcePathError, check_segment};

/// Which resources a scoped policy is asked about: all whose names begin with these segments.
///
/// One to three segments, written `repository`, `repository/type` or
/// `repository/type/tag`. It ends at the border of a segment: `shop` covers
/// `shop/key/1` and not `shopping/key/1`. It speaks of the plugin `resource`
/// alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    text: Box<str>,
}

/// The text is no scope. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// None or too many segments.
    #[error("a scope has one to three segments: repository, repository/type or repository/type/tag")]
    SegmentCount,
    /// A segment that no resource has.
    #[error(transparent)]
    Segment(#[from] ResourcePathError),
}

impl Scope {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it covers what `path` names.
    pub fn covers(&self, plugin: &str, path: &[String]) -> bool {
        Self::covering(plugin, path).any(|covering| *covering == *self.text)
    }

    /// Every scope that covers what `path` names, the widest first. Empty for
    /// another plugin.
    pub(super) fn covering<'p>(plugin: &str, path: &'p [String]) -> impl Iterator<Item = String> + 'p {
        let longest = if plugin == "resource" {
            path.len().min(MAX_SEGMENTS)
        } else {
            0
        };
        (1..=longest).filter_map(|length| Some(path.get(..length)?.join("/")))
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let segments = text.splitn(MAX_SEGMENTS + 1, '/');
        let mut count = 0;
        for segment in segments {
            count += 1;
            if count > MAX_SEGMENTS || text.is_empty() {
                return Err(ScopeError::SegmentCount);
            }
            check_segment(segment)?;
        }
        Ok(Self { text: text.into() })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A resource has three.
const MAX_SEGMENTS: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(scope: &str, plugin: &str, path: &str) -> bool {
        let scope: Scope = scope.parse().unwrap();
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        scope.covers(plugin, &path)
    }

    #[test]
    fn a_scope_covers_what_begins_with_its_segments_and_nothing_else() {
        for scope in ["shop", "shop/key", "shop/key/1"] {
            assert!(covers(scope, "resource", "shop/key/1"), "{scope}");
        }
        for scope in [
            "sho",
            "shopping",
            "shop/ke",
            "shop/key/10",
            "shop/key/2",
            "key",
            "Shop",
        ] {
            assert!(!covers(scope, "resource", "shop/key/1"), "{scope}");
        }
        assert!(!covers("shop", "sample", "shop/key/1"));
        // What a plugin would not take is covered all the same.
        assert!(covers("shop", "resource", "shop/key/1/more"));
        assert!(covers("shop", "resource", "shop"));
    }

    #[test]
    fn what_no_resource_begins_with_is_no_scope() {
        for text in ["", "a/b/c/d", "a/b/c/"] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError::SegmentCount), "{text:?}");
        }
        for text in [
            "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "a b", "a/*", "a%2Fb", "kbs:///a",
        ] {
            let refused = text.parse::<Scope>();
            assert!(
                matches!(refused, Err(ScopeError::Segment(_))),
                "{text:?}: {refused:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_covers_a_resource_of_that_name(text in ".{0,40}|[a-c./]{0,8}") {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert_eq!(scope.as_str(), text.as_str());
                let mut path: Vec<String> = text.split('/').map(str::to_owned).collect();
                path.resize(MAX_SEGMENTS, "x".to_owned());
                prop_assert!(Scope::covering("resource", &path).any(|covering| covering == text));
            }
        }
    }
}
