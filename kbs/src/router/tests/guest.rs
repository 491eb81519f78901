//! What an attested guest gets, and what it does not.

use axum::http::{StatusCode, header};
use jose::Jwe;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use kbs_types::Tee;
use serde_json::json;

use crate::testing::{ALLOW_AFFIRMING, Answer, Bench, NOW};

const PATH: &str = "resource/default/test/one";
const SECRET: &[u8] = b"canary-secret";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    let answer = bench.administer("POST", PATH, SECRET).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/xml");
    bench
}

fn open(answer: &Answer, key: &TeePrivateKey) -> Vec<u8> {
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let sealed: Jwe = serde_json::from_slice(&answer.body).unwrap();
    jose::jwe::open(&sealed, key).unwrap().expose().to_vec()
}

#[tokio::test]
async fn a_guest_opens_its_secret_by_session_or_by_bearer_token() {
    let bench = bench().await;
    let (cookie, key, token) = bench.attested("snp").await;
    let by_session = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(open(&by_session, &key), SECRET);
    let bearer = format!("Bearer {token}");
    let by_token = bench.call("GET", PATH, &[("authorization", &bearer)], "").await;
    assert_eq!(open(&by_token, &key), SECRET);
    assert!(!by_token.body.windows(6).any(|window| window == b"canary"));
}

#[tokio::test]
async fn an_encoded_path_names_the_same_resource() {
    let bench = bench().await;
    let (cookie, key, _) = bench.attested("snp").await;
    let answer = bench
        .call("GET", "resource/default%2Ftest/%6fne", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(open(&answer, &key), SECRET);
}

#[tokio::test]
async fn nobody_gets_anything_without_an_attested_session_or_a_token() {
    let bench = bench().await;
    let (challenged, _) = bench.challenge("snp").await;
    let unknown = format!("kbs-session-id={}", "0".repeat(32));
    for cookie in ["", "kbs-session-id=deadbeef", &unknown, &challenged] {
        let answer = bench.call("GET", PATH, &[("cookie", cookie)], "").await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::UNAUTHORIZED, "TokenNotFound".into()),
            "{cookie}"
        );
        assert_eq!(answer.json()["detail"], "Attestation Token not found");
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused() {
    let bench = bench().await;
    let (_, _, token) = bench.attested("snp").await;
    let broken = format!("{}A", &token[..token.len() - 2]);
    let foreign = Bench::new().await.attested("snp").await.2;
    let admin = bench
        .admin_key
        .sign_compact(&json!({ "alg": "EdDSA" }), &json!({ "exp": NOW + 9 }))
        .unwrap();
    for token in ["abc", "", &broken, &foreign, &admin] {
        let bearer = format!("Bearer {token}");
        let answer = bench.call("GET", PATH, &[("authorization", &bearer)], "").await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::UNAUTHORIZED, "TokenVerifierError".into()),
            "{token}"
        );
    }
}

#[tokio::test]
async fn an_expired_session_or_token_releases_nothing() {
    let bench = bench().await;
    let (cookie, _, token) = bench.attested("snp").await;
    bench.clock.advance(300 + 61);
    let answer = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(answer.error(), "TokenNotFound");
    let bearer = format!("Bearer {token}");
    let answer = bench.call("GET", PATH, &[("authorization", &bearer)], "").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::UNAUTHORIZED, "TokenVerifierError".into())
    );
}

#[tokio::test]
async fn a_policy_that_says_no_is_a_denial_whether_the_resource_exists_or_not() {
    let bench = bench().await;
    bench.set_policy(policy::defaults::DENY_ALL).await;
    let (cookie, _, _) = bench.attested("snp").await;
    for path in [PATH, "resource/default/test/none"] {
        let answer = bench.call("GET", path, &[("cookie", &cookie)], "").await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::FORBIDDEN, "PolicyDeny".into())
        );
        assert_eq!(answer.json()["detail"], "Access denied by policy");
    }
}

#[tokio::test]
async fn the_default_policy_refuses_the_sample_tee() {
    let bench = Bench::new().await;
    bench.administer("POST", PATH, SECRET).await;
    let (cookie, _, _) = bench.attested("sample").await;
    let answer = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_missing_resource_and_a_malformed_name_are_told_apart() {
    let bench = bench().await;
    let (cookie, _, _) = bench.attested("snp").await;
    let answer = bench
        .call("GET", "resource/default/test/none", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::NOT_FOUND, "ResourceNotFound".into())
    );
    for path in [
        "resource/default/test",
        "resource/a/b/c/d",
        "resource/.a/b/c",
        "resource/a%5cb/c/d",
    ] {
        let answer = bench.call("GET", path, &[("cookie", &cookie)], "").await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::BAD_REQUEST, "InvalidRequestPath".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_for_another_key_than_the_guests_releases_nothing() {
    let bench = bench().await;
    let other = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    *bench.attestation.other_key.lock().unwrap() = Some(serde_json::to_value(other.public_jwk()).unwrap());
    let (cookie, _, _) = bench.attested("snp").await;
    let answer = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::UNAUTHORIZED, "TokenVerifierError".into())
    );
}

#[tokio::test]
async fn each_kind_of_guest_key_opens_its_secret() {
    let bench = bench().await;
    for kind in [TeeKeyKind::P521, TeeKeyKind::P256] {
        let key = TeePrivateKey::generate(kind).unwrap();
        let runtime = json!({ "tee-pubkey": key.public_jwk() }).to_string();
        let bearer = format!("Bearer {}", bench.attestation.token(Tee::Snp, &runtime));
        let answer = bench.call("GET", PATH, &[("authorization", &bearer)], "").await;
        assert_eq!(open(&answer, &key), SECRET);
    }
}

#[tokio::test]
async fn the_query_reaches_the_policy() {
    let bench = bench().await;
    bench
        .set_policy("package policy\nimport rego.v1\ndefault allow := false\nallow if data.query.x == \"2\"")
        .await;
    let (cookie, key, _) = bench.attested("snp").await;
    let answer = bench
        .call("GET", &format!("{PATH}?x=1&x=2"), &[("cookie", &cookie)], "")
        .await;
    assert_eq!(open(&answer, &key), SECRET);
    let answer = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}
