//! An attestation result in words.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::vouch;

/// The `cpu0` part of an EAR token. The demonstration shows tokens; the KBS verifies them.
pub(super) struct Appraisal(Value);

impl Appraisal {
    /// Reads the payload of a compact JWS.
    pub(super) fn read(token: &str) -> anyhow::Result<Self> {
        let payload = token
            .trim()
            .split('.')
            .nth(1)
            .context("the token has no payload")?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
        Ok(Self(
            claims
                .pointer("/submods/cpu0")
                .context("the token has no cpu0")?
                .clone(),
        ))
    }

    /// `affirming`, `warning`, `contraindicated` or `none`.
    pub(super) fn status(&self) -> &str {
        self.0.get("ear.status").and_then(Value::as_str).unwrap_or("none")
    }

    /// Reference values that describe exactly the machine behind it.
    pub(super) fn reference_values(&self, tee: &str) -> anyhow::Result<Value> {
        let annotated = self.0.get("ear.veraison.annotated-evidence");
        vouch::reference_values(tee, annotated.context("the token has no claims")?)
    }

    /// A value of the trustworthiness vector.
    pub(super) fn trust(&self, claim: &str) -> i64 {
        self.0
            .pointer(&format!("/ear.trustworthiness-vector/{claim}"))
            .and_then(Value::as_i64)
            .unwrap_or(0)
    }

    /// The vector as a newcomer would want to read it.
    pub(super) fn in_words(&self) -> Vec<String> {
        let rows = [
            (
                "hardware",
                "is it a genuine chip with the firmware that we expect?",
            ),
            ("executables", "does it run the software that we expect?"),
            ("configuration", "is it set up safely, without debugging?"),
        ];
        rows.iter()
            .map(|(claim, question)| {
                let value = self.trust(claim);
                format!("{claim:<14} {value:>3}  {:<16} {question}", meaning(value))
            })
            .collect()
    }
}

/// The trust tier of a value, AR4SI section 2.3.
fn meaning(value: i64) -> &'static str {
    match value {
        -1..=1 => "no statement",
        -32..=31 => "yes",
        -96..=95 => "unknown, beware",
        _ => "no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(status: &str, executables: i64) -> String {
        let claims = json!({"submods": {"cpu0": {
            "ear.status": status,
            "ear.trustworthiness-vector": {"executables": executables},
            "ear.veraison.annotated-evidence": {"csv": {"measure": "ab"}},
        }}});
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_token_is_told_in_words() {
        let appraisal = Appraisal::read(&token("warning", 33)).unwrap();
        assert_eq!(appraisal.status(), "warning");
        let values = appraisal.reference_values("csv").unwrap();
        assert_eq!(values, json!({"csv_launch_measurement": ["ab"]}));
        assert!(appraisal.in_words()[1].contains("unknown, beware"));
    }

    #[test]
    fn what_is_no_token_is_an_error() {
        assert!(Appraisal::read("nonsense").is_err());
        assert!(Appraisal::read("a.e30.b").is_err());
    }
}
