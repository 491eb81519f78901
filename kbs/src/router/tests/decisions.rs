//! What is recorded of attestations and releases, and what an administrator sees of it.

use axum::http::StatusCode;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use serde_json::{Value, json};

use crate::testing::{ALLOW_AFFIRMING, Answer, Bench, attestation};

const PATH: &str = "resource/default/test/one";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    bench.administer("POST", PATH, "canary-secret").await;
    bench
}

async fn shown(bench: &Bench, id: &Value) -> Value {
    bench.kbs.decisions.reached().await;
    let answer = bench
        .administer("GET", &format!("decisions/{}", id.as_str().unwrap()), "")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.json()
}

async fn listed(bench: &Bench, query: &str) -> Vec<Value> {
    bench.kbs.decisions.reached().await;
    let answer = bench.administer("GET", &format!("decisions?{query}"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{query}");
    answer.json()["decisions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_guest_that_is_denied_is_told_an_id_and_the_administrator_finds_why() {
    let bench = bench().await;
    bench.set_policy(policy::defaults::DENY_ALL).await;
    let (cookie, ..) = bench.attested("snp").await;
    let answer = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(answer.error(), "PolicyDeny");
    let body = answer.json();
    assert_eq!(body["detail"], "Access denied by policy");
    let shown = shown(&bench, &body["decision"]).await;
    let decision = &shown["decision"];
    assert_eq!(decision["id"], body["decision"]);
    assert_eq!(
        (&decision["kind"], &decision["verdict"]),
        (&json!("release"), &json!("denied"))
    );
    assert_eq!(decision["resource"], PATH);
    assert_eq!(decision["policies"][0]["id"], "resource-policy");
    assert_eq!(
        decision["policies"][0]["digest"],
        bench.kbs.policy.active().digest()
    );
    assert_eq!(decision["devices"]["cpu0"]["status"], "affirming");
    assert_eq!(shown["attestation"]["id"], decision["attestation"]);
    assert_eq!(shown["attestation"]["tee"], "snp");
    assert!(shown.get("claims").is_none());
}

#[tokio::test]
async fn a_denial_is_recorded_with_the_condition_that_did_not_hold() {
    let bench = bench().await;
    let typo = "package policy\nallow if input.submods.cpu0[\"ear.status\"] == \"afirming\"";
    bench.set_policy(typo).await;
    let (cookie, ..) = bench.attested("snp").await;
    let answer = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    let body = answer.json();
    assert!(!body.to_string().contains("afirming"), "{body}");
    let decision = &shown(&bench, &body["decision"]).await["decision"];
    let failed = &decision["explanation"]["denied"][0];
    assert_eq!(failed["condition"]["line"], 2, "{decision}");
    assert!(
        failed["expected"].as_str().unwrap().contains("\"afirming\""),
        "{failed}"
    );
    assert!(
        failed["came"].as_str().unwrap().contains("\"affirming\""),
        "{failed}"
    );
}

#[tokio::test]
async fn evidence_that_does_not_hold_is_recorded_with_the_check_that_failed() {
    let bench = bench().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("tdx").await;
    let spoiled = attestation(&nonce, &key).replace("true", "false");
    let answer = bench.attest(&cookie, &spoiled).await;
    assert_eq!(
        (answer.status, answer.error()),
        (StatusCode::UNAUTHORIZED, "AttestationError".into())
    );
    let body = answer.json();
    // The guest learns the class and the id, no more.
    assert_eq!(body["detail"], "Attestation error: RCAR handshake Attest failed");
    let decision = &shown(&bench, &body["decision"]).await["decision"];
    assert_eq!(
        (&decision["verdict"], &decision["tee"]),
        (&json!("refused"), &json!("tdx"))
    );
    assert_eq!(
        (&decision["class"], &decision["reason"]),
        (&json!("AttestationError"), &json!("report data: mismatch"))
    );
    assert_eq!(
        decision["failed_check"],
        json!({
            "tee": "tdx", "check": "report-data-mismatch", "fault": "attester", "expected": "the hash",
            "came": "another", "advice": "Begin anew.",
        })
    );

    bench
        .attestation
        .down
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let (cookie, nonce) = bench.challenge("tdx").await;
    let answer = bench.attest(&cookie, &attestation(&nonce, &key)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    let decision = &shown(&bench, &answer.json()["decision"]).await["decision"];
    assert_eq!(decision["verdict"], "failed");
}

#[tokio::test]
async fn a_session_that_does_not_hold_is_recorded_with_the_check_that_failed() {
    let bench = bench().await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("snp").await;
    let other = bench.attest(&cookie, &attestation("b3RoZXI=", &key)).await;
    let again = bench.attest(&cookie, &attestation(&nonce, &key)).await;
    let none = bench.call("POST", "attest", &[], attestation(&nonce, &key)).await;
    for (answer, check, tee) in [
        (other, "nonce", json!("snp")),
        (again, "session", Value::Null),
        (none, "session-cookie", Value::Null),
    ] {
        let body = answer.json();
        assert!(!body.to_string().contains("came"), "{body}");
        let decision = &shown(&bench, &body["decision"]).await["decision"];
        let failed = &decision["failed_check"];
        assert_eq!((&failed["check"], &failed["tee"]), (&json!(check), &tee));
        assert_eq!(failed["fault"], "attester");
        for text in ["expected", "came", "advice"] {
            assert!(!failed[text].as_str().unwrap().is_empty(), "{failed}");
        }
        assert!(!decision.to_string().contains(&nonce), "{decision}");
    }
}

#[tokio::test]
async fn each_release_is_recorded_however_it_ends() {
    let bench = bench().await;
    let (cookie, _, token) = bench.attested("snp").await;
    let get = |path: &'static str, name: &'static str, value: String| {
        let bench = &bench;
        async move { bench.call("GET", path, &[(name, value.as_str())], "").await }
    };
    get(PATH, "cookie", cookie.clone()).await;
    get("resource/default/test/none", "cookie", cookie).await;
    get(PATH, "authorization", format!("Bearer {token}")).await;
    let refused: Answer = get(PATH, "authorization", format!("Bearer {token}x")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let nothing = bench.call("GET", PATH, &[], "").await;
    assert!(nothing.json().get("decision").is_none());

    let ends: Vec<_> = listed(&bench, "kind=release")
        .await
        .iter()
        .map(|decision| (decision["verdict"].clone(), decision["class"].clone()))
        .collect();
    let expected = [
        (json!("released"), Value::Null),
        (json!("failed"), json!("ResourceNotFound")),
        (json!("released"), Value::Null),
        (json!("refused"), json!("TokenVerifierError")),
    ];
    assert_eq!(ends, expected);
    assert_eq!(
        listed(&bench, "kind=release&verdict=released&resource=resource/default")
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn claims_are_shown_to_who_asks_for_them_and_nothing_secret_is_in_a_record() {
    let bench = bench().await;
    let (cookie, _, token) = bench.attested("snp").await;
    let session = cookie.split('=').nth(1).unwrap().to_owned();
    bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    bench
        .call("GET", PATH, &[("authorization", &format!("Bearer {token}x"))], "")
        .await;
    let all = listed(&bench, "").await;
    assert_eq!(all.len(), 3);
    let id = all[1]["id"].as_str().unwrap();
    let path = format!("decisions/{id}?claims=true");
    let full = bench.administer("GET", &path, "").await;
    assert_eq!(
        full.json()["claims"]["submods"]["cpu0"]["ear.status"],
        "affirming"
    );
    let text = format!("{all:?}{}", String::from_utf8(full.body).unwrap());
    for secret in [
        "canary-secret",
        &token,
        token.rsplit('.').next().unwrap(),
        &session,
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_decision_that_is_not_there_and_a_wrong_question_are_told_apart() {
    let bench = bench().await;
    for id in ["6921aabc-3f9c2e81d04b7a55", "nonsense"] {
        let answer = bench.administer("GET", &format!("decisions/{id}"), "").await;
        assert_eq!(
            (answer.status, answer.error()),
            (StatusCode::NOT_FOUND, "DecisionNotFound".into())
        );
    }
    for query in ["since=yesterday", "verdict=good", "x=1"] {
        let answer = bench.administer("GET", &format!("decisions?{query}"), "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let answer = bench
        .administer("GET", "decisions/6921aabc-3f9c2e81d04b7a55?claims=maybe", "")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
