//! Good tokens, and what a policy sees of them.

use super::*;
use crate::{Tee, TeeClass};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simulated_tee::cca::Curve;

#[test]
fn claims_have_the_names_and_types_that_policies_read() {
    let claims = verify(&good()).unwrap();
    let b64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let register = |value: &[u8]| {
        let mut register = value.to_vec();
        register.resize(64, 0);
        register
    };
    let challenge = register(&REPORT_DATA);
    let personalization = register(&INIT_DATA);
    let rak = MACHINE.rak().cose().unwrap();
    assert_eq!(
        Value::from(claims.claims().clone()),
        json!({
            "platform": {
                "cca-platform-profile": "tag:arm.com,2023:cca_platform#1.0.0",
                "cca-platform-challenge": b64(ring::digest::digest(&ring::digest::SHA256, &rak).as_ref()),
                "cca-platform-implementation-id": b64(&Platform::IMPLEMENTATION_ID),
                "cca-platform-instance-id": b64(&MACHINE.instance_id()),
                "cca-platform-config": "z8/Pzw==",
                "cca-platform-lifecycle": 0x3003,
                "cca-platform-lifecycle-state": "secured",
                "cca-platform-sw-components": [
                    {
                        "measurement-type": "BL",
                        "measurement-value": b64(&[0xb1; 32]),
                        "version": "3.4.2",
                        "signer-id": b64(&[0x51; 32]),
                        "measurement-description": "sha-256",
                    },
                    {
                        "measurement-type": "RMM",
                        "measurement-value": b64(&[0xb2; 32]),
                        "version": "1.0",
                        "signer-id": b64(&[0x51; 32]),
                        "measurement-description": "sha-256",
                    },
                ],
                "cca-platform-service-indicator": "https://verifier.example",
                "cca-platform-hash-algo-id": "sha-256",
            },
            "realm": {
                "cca-realm-profile": "tag:arm.com,2023:realm#1.0.0",
                "cca-realm-challenge": b64(&challenge),
                "cca-realm-personalization-value": b64(&personalization),
                "cca-realm-initial-measurement": b64(&Platform::INITIAL_MEASUREMENT),
                "cca-realm-extensible-measurements": Platform::EXTENSIBLE_MEASUREMENTS.map(|value| b64(&value)),
                "cca-realm-hash-algo-id": "sha-256",
                "cca-realm-public-key": b64(&rak),
                "cca-realm-public-key-hash-algo-id": "sha-256",
            },
            "appraisal": {
                "platform": {
                    "instance-identity": 2,
                    "configuration": 2,
                    "executables": 3,
                    "hardware": 2,
                    "runtime-opaque": 32,
                },
                "realm": {"instance-identity": 2, "executables": 2},
            },
        })
    );
    assert_eq!(claims.report_data(), Some(hex::encode(challenge).as_str()));
    assert_eq!(claims.init_data(), Some(hex::encode(personalization).as_str()));
    assert_eq!((claims.tee(), claims.class()), (Tee::Cca, TeeClass::Cpu));
}

#[test]
fn tokens_of_every_form_verify() {
    for form in Form::ALL {
        let claims = verify(&builder(form).sign().unwrap()).unwrap();
        let realm = &claims.claims()["realm"];
        assert_eq!(
            realm.get("cca-realm-profile").is_some(),
            form != Form::Early,
            "{form:?}"
        );
        assert_eq!(realm.get("cca-realm-mec-policy").is_some(), form == Form::Draft3);
        assert_eq!(realm.get("cca-realm-instance-id").is_some(), form == Form::Draft3);
    }
}

#[test]
fn a_platform_may_sign_with_either_curve() {
    for curve in [Curve::P256, Curve::P384] {
        let machine = Platform::generate(curve).unwrap();
        let token = machine.token(Form::Version1).unwrap().challenge(&REPORT_DATA);
        let token = token.personalization_value(&INIT_DATA).sign().unwrap();
        let attempt = Attempt {
            stores: stores(&machine.trust_anchors(), &Platform::reference_values()),
            ..Attempt::new(&token)
        };
        assert!(attempt.run().is_ok(), "{curve:?}");
    }
}

#[test]
fn the_realms_key_may_be_hashed_with_any_of_the_three_functions() {
    let key = MACHINE.rak().cose().unwrap();
    for (name, algorithm) in [
        ("sha-256", &ring::digest::SHA256),
        ("sha-384", &ring::digest::SHA384),
        ("sha-512", &ring::digest::SHA512),
    ] {
        let hash = ring::digest::digest(algorithm, &key).as_ref().to_vec();
        let token = builder(Form::Version1).set(Token::Realm, 44240, name.into()).set(
            Token::Platform,
            10,
            Cbor::Bytes(hash),
        );
        assert!(verify(&token.sign().unwrap()).is_ok(), "{name}");
    }
}

#[test]
fn every_lifecycle_state_is_a_claim() {
    for (value, state) in [
        (0x00ff, "unknown"),
        (0x1000, "assembly-and-test"),
        (0x2001, "platform-rot-provisioning"),
        (0x30ff, "secured"),
        (0x4000, "non-platform-rot-debug"),
        (0x5000, "recoverable-platform-rot-debug"),
        (0x60ff, "decommissioned"),
    ] {
        let token = builder(Form::Version1).set(Token::Platform, 2395, value.into());
        let claims = verify(&token.sign().unwrap()).unwrap();
        let platform = &claims.claims()["platform"];
        assert_eq!(platform["cca-platform-lifecycle"], json!(value));
        assert_eq!(platform["cca-platform-lifecycle-state"], json!(state));
    }
}

#[test]
fn what_is_optional_may_be_missing_and_is_absent_then() {
    let component = Cbor::Map(vec![
        (2.into(), Cbor::Bytes(vec![0xb1; 32])),
        (5.into(), Cbor::Bytes(vec![0x51; 32])),
    ]);
    let token = builder(Form::Version1)
        .leave_out(Token::Platform, 2400)
        .set(Token::Platform, 2399, Cbor::Array(vec![component]))
        .sign()
        .unwrap();
    let mut values = Platform::reference_values();
    values["platform"][0]["sw-components"] = json!([
        {"measurement-value": hex::encode([0xb1; 32]), "signer-id": hex::encode([0x51; 32])},
    ]);
    let attempt = Attempt {
        stores: stores(&MACHINE.trust_anchors(), &values),
        ..Attempt::new(&token)
    };
    let claims = attempt.run().unwrap();
    let platform = claims.claims()["platform"].as_object().unwrap();
    assert!(!platform.contains_key("cca-platform-service-indicator"));
    let component = platform["cca-platform-sw-components"][0].as_object().unwrap();
    assert_eq!(
        component.keys().collect::<Vec<_>>(),
        ["measurement-value", "signer-id"]
    );
}

#[test]
fn claims_that_nobody_knows_are_passed_over() {
    for which in [Token::Platform, Token::Realm] {
        let token = builder(Form::Version1)
            .add(which, 1_234_567.into(), "unknown".into())
            .add(which, "unknown".into(), "unknown".into());
        assert!(verify(&token.sign().unwrap()).is_ok(), "{which:?}");
    }
}
