//! Tests of the guest's client against a fake KBS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::attester::SampleDeviceAttester;
use crate::binding::HashAlgorithm;
use crate::fake_kbs::{FakeKbs, NONCE, SECRET};

const QUICK: Duration = Duration::from_millis(1);
const REFUSED: &str = "Attestation error: RCAR handshake Attest failed";

fn builder(kbs: &FakeKbs) -> Builder {
    RcarClient::builder(&kbs.url).retry(3, QUICK)
}

fn uri() -> ResourceUri {
    "default/test/one".parse().unwrap()
}

fn body(kbs: &FakeKbs, path: &str) -> Value {
    let seen = kbs.seen();
    serde_json::from_slice(&seen.iter().find(|seen| seen.path == path).unwrap().body).unwrap()
}

#[tokio::test]
async fn a_guest_attests_and_opens_the_secret() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    let secret = client.get_resource(&uri()).await.unwrap();
    assert_eq!(secret.expose(), SECRET);
    assert_eq!(
        kbs.calls(),
        ["POST auth", "POST attest", "GET resource/default/test/one"]
    );
    // The session serves a second time.
    client.get_resource(&uri()).await.unwrap();
    assert_eq!(kbs.calls().len(), 4);
}

#[tokio::test]
async fn the_policy_that_a_guest_asks_for_is_in_the_extra_params_of_its_request() {
    let kbs = FakeKbs::start().await;
    builder(&kbs)
        .policy_id("strict")
        .build()
        .unwrap()
        .attest()
        .await
        .unwrap();
    assert_eq!(body(&kbs, "auth")["extra-params"]["policy-id"], "strict");
}

#[tokio::test]
async fn the_messages_are_those_of_a_recorded_handshake() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    assert_eq!(client.attest().await.unwrap(), "h.p.s");
    let hashes = ["sha256", "sha384", "sha512", "sm3"];
    let request =
        json!({"version": "0.4.0", "tee": "sample", "extra-params": {"supported-hash-algorithms": hashes}});
    assert_eq!(body(&kbs, "auth"), request);

    let key = client.tee_key().public_jwk();
    let report_data = binding::report_data(HashAlgorithm::Sha384, NONCE, &key, "").unwrap();
    let attestation = json!({
        "init-data": null,
        "runtime-data": {"nonce": NONCE, "tee-pubkey": key},
        "tee-evidence": {
            "primary_evidence": {"svn": "1", "report_data": STANDARD.encode(report_data)},
            "additional_evidence": "",
        },
    });
    assert_eq!(body(&kbs, "attest"), attestation);
}

#[tokio::test]
async fn evidence_of_devices_is_bound_to_nonce_and_key_and_the_primary_evidence_to_it() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs)
        .devices(Box::new(SampleDeviceAttester))
        .build()
        .unwrap();
    client.attest().await.unwrap();
    let key = client.tee_key().public_jwk();
    let sent = body(&kbs, "attest")["tee-evidence"].clone();

    let device_data = binding::device_report_data(HashAlgorithm::Sha384, NONCE, &key).unwrap();
    let devices = json!({"sampledevice": {"svn": "2", "report_data": STANDARD.encode(&device_data)}});
    let text = sent["additional_evidence"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), devices);
    let report_data = binding::report_data(HashAlgorithm::Sha384, NONCE, &key, text).unwrap();
    assert_eq!(
        sent["primary_evidence"]["report_data"],
        STANDARD.encode(&report_data)
    );
    assert_ne!(device_data, report_data);
}

#[tokio::test]
async fn two_attesters_for_one_kind_of_device_are_a_mistake() {
    let kbs = FakeKbs::start().await;
    let twice = builder(&kbs)
        .devices(Box::new(SampleDeviceAttester))
        .devices(Box::new(SampleDeviceAttester));
    assert!(matches!(twice.build(), Err(ClientError::Setup(_))));
}

#[tokio::test]
async fn the_hash_that_the_challenge_selects_is_used() {
    let kbs = FakeKbs::start().await;
    kbs.challenge_params(json!({"selected-hash-algorithm": "SHA256"}));
    let mut client = builder(&kbs).build().unwrap();
    client.attest().await.unwrap();
    let key = client.tee_key().public_jwk();
    let report_data = binding::report_data(HashAlgorithm::Sha256, NONCE, &key, "").unwrap();
    let sent = &body(&kbs, "attest")["tee-evidence"]["primary_evidence"]["report_data"];
    assert_eq!(sent, &json!(STANDARD.encode(report_data)));

    kbs.challenge_params(json!({"selected-hash-algorithm": "md5"}));
    assert!(matches!(client.attest().await, Err(ClientError::BadAnswer(_))));
}

#[tokio::test]
async fn init_data_is_sent_as_it_was_written_and_handed_to_the_attester() {
    struct Recorder(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl Attester for Recorder {
        fn tee(&self) -> &'static str {
            "snp"
        }
        fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, crate::attester::AttesterError> {
            *self.0.lock().unwrap() = binding.init_data.unwrap().to_vec();
            Ok(json!({}))
        }
    }
    let kbs = FakeKbs::start().await;
    let text = "version = \"0.1.0\"\nalgorithm = \"sha512\"\n\n[data]\n";
    let init_data: InitData = text.parse().unwrap();
    let seen = std::sync::Arc::default();
    let attester = Box::new(Recorder(std::sync::Arc::clone(&seen)));
    let mut client = builder(&kbs)
        .attester(attester)
        .init_data(init_data.clone())
        .build()
        .unwrap();
    client.attest().await.unwrap();
    assert_eq!(body(&kbs, "auth")["tee"], "snp");
    assert_eq!(
        body(&kbs, "attest")["init-data"],
        json!({"format": "toml", "body": text})
    );
    assert_eq!(*seen.lock().unwrap(), init_data.digest());
}

#[tokio::test]
async fn a_given_token_is_shown_and_nothing_is_attested() {
    let kbs = FakeKbs::start().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P521).unwrap();
    kbs.seal_for(key.public_key().unwrap());
    let mut client = builder(&kbs).tee_key(key).token(" h.p.s\n").build().unwrap();
    assert_eq!(client.get_resource(&uri()).await.unwrap().expose(), SECRET);
    assert_eq!(kbs.calls(), ["GET resource/default/test/one"]);
    assert_eq!(kbs.seen()[0].authorization.as_deref(), Some("Bearer h.p.s"));

    kbs.script_error("resource/", 401, "TokenVerifierError", "Token Verifier error");
    assert!(matches!(
        client.get_resource(&uri()).await,
        Err(ClientError::AttestationRefused(_))
    ));
    assert_eq!(kbs.calls().len(), 2);
}

#[tokio::test]
async fn a_denial_of_either_implementation_is_a_denial_and_is_not_retried() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    for status in [401, 403] {
        kbs.script_error("resource/", status, "PolicyDeny", "Access denied by policy");
        let error = client.get_resource(&uri()).await.unwrap_err();
        assert!(matches!(error, ClientError::Denied(_)), "{error}");
        assert!(error.to_string().contains("Access denied by policy"), "{error}");
    }
    let expected = [
        "POST auth",
        "POST attest",
        "GET resource/default/test/one",
        "GET resource/default/test/one",
    ];
    assert_eq!(kbs.calls(), expected);
}

#[tokio::test]
async fn a_missing_resource_of_either_implementation_is_missing() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    for (status, kind) in [(401, "PluginInternalError"), (404, "ResourceNotFound")] {
        kbs.script_error("resource/", status, kind, "");
        assert!(
            matches!(client.get_resource(&uri()).await, Err(ClientError::NotFound(_))),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn refused_evidence_is_not_retried() {
    let kbs = FakeKbs::start().await;
    kbs.script_error("attest", 401, "AttestationError", REFUSED);
    let error = builder(&kbs)
        .build()
        .unwrap()
        .get_resource(&uri())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::AttestationRefused(_)), "{error}");
    assert_eq!(kbs.calls(), ["POST auth", "POST attest"]);
}

#[tokio::test]
async fn a_forgotten_session_is_made_anew_once_and_never_in_a_circle() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    client.get_resource(&uri()).await.unwrap();
    kbs.script_error("resource/", 401, "TokenNotFound", "Attestation Token not found");
    assert_eq!(client.get_resource(&uri()).await.unwrap().expose(), SECRET);
    let handshakes = |kbs: &FakeKbs| kbs.calls().iter().filter(|call| *call == "POST attest").count();
    assert_eq!(handshakes(&kbs), 2);

    for _ in 0..10 {
        kbs.script_error("resource/", 401, "TokenNotFound", "Attestation Token not found");
    }
    assert!(matches!(
        client.get_resource(&uri()).await,
        Err(ClientError::AttestationRefused(_))
    ));
    assert_eq!(handshakes(&kbs), 3);
    assert_eq!(
        kbs.calls().iter().filter(|call| call.starts_with("GET")).count(),
        5
    );
}

#[tokio::test]
async fn an_overloaded_kbs_is_tried_again_a_bounded_number_of_times() {
    let kbs = FakeKbs::start().await;
    kbs.script_with("auth", 503, &[("retry-after", "0")], "");
    kbs.script_with("resource/", 429, &[("retry-after", "0")], "");
    let mut client = builder(&kbs).build().unwrap();
    assert_eq!(client.get_resource(&uri()).await.unwrap().expose(), SECRET);
    assert_eq!(kbs.calls().len(), 5);
    for _ in 0..10 {
        kbs.script_with("auth", 503, &[("retry-after", "0")], "");
    }
    assert!(matches!(client.attest().await, Err(ClientError::Unavailable(_))));
    assert_eq!(kbs.calls().len(), 8);
}

#[tokio::test]
async fn a_kbs_that_is_down_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = RcarClient::builder(url.clone())
        .retry(2, QUICK)
        .build()
        .unwrap()
        .attest()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn answers_that_no_kbs_gives_are_errors() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    for (path, body) in [("auth", "{}"), ("auth", "x"), ("attest", "{}"), ("attest", "")] {
        kbs.script_with(path, 200, &[("set-cookie", "kbs-session-id=a")], body);
        assert!(
            matches!(client.attest().await, Err(ClientError::BadAnswer(_))),
            "{path} {body}"
        );
    }
    kbs.script("auth", 200, r#"{"nonce":"a","extra-params":""}"#);
    assert!(matches!(client.attest().await, Err(ClientError::BadAnswer(_))));
    kbs.script("resource/", 200, "a secret in the clear");
    assert!(matches!(
        client.get_resource(&uri()).await,
        Err(ClientError::BadAnswer(_))
    ));
    kbs.script_with("resource/", 307, &[("location", "http://127.0.0.1:1/")], "");
    assert!(matches!(
        client.get_resource(&uri()).await,
        Err(ClientError::Rejected(_))
    ));
}

#[tokio::test]
async fn a_secret_for_another_key_is_not_opened() {
    let kbs = FakeKbs::start().await;
    let mut client = builder(&kbs).build().unwrap();
    client.attest().await.unwrap();
    kbs.seal_for(
        TeePrivateKey::generate(TeeKeyKind::P256)
            .unwrap()
            .public_key()
            .unwrap(),
    );
    assert!(matches!(
        client.get_resource(&uri()).await,
        Err(ClientError::Seal(_))
    ));
}

#[test]
fn a_token_that_cannot_be_a_header_is_refused() {
    for token in ["", " ", "a b", "a\r\nx: y"] {
        let built = RcarClient::builder("http://127.0.0.1").token(token).build();
        assert!(matches!(built, Err(ClientError::Setup(_))), "{token:?}");
    }
}
