//! What the Attestation Service found, in a few words for the log.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// `cpu0=affirming gpu0=warning`, or `unknown` for a token in another form.
#[derive(Debug)]
pub(crate) struct Verdict(BTreeMap<String, String>);

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

impl Verdict {
    /// Reads the claims of a token.
    pub(crate) fn of(claims_json: &str) -> Self {
        let claims: Option<Claims> = serde_json::from_str(claims_json).ok();
        let submods = claims.map(|claims| claims.submods).unwrap_or_default();
        Self(
            submods
                .into_iter()
                .map(|(name, submod)| (name, submod.status))
                .collect(),
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("unknown");
        }
        for (number, (name, status)) in self.0.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{name}={status}")?;
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
