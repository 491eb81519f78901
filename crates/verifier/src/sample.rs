//! `sample` and `sampledevice`: evidence without hardware behind it, for development.
//!
//! Anyone can write such evidence, so the shipped policies release nothing to it.

use crate::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, ParsedEvidence, Tee, TeeClass,
    UnverifiedEvidence, VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, json};

/// The verifier of both.
#[derive(Clone, Copy, Debug)]
pub struct SampleVerifier(Tee);

impl SampleVerifier {
    /// For `sample`.
    pub fn cpu() -> Self {
        Self(Tee::Sample)
    }

    /// For `sampledevice`.
    pub fn device() -> Self {
        Self(Tee::SampleDevice)
    }
}

impl EvidenceVerifier for SampleVerifier {
    fn tee(&self) -> Tee {
        self.0
    }

    fn parse(&self, evidence: UnverifiedEvidence<'_>) -> Result<Box<dyn ParsedEvidence>, VerifyError> {
        let wire: Wire = evidence.parse(self.0)?;
        let report_data = STANDARD
            .decode(&wire.report_data)
            .map_err(|_| VerifyError::Format {
                tee: self.0,
                reason: "report_data is not standard base64".to_owned(),
            })?;
        Ok(Box::new(SampleEvidence {
            tee: self.0,
            wire,
            report_data,
        }))
    }
}

/// The JSON object a guest sends.
#[derive(Deserialize)]
struct Wire {
    svn: String,
    #[serde(default)]
    report_data: String,
}

struct SampleEvidence {
    tee: Tee,
    wire: Wire,
    report_data: Vec<u8>,
}

impl ParsedEvidence for SampleEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        Vec::new()
    }

    fn is_cheap(&self) -> bool {
        true
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        _: &Endorsements,
        _: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        if expected
            .report_data
            .as_ref()
            .is_some_and(|expected| *expected != self.report_data)
        {
            return Err(VerifyError::ReportDataMismatch);
        }
        let mut claims = Map::new();
        claims.insert("svn".to_owned(), json!(self.wire.svn));
        if self.tee == Tee::SampleDevice {
            let verified = VerifiedClaims::new(self.tee, TeeClass::Gpu, claims);
            return Ok(vec![verified.with_report_data(self.wire.report_data.clone())]);
        }
        claims.insert("debug".to_owned(), json!(false));
        claims.insert("launch_digest".to_owned(), json!("abcde"));
        claims.insert("platform_version".to_owned(), json!({"major": 1, "minor": 4}));
        let verified = VerifiedClaims::new(self.tee, TeeClass::Cpu, claims)
            .with_report_data(self.wire.report_data.clone());
        // There is no register to hold it: it is repeated, unverified, because existing policies read it.
        Ok(vec![match &expected.init_data {
            Some(digest) => verified.with_init_data(STANDARD.encode(digest)),
            None => verified,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(
        verifier: SampleVerifier,
        json: &str,
        expected: &ExpectedBinding,
    ) -> Result<VerifiedClaims, VerifyError> {
        let parsed = verifier.parse(UnverifiedEvidence::new(json.as_bytes()))?;
        assert!(parsed.endorsements_for().is_empty() && parsed.is_cheap());
        Ok(parsed.verify(expected, &Endorsements::new(), 0)?.remove(0))
    }

    fn expecting(report_data: &[u8]) -> ExpectedBinding {
        ExpectedBinding {
            report_data: Some(report_data.to_vec()),
            init_data: None,
        }
    }

    #[test]
    fn sample_claims_have_the_names_and_types_that_policies_read() {
        let expected = ExpectedBinding {
            init_data: Some(vec![1, 2]),
            ..expecting(b"abc")
        };
        let claims = verify(
            SampleVerifier::cpu(),
            r#"{"svn":"1","report_data":"YWJj"}"#,
            &expected,
        )
        .unwrap();
        assert_eq!(
            serde_json::Value::from(claims.claims().clone()),
            json!({
                "svn": "1",
                "debug": false,
                "launch_digest": "abcde",
                "platform_version": {"major": 1, "minor": 4},
            })
        );
        assert_eq!(claims.report_data(), Some("YWJj"));
        assert_eq!(claims.init_data(), Some("AQI="));
        assert_eq!((claims.tee(), claims.class()), (Tee::Sample, TeeClass::Cpu));
    }

    #[test]
    fn a_sample_device_is_a_gpu_and_claims_its_svn_alone() {
        let json = r#"{"svn":"2","report_data":"YWJj"}"#;
        let claims = verify(SampleVerifier::device(), json, &expecting(b"abc")).unwrap();
        assert_eq!(
            serde_json::Value::from(claims.claims().clone()),
            json!({"svn": "2"})
        );
        assert_eq!((claims.tee(), claims.class()), (Tee::SampleDevice, TeeClass::Gpu));
        assert_eq!(claims.init_data(), None);
    }

    #[test]
    fn report_data_is_compared_exactly_and_not_padded() {
        let json = r#"{"svn":"1","report_data":"YWJj"}"#;
        for other in [&b"abd"[..], b"ab", b"abc\0", b""] {
            let outcome = verify(SampleVerifier::cpu(), json, &expecting(other));
            assert_eq!(outcome, Err(VerifyError::ReportDataMismatch));
        }
        assert!(verify(SampleVerifier::cpu(), json, &ExpectedBinding::default()).is_ok());
    }

    #[test]
    fn missing_report_data_is_not_the_expected_one() {
        let outcome = verify(SampleVerifier::cpu(), r#"{"svn":"1"}"#, &expecting(b"abc"));
        assert_eq!(outcome, Err(VerifyError::ReportDataMismatch));
    }

    #[test]
    fn what_is_wrong_with_evidence_is_said_without_repeating_it() {
        for (json, expected) in [
            (
                r#""canary""#,
                "something of another type than expected at line 1 column 8",
            ),
            (
                r#"{"svn":1,"report_data":"canary"}"#,
                "something of another type than expected at line 1 column 8",
            ),
            (
                r#"{"report_data":"canary"}"#,
                "missing field `svn` at line 1 column 24",
            ),
            (
                r#"{"report_data":"canary""#,
                "EOF while parsing an object at line 1 column 23",
            ),
        ] {
            let outcome = verify(SampleVerifier::cpu(), json, &ExpectedBinding::default());
            let Err(VerifyError::Format { reason, .. }) = outcome else {
                panic!("{json} is accepted")
            };
            assert_eq!(reason, expected, "{json}");
        }
    }

    #[test]
    fn what_is_not_sample_evidence_is_malformed() {
        for json in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"svn":1}"#,
            r#"{"svn":"1","report_data":"%"}"#,
        ] {
            let outcome = verify(SampleVerifier::cpu(), json, &ExpectedBinding::default());
            assert!(
                matches!(outcome, Err(VerifyError::Format { tee: Tee::Sample, .. })),
                "{json}"
            );
        }
    }
}
