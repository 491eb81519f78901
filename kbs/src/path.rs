//! The path of a request, decoded once and strictly.
//!
//! Access control and dispatch look at the same decoded text, so no spelling of a path can be
//! allowed as one thing and served as another.

use std::fmt;

/// Everything the protocol serves lies below this prefix.
pub const PREFIX: &str = "/kbs/v0/";

/// Longest accepted path, in bytes before decoding.
const MAX_LENGTH: usize = 4096;

/// A percent-decoded path below [`PREFIX`] without empty, `.` or `..` segments.
///
/// An encoded slash is a separator, as clients of the existing server expect.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestPath {
    decoded: String,
}

impl RequestPath {
    /// Decodes the path part of a request target, such as `/kbs/v0/resource/a/b/c`.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        if raw.len() > MAX_LENGTH {
            return Err(PathError::TooLong);
        }
        let decoded = decode(raw)?;
        let tail = decoded.strip_prefix(PREFIX).ok_or(PathError::OutsidePrefix)?;
        if tail.split('/').any(|segment| segment.is_empty()) {
            return Err(PathError::EmptySegment);
        }
        if tail.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(PathError::DotSegment);
        }
        Ok(Self { decoded })
    }

    /// The whole decoded path, beginning with [`PREFIX`].
    pub fn as_str(&self) -> &str {
        &self.decoded
    }

    /// The segments after the prefix; never empty.
    pub fn segments(&self) -> Vec<&str> {
        self.decoded
            .strip_prefix(PREFIX)
            .unwrap_or_default()
            .split('/')
            .collect()
    }
}

impl fmt::Debug for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestPath({:?})", self.decoded)
    }
}

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than 4096 bytes.
    #[error("the path is too long")]
    TooLong,
    /// `%` not followed by two hexadecimal digits.
    #[error("the path has a broken percent encoding")]
    BadEncoding,
    /// The decoded bytes are not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// A NUL, a line break or another control character.
    #[error("the path holds a control character")]
    ControlCharacter,
    /// Two slashes in a row, or one at the end.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path has a dot segment")]
    DotSegment,
    /// The decoded path does not begin with [`PREFIX`].
    #[error("the path is outside {PREFIX}")]
    OutsidePrefix,
}

fn decode(raw: &str) -> Result<String, PathError> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let high = bytes.next().and_then(hex_digit);
            let low = bytes.next().and_then(hex_digit);
            match (high, low) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(PathError::BadEncoding),
            }
        } else {
            byte
        };
        decoded.push(byte);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| PathError::NotUtf8)?;
    if decoded.chars().any(char::is_control) {
        return Err(PathError::ControlCharacter);
    }
    Ok(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(raw: &str) -> Result<Vec<String>, PathError> {
        RequestPath::parse(raw).map(|path| path.segments().iter().map(|s| s.to_string()).collect())
    }

    #[test]
    fn a_plain_path_is_split_into_its_segments() {
        assert_eq!(
            segments("/kbs/v0/resource/default/key/1.2").unwrap(),
            ["resource", "default", "key", "1.2"]
        );
    }

    #[test]
    fn an_encoded_slash_separates_and_is_seen_by_access_control() {
        let path = RequestPath::parse("/kbs/v0/resource/a%2Fb%2fc").unwrap();
        assert_eq!(path.as_str(), "/kbs/v0/resource/a/b/c");
        assert_eq!(path.segments(), ["resource", "a", "b", "c"]);
    }

    #[test]
    fn a_path_is_decoded_once_only() {
        let path = RequestPath::parse("/kbs/v0/resource/%252e%252e/b").unwrap();
        assert_eq!(path.segments(), ["resource", "%2e%2e", "b"]);
    }

    #[test]
    fn hostile_spellings_are_refused_with_the_reason() {
        for (raw, reason) in [
            ("/kbs/v0/resource/../admin", PathError::DotSegment),
            ("/kbs/v0/resource/%2e%2e/admin", PathError::DotSegment),
            ("/kbs/v0/resource/%2E./admin", PathError::DotSegment),
            ("/kbs/v0/resource/..%2fadmin", PathError::DotSegment),
            ("/kbs/v0/resource/./a", PathError::DotSegment),
            ("/kbs/v0/resource//a", PathError::EmptySegment),
            ("/kbs/v0/resource/%2f/a", PathError::EmptySegment),
            ("/kbs/v0/resource/a/", PathError::EmptySegment),
            ("/kbs/v0/", PathError::EmptySegment),
            ("/kbs/v0/resource/a%00b", PathError::ControlCharacter),
            ("/kbs/v0/resource/a%0a", PathError::ControlCharacter),
            ("/kbs/v0/resource/a%7f", PathError::ControlCharacter),
            ("/kbs/v0/resource/a%c2%85", PathError::ControlCharacter),
            ("/kbs/v0/resource/a%", PathError::BadEncoding),
            ("/kbs/v0/resource/a%2", PathError::BadEncoding),
            ("/kbs/v0/resource/a%zz", PathError::BadEncoding),
            ("/kbs/v0/resource/a%+1", PathError::BadEncoding),
            ("/kbs/v0/resource/%ff", PathError::NotUtf8),
            ("/kbs/v0/resource/%c0%ae%c0%ae", PathError::NotUtf8),
            ("/kbs%2fv1/resource", PathError::OutsidePrefix),
            ("/other", PathError::OutsidePrefix),
        ] {
            assert_eq!(RequestPath::parse(raw), Err(reason), "{raw}");
        }
        let long = format!("/kbs/v0/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(RequestPath::parse(&long), Err(PathError::TooLong));
    }

    proptest! {
        #[test]
        fn an_accepted_path_never_has_a_way_up_or_a_hole(raw in "/kbs/v0/[a-c./%0-9A-F;\\\\]{0,40}") {
            if let Ok(path) = RequestPath::parse(&raw) {
                for segment in path.segments() {
                    prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
                    prop_assert!(!segment.contains('\0'));
                }
            }
        }
    }
}
