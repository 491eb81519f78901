//! Tests of the administrator's client against a fake KBS.

use jose::SigningKey;

use super::*;
use crate::fake_kbs::FakeKbs;

fn client(kbs: &FakeKbs) -> AdminClient {
    AdminClient::new(&kbs.url, &[], AdminCredential::token("h.p.s").unwrap()).unwrap()
}

fn last(kbs: &FakeKbs) -> (String, String, Value) {
    let seen = kbs.seen().pop().unwrap();
    let body = serde_json::from_slice(&seen.body).unwrap_or(Value::Null);
    (
        format!("{} {}", seen.method, seen.path),
        seen.authorization.unwrap_or_default(),
        body,
    )
}

#[tokio::test]
async fn every_call_is_the_documented_one() {
    let kbs = FakeKbs::start().await;
    let client = client(&kbs);
    let uri: ResourceUri = "kbs:///default/key/1".parse().unwrap();
    let bearer = || "Bearer h.p.s".to_owned();

    client.set_resource(&uri, b"\0content".to_vec()).await.unwrap();
    let seen = kbs.seen().pop().unwrap();
    assert_eq!(
        (seen.content_type.as_deref(), seen.body.as_slice()),
        (Some("application/octet-stream"), &b"\0content"[..])
    );
    assert_eq!(
        last(&kbs),
        ("POST resource/default/key/1".into(), bearer(), Value::Null)
    );

    client.delete_resource(&uri).await.unwrap();
    assert_eq!(
        last(&kbs),
        ("DELETE resource/default/key/1".into(), bearer(), Value::Null)
    );

    client
        .set_resource_policy(b"package policy", false)
        .await
        .unwrap();
    let policy = "cGFja2FnZSBwb2xpY3k";
    assert_eq!(
        last(&kbs),
        ("POST resource-policy".into(), bearer(), json!({"policy": policy}))
    );

    client
        .set_attestation_policy("default_gpu", "rego", b"package policy", false)
        .await
        .unwrap();
    let text = format!(r#"{{"type":"rego","policy_id":"default_gpu","policy":"{policy}"}}"#);
    assert_eq!(kbs.seen().pop().unwrap().body, text.as_bytes());

    client
        .set_sample_reference_value("svn", &json!(["1"]))
        .await
        .unwrap();
    let message =
        json!({"version": "0.1.0", "type": "sample", "payload": STANDARD.encode(r#"{"svn":["1"]}"#)});
    assert_eq!(last(&kbs), ("POST reference-value".into(), bearer(), message));

    kbs.script("reference-value/", 200, r#"["1"]"#);
    assert_eq!(client.get_reference_value("a b/ü").await.unwrap(), r#"["1"]"#);
    assert_eq!(last(&kbs).0, "GET reference-value/a%20b/%C3%BC");
}

#[tokio::test]
async fn lists_and_policies_are_read_in_the_forms_they_come_in() {
    let kbs = FakeKbs::start().await;
    let client = client(&kbs);
    let entry = |id: &str, digest: Option<&str>| ListEntry {
        id: id.into(),
        digest: digest.map(Into::into),
        scope: None,
        version: None,
        broken: None,
    };
    kbs.script("resource-policy", 200, r#"["resource-policy"]"#);
    assert_eq!(
        client.list_resource_policies().await.unwrap(),
        [entry("resource-policy", None)]
    );
    kbs.script(
        "attestation-policy",
        200,
        r#"[{"policy_id":"default_cpu","digest":"ab"}]"#,
    );
    assert_eq!(
        client.list_attestation_policies().await.unwrap(),
        [entry("default_cpu", Some("ab"))]
    );
    kbs.script("resource", 200, r#"["default/key/1","default/key/2"]"#);
    assert_eq!(client.list_resources().await.unwrap().len(), 2);
    kbs.script("reference-value", 200, r#"{"svn":["1"]}"#);
    assert_eq!(client.list_reference_values().await.unwrap()["svn"], json!(["1"]));
    kbs.script("reference-value", 200, "text");
    assert!(matches!(
        client.list_reference_values().await,
        Err(ClientError::BadAnswer(_))
    ));

    let body = json!({"policy_id": "resource-policy", "policy": "cGFja2FnZSBwb2xpY3k", "dialect": {"rego": "v1"}, "digest": "ab", "asks_for_affirming": true});
    kbs.script("resource-policy/resource-policy", 200, body.to_string());
    let policy = client.get_resource_policy("resource-policy").await.unwrap();
    assert_eq!(
        (policy.text().unwrap().as_str(), policy.digest.as_deref()),
        ("package policy", Some("ab"))
    );
    kbs.script("attestation-policy/", 200, r#"{"policy":"**"}"#);
    assert!(client.get_attestation_policy("x").await.unwrap().text().is_err());
}

#[tokio::test]
async fn a_key_signs_a_token_for_each_call() {
    let kbs = FakeKbs::start().await;
    let key = SigningKey::generate_ed25519().unwrap();
    let admin = AdminKey::from_pem(key.private_key_pem().unwrap().as_bytes()).unwrap();
    let client = AdminClient::new(&kbs.url, &[], AdminCredential::Key(Box::new(admin))).unwrap();
    client.set_resource_policy(b"", false).await.unwrap();
    let (_, authorization, _) = last(&kbs);
    let token = jose::UnverifiedToken::parse(authorization.strip_prefix("Bearer ").unwrap()).unwrap();
    assert!(token.verify(&key.verification_key()).is_ok());
}

#[tokio::test]
async fn nothing_but_200_is_a_good_answer() {
    let kbs = FakeKbs::start().await;
    let client = client(&kbs);
    for status in [201, 202, 204, 302] {
        kbs.script("resource-policy", status, "");
        let answer = client.set_resource_policy(b"", false).await;
        assert!(answer.is_err(), "{status}");
    }
    client.set_resource_policy(b"", false).await.unwrap();
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let kbs = FakeKbs::start().await;
    let client = client(&kbs);
    let denied = "failed to initialize [admin] configuration: Admin access denied: Cannot verify token with any of the issuers";
    for (status, kind) in [
        (401, "AdminAuthInitialization"),
        (401, "AdminAuthAccess"),
        (403, "AdminAuthAccess"),
    ] {
        kbs.script_error("resource-policy", status, kind, denied);
        let error = client.set_resource_policy(b"", false).await.unwrap_err();
        assert!(matches!(error, ClientError::Unauthorized(_)), "{error}");
    }
    kbs.script_error(
        "resource-policy",
        401,
        "PolicyEngineError",
        "Policy engine error: Failed to load policy",
    );
    assert!(matches!(
        client.set_resource_policy(b"", false).await,
        Err(ClientError::Rejected(_))
    ));
    assert!(matches!(
        client.list_attestation_policies().await,
        Err(ClientError::NotFound(_))
    ));
    kbs.script("resource-policy", 413, "payload reached size limit");
    let error = client.set_resource_policy(b"", false).await.unwrap_err();
    assert!(
        error.to_string().contains("payload reached size limit"),
        "{error}"
    );
}

#[tokio::test]
async fn an_id_that_could_leave_its_path_is_not_sent() {
    let kbs = FakeKbs::start().await;
    for id in ["", "..", "a/../b", "/a", "a/"] {
        assert!(
            matches!(
                client(&kbs).get_reference_value(id).await,
                Err(ClientError::Setup(_))
            ),
            "{id}"
        );
    }
    assert!(kbs.seen().is_empty());
}

#[tokio::test]
async fn warnings_come_back_and_a_kbs_that_does_not_check_is_found_out() {
    let kbs = FakeKbs::start().await;
    let client = client(&kbs);
    kbs.script(
        "attestation-policy",
        200,
        r#"{"policy_id":"a_cpu","version":3,"warnings":["w"]}"#,
    );
    let set = client
        .set_attestation_policy("a_cpu", "rego", b"x", true)
        .await
        .unwrap();
    assert_eq!((set.version, set.warnings), (Some(3), vec!["w".to_owned()]));
    assert_eq!(last(&kbs).0, "POST attestation-policy?strict=true");
    // As the existing implementation answers.
    let set = client
        .set_attestation_policy("a_cpu", "rego", b"x", false)
        .await
        .unwrap();
    assert_eq!(set, PolicyChanged::default());
    let error = client
        .set_attestation_policy("a_cpu", "rego", b"x", true)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("unchecked"), "{error}");
}

#[tokio::test]
async fn a_deletion_says_whether_the_shipped_policy_is_back() {
    let kbs = FakeKbs::start().await;
    let client = client(&kbs);
    for (answer, restored) in [
        ("", false),
        (r#"{"restored":false}"#, false),
        (r#"{"restored":true}"#, true),
    ] {
        kbs.script("attestation-policy/", 200, answer);
        let deleted = client
            .delete_policy(PolicyKind::Attestation, "a_cpu")
            .await
            .unwrap();
        assert_eq!(deleted, restored, "{answer}");
        assert_eq!(last(&kbs).0, "DELETE attestation-policy/a_cpu");
    }
}
