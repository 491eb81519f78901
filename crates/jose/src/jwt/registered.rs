//! The registered claims that decide when, and for whom, a token is good (RFC 7519, section 4.1).

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::TokenError;

/// These claims as they stand in a JSON object. Its other members are skipped: a token of an attestation service
/// holds the whole evidence, and not everybody needs that in parts.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Registered {
    #[serde(default, deserialize_with = "even_null")]
    exp: Option<Value>,
    #[serde(default, deserialize_with = "even_null")]
    nbf: Option<Value>,
    #[serde(default, deserialize_with = "even_null")]
    iat: Option<Value>,
    #[serde(default, deserialize_with = "even_null")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "even_null")]
    aud: Option<Value>,
}

impl Registered {
    /// `None` if the text is no JSON object, or has one of these claims twice.
    pub(super) fn read(text: &str) -> Option<Self> {
        // An array is no object, but what is read into a struct may be one.
        let object = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
        object.then(|| serde_json::from_str(text).ok()).flatten()
    }

    pub(super) fn expires_at(&self) -> Result<Option<i64>, TokenError> {
        time("exp", self.exp.as_ref())
    }

    pub(super) fn not_before(&self) -> Result<Option<i64>, TokenError> {
        time("nbf", self.nbf.as_ref())
    }

    pub(super) fn issued_at(&self) -> Result<Option<i64>, TokenError> {
        time("iat", self.iat.as_ref())
    }

    pub(super) fn is_of(&self, issuer: &str) -> bool {
        self.iss.as_ref().and_then(Value::as_str) == Some(issuer)
    }

    pub(super) fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }
}

/// A claim that is there and null is not absent.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A NumericDate in whole seconds; fractions are cut off.
fn time(name: &'static str, claim: Option<&Value>) -> Result<Option<i64>, TokenError> {
    match claim {
        None => Ok(None),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(seconds), _) => Ok(Some(seconds)),
            #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
            (None, Some(seconds)) if seconds.abs() < 1e15 => Ok(Some(seconds.floor() as i64)),
            _ => Err(TokenError::MalformedClaim(name)),
        },
        Some(_) => Err(TokenError::MalformedClaim(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_is_read_and_no_claim_twice() {
        for text in [
            "",
            "[]",
            "[1,2,3,4,5]",
            "null",
            "7",
            r#"{"exp":1,"exp":2}"#,
            r#"{"exp":1}x"#,
            r#"{"a":"#,
        ] {
            assert!(Registered::read(text).is_none(), "{text}");
        }
        let read = Registered::read(" \n{\"other\":{\"exp\":9},\"exp\":1.9}\t").unwrap();
        assert_eq!(read.expires_at(), Ok(Some(1)));
    }

    #[test]
    fn null_is_no_time_and_not_absent() {
        let read = Registered::read(r#"{"nbf":null,"exp":null,"iat":null,"iss":null,"aud":null}"#).unwrap();
        assert_eq!(read.expires_at(), Err(TokenError::MalformedClaim("exp")));
        assert_eq!(read.not_before(), Err(TokenError::MalformedClaim("nbf")));
        assert_eq!(read.issued_at(), Err(TokenError::MalformedClaim("iat")));
        assert!(!read.is_of("") && !read.is_for(""));
    }
}
