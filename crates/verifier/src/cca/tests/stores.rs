//! What the operator vouches for.

use super::*;
use crate::cca::CcaStoreError;

/// The outcome of a good token under these reference values.
fn with_values(values: &Value) -> Result<VerifiedClaims, VerifyError> {
    let token = good();
    Attempt {
        stores: stores(&MACHINE.trust_anchors(), values),
        ..Attempt::new(&token)
    }
    .run()
}

#[test]
fn an_implementation_without_reference_values_is_refused() {
    let unknown = CcaError::UnknownImplementation {
        implementation_id: hex::encode(Platform::IMPLEMENTATION_ID),
    };
    assert_eq!(with_values(&json!({})), refused(unknown.clone()));
    let mut values = Platform::reference_values();
    values["platform"][0]["implementation-id"] = json!("00".repeat(32));
    assert_eq!(with_values(&values), refused(unknown));
}

#[test]
fn a_platform_in_another_state_is_refused() {
    let changes: [(&str, Value); 8] = [
        ("/platform-configuration", json!("cfcfcf")),
        ("/sw-components/0/measurement-value", json!("b2".repeat(32))),
        ("/sw-components/1/signer-id", json!("52".repeat(32))),
        ("/sw-components/1/version", json!("1.1")),
        ("/sw-components/0/component-type", json!("BL2")),
        ("/sw-components", json!([])),
        ("/sw-components", {
            let mut components = Platform::reference_values()["platform"][0]["sw-components"].clone();
            components.as_array_mut().unwrap().reverse();
            components
        }),
        ("/sw-components", {
            let mut components = Platform::reference_values()["platform"][0]["sw-components"].clone();
            let again = components[0].clone();
            components.as_array_mut().unwrap().push(again);
            components
        }),
    ];
    for (path, value) in changes {
        let mut values = Platform::reference_values();
        *values["platform"][0].pointer_mut(path).unwrap() = value;
        assert_eq!(
            with_values(&values),
            refused(CcaError::PlatformMismatch),
            "{path}"
        );
        // Another good state beside it makes up for it.
        let good = Platform::reference_values()["platform"][0].clone();
        values["platform"].as_array_mut().unwrap().push(good);
        assert!(with_values(&values).is_ok(), "{path}");
    }
}

#[test]
fn a_component_may_name_its_hash_function_and_leave_out_what_it_likes() {
    let mut values = Platform::reference_values();
    let component = values["platform"][0]["sw-components"][0].as_object_mut().unwrap();
    component.remove("version");
    component.remove("component-type");
    component.insert("hash-algo-id".to_owned(), json!("sha-256"));
    assert!(with_values(&values).is_ok());
    values["platform"][0]["sw-components"][0]["hash-algo-id"] = json!("sha-512");
    assert_eq!(with_values(&values), refused(CcaError::PlatformMismatch));
}

#[test]
fn how_far_the_realm_matches_is_a_claim() {
    let outcome = |values: &Value| {
        let claims = with_values(values).unwrap();
        claims.claims()["appraisal"]["realm"]["executables"].clone()
    };
    let mut values = Platform::reference_values();
    assert_eq!(outcome(&values), json!(2));
    let other = json!(["00".repeat(32), "00".repeat(32), "00".repeat(32), "00".repeat(32)]);
    values["realm"][0]["extensible-measurements"] = other;
    assert_eq!(outcome(&values), json!(96));
    let good = Platform::reference_values()["realm"][0].clone();
    values["realm"].as_array_mut().unwrap().push(good);
    assert_eq!(outcome(&values), json!(2));
    values["realm"] = Platform::reference_values()["realm"].clone();
    values["realm"][0]
        .as_object_mut()
        .unwrap()
        .remove("extensible-measurements");
    assert_eq!(outcome(&values), json!(3));
    values["realm"][0]["initial-measurement"] = json!("00".repeat(32));
    assert_eq!(outcome(&values), json!(-97));
    values.as_object_mut().unwrap().remove("realm");
    assert_eq!(outcome(&values), json!(-97));
}

#[test]
fn stores_can_be_replaced_and_bad_ones_change_nothing() {
    let token = good();
    let stores = CcaStores::default();
    let attempt = Attempt {
        stores: stores.clone(),
        ..Attempt::new(&token)
    };
    assert_eq!(attempt.run(), refused(CcaError::NotConfigured));
    stores.cannot_be_had("a file is missing");
    let refusal = attempt.run();
    assert_eq!(
        refusal,
        refused(CcaError::NotUsable("a file is missing".to_owned()))
    );
    assert_eq!(refusal.unwrap_err().class(), crate::Fault::Operator);
    let anchors = MACHINE.trust_anchors().to_string();
    let values = Platform::reference_values().to_string();
    stores.load(anchors.as_bytes(), values.as_bytes()).unwrap();
    assert!(attempt.run().is_ok());
    assert!(stores.load(b"{", values.as_bytes()).is_err());
    stores.cannot_be_had("a file is malformed");
    assert!(stores.load(anchors.as_bytes(), br#"{"realm": 1}"#).is_err());
    assert!(attempt.run().is_ok());
    stores.load(b"[]", values.as_bytes()).unwrap();
    assert!(matches!(
        attempt.run(),
        Err(VerifyError::Cca(CcaError::UnknownPlatform { .. }))
    ));
}

#[test]
fn a_bad_store_is_refused_with_its_reason() {
    let good = MACHINE.trust_anchors();
    let changed = |path: &str, value: Value| {
        let mut anchors = good.clone();
        *anchors.pointer_mut(path).unwrap() = value;
        CcaStores::default()
            .load(anchors.to_string().as_bytes(), b"{}")
            .unwrap_err()
    };
    let instance = hex::encode(MACHINE.instance_id());
    for (path, value) in [
        ("/0/pkey/kty", json!("RSA")),
        ("/0/pkey/crv", json!("P-256")),
        ("/0/pkey/crv", json!("P-521")),
        ("/0/pkey/x", json!("AAAA")),
        ("/0/pkey/y", json!("%")),
    ] {
        assert_eq!(
            changed(path, value),
            CcaStoreError::Key(instance.clone()),
            "{path}"
        );
    }
    for (path, value) in [
        ("/0/instance-id", json!("01")),
        ("/0/instance-id", json!("zz".repeat(33))),
        ("/0/implementation-id", json!("00".repeat(33))),
        ("/0/implementation-id", Value::Null),
        ("/0/pkey", json!("-----BEGIN PUBLIC KEY-----")),
        ("", json!({})),
    ] {
        assert!(
            matches!(changed(path, value), CcaStoreError::TrustAnchors(_)),
            "{path}"
        );
    }
    let twice = json!([good[0], good[0]]);
    assert_eq!(
        CcaStores::default().load(twice.to_string().as_bytes(), b"{}"),
        Err(CcaStoreError::Duplicate(instance))
    );
    let mut wrong_alg = good.clone();
    wrong_alg[0]["pkey"]["alg"] = json!("ES256");
    assert!(
        CcaStores::default()
            .load(wrong_alg.to_string().as_bytes(), b"{}")
            .is_err()
    );
}
