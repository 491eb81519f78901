//! What the Attestation Service found, in a few words for the log.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// `cpu0=affirming gpu0=warning`, or `unknown` for a token in another form. The claims are looked at when it is
/// written, for a log that leaves it out should cost nothing.
pub(crate) struct Verdict<'a>(&'a str);

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    submods: BTreeMap<String, Submod>,
}

#[derive(Deserialize)]
struct Submod {
    #[serde(rename = "ear.status", default)]
    status: String,
}

impl<'a> Verdict<'a> {
    /// Of the claims of a token.
    pub(crate) fn of(claims_json: &'a str) -> Self {
        Self(claims_json)
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims: Option<Claims> = serde_json::from_str(self.0).ok();
        let submods = claims.map(|claims| claims.submods).unwrap_or_default();
        if submods.is_empty() {
            return f.write_str("unknown");
        }
        for (number, (name, submod)) in submods.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{name}={}", submod.status)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_each_submodule_is_named() {
        let claims =
            r#"{"submods":{"gpu0":{"ear.status":"warning"},"cpu0":{"ear.status":"affirming","x":{}}}}"#;
        assert_eq!(Verdict::of(claims).to_string(), "cpu0=affirming gpu0=warning");
    }

    #[test]
    fn a_token_in_another_form_has_no_known_verdict() {
        for claims in ["{}", "[]", "nonsense", r#"{"submods":7}"#] {
            assert_eq!(Verdict::of(claims).to_string(), "unknown", "{claims}");
        }
    }
}
