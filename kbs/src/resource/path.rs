use std::fmt;
use std::str::FromStr;

/// Longest segment, in bytes. A file name may have 255, of which a writer
/// needs some for its temporary name.
const MAX_SEGMENT: usize = 200;

/// The name of a resource: `repository/type/tag`.
///
/// Each segment is `[A-Za-z0-9_-]` followed by `[A-Za-z0-9_.-]*` and at most
/// 200 bytes long (wire facts, kbs-http section 9.1; the bound is ours). So
/// no segment can be empty, `.`, `..`, a hidden file, or hold a separator of
/// any file system or key-value store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourcePath {
    text: Box<str>,
}

/// The text is not the name of a resource. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourcePathError {
    /// Not three segments.
    #[error("a resource path has three segments: repository/type/tag")]
    SegmentCount,
    /// An empty segment, a leading dot, or a character that is not allowed.
    #[error("a segment of the resource path is empty or holds a character that is not allowed")]
    Character,
    /// A segment of more than 200 bytes.
    #[error("a segment of the resource path is longer than {MAX_SEGMENT} bytes")]
    TooLong,
}

impl ResourcePath {
    /// Joins three segments, already decoded.
    pub fn from_segments<S: AsRef<str>>(segments: &[S]) -> Result<Self, ResourcePathError> {
        let [repository, kind, tag] = segments else {
            return Err(ResourcePathError::SegmentCount);
        };
        let (repository, kind, tag) = (repository.as_ref(), kind.as_ref(), tag.as_ref());
        for segment in [repository, kind, tag] {
            check_segment(segment)?;
        }
        Ok(Self {
            text: format!("{repository}/{kind}/{tag}").into_boxed_str(),
        })
    }

    /// `repository/type/tag`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The three segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/')
    }
}

impl FromStr for ResourcePath {
    type Err = ResourcePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A fourth piece is enough to know that there are too many.
        let segments: Vec<&str> = text.splitn(4, '/').collect();
        Self::from_segments(&segments)
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn check_segment(segment: &str) -> Result<(), ResourcePathError> {
    if segment.len() > MAX_SEGMENT {
        return Err(ResourcePathError::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match segment.as_bytes() {
        [] | [b'.', ..] => Err(ResourcePathError::Character),
        bytes if bytes.iter().all(|byte| allowed(*byte)) => Ok(()),
        _ => Err(ResourcePathError::Character),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_plain_segments_are_a_resource_path() {
        for text in ["default/key/1", "a-b/_c/D.e..f", "-/_/0"] {
            let path: ResourcePath = text.parse().unwrap();
            assert_eq!(path.as_str(), text);
            assert_eq!(path.segments().count(), 3);
        }
    }

    #[test]
    fn names_that_could_leave_the_repository_are_refused() {
        let character = [
            "../a/b",
            "a/../b",
            "a/b/..",
            "./a/b",
            "a/b/.",
            "a//b",
            "/a/b",
            "a/b/",
            "//",
            "a/b/.hidden",
            "a/b/c\n",
            "a/b/c\0",
            "a/b/%2e%2e%2f",
            "a/b/c\\d",
            "a/b/c d",
            "a/b/\u{2024}\u{2024}",
            "a/b/\u{ff0e}",
            "a/b/é",
            "a/b/c;x",
            "a/b/c?x",
            "a/b/c#x",
        ];
        for text in character {
            assert_eq!(
                text.parse::<ResourcePath>(),
                Err(ResourcePathError::Character),
                "{text:?}"
            );
        }
    }

    #[test]
    fn any_other_number_of_segments_is_refused() {
        for text in ["", "a", "a/b", "a/b/c/d", "/a/b/c"] {
            assert_eq!(
                text.parse::<ResourcePath>(),
                Err(ResourcePathError::SegmentCount),
                "{text:?}"
            );
        }
        assert_eq!(
            ResourcePath::from_segments(&["a/b", "c", "d"]),
            Err(ResourcePathError::Character)
        );
    }

    #[test]
    fn very_long_segments_are_refused() {
        let longest = "x".repeat(MAX_SEGMENT);
        assert!(format!("a/b/{longest}").parse::<ResourcePath>().is_ok());
        assert_eq!(
            format!("a/b/{longest}x").parse::<ResourcePath>(),
            Err(ResourcePathError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_stays_below_its_root(text in ".{0,40}|[a-c./%\\\\]{0,12}") {
            if let Ok(path) = text.parse::<ResourcePath>() {
                prop_assert_eq!(path.as_str(), text.as_str());
                let joined = std::path::Path::new("/root").join(path.as_str());
                let plain = joined.components().all(|part| !matches!(
                    part,
                    std::path::Component::ParentDir | std::path::Component::CurDir
                ));
                prop_assert!(plain && joined.starts_with("/root"));
                prop_assert_eq!(joined.components().count(), 5);
            }
        }
    }
}
