//! The tokens, trust anchors and reference values that the package `ccatoken` 0.1.0 is tested with.
//!
//! They are not in this repository: they are looked for where cargo unpacks packages, because depending on that
//! one would bring OpenSSL. Where it is not, the tests say so and pass.

use super::*;
use crate::cca::platform::PlatformClaims;
use crate::cca::realm::RealmClaims;
use crate::testing::published;
use simulated_tee::proof::{self, Proof};

/// A file of the package.
fn file(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = published("ccatoken-0.1.0") else {
        proof::note("cca", Proof::Absent, "ccatoken", 1).unwrap();
        return None;
    };
    Some(std::fs::read(folder.join("testdata").join(name)).unwrap())
}

fn json_file(name: &str) -> Option<Value> {
    Some(serde_json::from_slice(&file(name)?).unwrap())
}

/// A published token with what vouches for it.
struct Vector {
    token: Vec<u8>,
    anchors: Value,
    values: Value,
}

/// The first token, with the key and the reference values that come with it.
fn first() -> Option<Vector> {
    let anchors = json!([{
        "pkey": json_file("cpak.json")?,
        "implementation-id": "7F454C4602010100000000000000000003003E00010000005058000000000000",
        "instance-id": "0107060504030201000F0E0D0C0B0A090817161514131211101F1E1D1C1B1A1918",
    }]);
    Some(Vector {
        token: file("cca-token-01.cbor")?,
        anchors,
        values: json_file("rv.json")?,
    })
}

/// The second one, with its trust anchor. No reference values come with it: these are what it says.
fn second() -> Option<Vector> {
    let values = json!({
        "platform": [{
            "implementation-id": "00".repeat(32),
            "platform-configuration": "010203",
            "sw-components": [{"measurement-value": "03".repeat(32), "signer-id": "04".repeat(32)}],
        }],
        "realm": [{"initial-measurement": "43".repeat(64)}],
    });
    Some(Vector {
        token: file("cca-token-02.cbor")?,
        anchors: json_file("ta-02-ok.json")?,
        values,
    })
}

impl Vector {
    fn verify(&self, token: &[u8], challenge: &[u8]) -> Result<VerifiedClaims, VerifyError> {
        Attempt {
            stores: stores(&self.anchors, &self.values),
            expected: ExpectedBinding {
                report_data: Some(challenge.to_vec()),
                init_data: None,
            },
            token,
        }
        .run()
    }

    /// The vector verifies; no bit of it can be flipped; each part that is changed gives the error that it should.
    fn check(&self, name: &str, challenge: &[u8; 64]) -> VerifiedClaims {
        let token = &self.token;
        let claims = self.verify(token, challenge).unwrap();
        assert_eq!(claims.report_data(), Some(hex::encode(challenge).as_str()));
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(self.verify(&changed, challenge).is_err(), "byte {at}");
        }
        let flipped = |which, label| self.verify(&with_claim(token, which, label, flip), challenge);
        for label in [10, 2401] {
            assert_eq!(
                flipped(Token::Platform, label),
                refused(CcaError::PlatformSignature)
            );
        }
        for label in [256, 2396] {
            assert!(matches!(
                flipped(Token::Platform, label),
                Err(VerifyError::Cca(CcaError::UnknownPlatform { .. }))
            ));
        }
        for label in [10, 44235, 44238] {
            assert_eq!(
                flipped(Token::Realm, label),
                refused(CcaError::RealmSignature),
                "{label}"
            );
        }
        // Another key does not verify the signature, before anything is compared with the platform token.
        assert_eq!(flipped(Token::Realm, 44237), refused(CcaError::RealmSignature));
        for (which, error) in [
            (Token::Platform, CcaError::PlatformSignature),
            (Token::Realm, CcaError::RealmSignature),
        ] {
            let changed = with_message(token, which, |parts| flip(&mut parts[3]));
            assert_eq!(self.verify(&changed, challenge), refused(error));
        }
        let lifecycle = with_claim(token, Token::Platform, 2395, |value| *value = 0x3001.into());
        assert_eq!(
            self.verify(&lifecycle, challenge),
            refused(CcaError::PlatformSignature)
        );
        let mut stale = *challenge;
        stale[63] ^= 1;
        assert_eq!(self.verify(token, &stale), Err(VerifyError::ReportDataMismatch));
        proof::note("cca", Proof::Vectors, name, 1).unwrap();
        proof::note("cca", Proof::Mutations, name, token.len()).unwrap();
        claims
    }
}

#[test]
fn the_first_published_token_verifies_and_no_changed_one_does() {
    let Some(vector) = first() else { return };
    let claims = vector.check("ccatoken-01", &[0xab; 64]);
    let platform = &claims.claims()["platform"];
    assert_eq!(
        platform["cca-platform-profile"],
        json!("http://arm.com/CCA-SSD/1.0.0")
    );
    assert_eq!(platform["cca-platform-lifecycle"], json!(0x3003));
    assert_eq!(platform["cca-platform-service-indicator"], json!("whatever.com"));
    assert_eq!(
        platform["cca-platform-sw-components"].as_array().unwrap().len(),
        4
    );
    let appraisal = &claims.claims()["appraisal"]["realm"];
    assert_eq!(*appraisal, json!({"instance-identity": 2, "executables": 2}));
}

#[test]
fn the_second_published_token_verifies_and_no_changed_one_does() {
    let Some(mut vector) = second() else { return };
    let claims = vector.check("ccatoken-02", &[*b"AB"; 32].concat().try_into().unwrap());
    assert_eq!(claims.claims()["appraisal"]["realm"]["executables"], json!(3));
    let Some(bad) = json_file("ta-02-bad.json") else {
        return;
    };
    vector.anchors = bad;
    let outcome = vector.verify(&vector.token, &[*b"AB"; 32].concat());
    assert_eq!(outcome, refused(CcaError::PlatformSignature));
}

#[test]
fn the_published_tokens_need_what_vouches_for_them() {
    let (Some(first), Some(second)) = (first(), second()) else {
        return;
    };
    let crossed = Vector {
        anchors: second.anchors,
        ..first
    };
    assert!(matches!(
        crossed.verify(&crossed.token, &[0xab; 64]),
        Err(VerifyError::Cca(CcaError::UnknownPlatform { .. }))
    ));
    let unappraised = Vector {
        anchors: crossed.anchors,
        values: crossed.values,
        token: second.token,
    };
    assert!(matches!(
        unappraised.verify(&unappraised.token, &[*b"AB"; 32].concat()),
        Err(VerifyError::Cca(CcaError::UnknownImplementation { .. }))
    ));
}

#[test]
fn the_published_claims_are_read_and_the_incomplete_ones_refused() {
    let Some(platform) = file("platform-claims.cbor") else {
        return;
    };
    assert!(PlatformClaims::parse(&platform).is_ok());
    for good in [
        "realm-claims.cbor",
        "realm-claims+spurious-numeric-key.cbor",
        "realm-claims+spurious-text-key.cbor",
    ] {
        let realm = RealmClaims::parse(&file(good).unwrap()).unwrap();
        assert_eq!((realm.challenge, realm.profile), ([0xab; 64], None), "{good}");
    }
    let incomplete = RealmClaims::parse(&file("realm-claims-missing-challenge.cbor").unwrap());
    let missing = CcaError::MissingClaim {
        token: CcaToken::Realm,
        claim: "challenge",
    };
    assert_eq!(incomplete.err(), Some(missing));
}

#[test]
fn the_published_trust_anchors_are_read() {
    for name in ["ta.json", "ta-02-ok.json", "ta-02-bad.json"] {
        let Some(anchors) = file(name) else { return };
        assert_eq!(CcaStores::default().load(&anchors, b"{}"), Ok(()), "{name}");
    }
}
