//! The recorded exchanges: the same errors in the same form, with our statuses, and answers whose headers, cookie
//! and members are those that existing clients read.

use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::{Challenge, Guest, assert_refused, sample_evidence, token};
use crate::owner::ALLOW_ALL;
use crate::raw::{self, RawAnswer};
use crate::stack::TestStack;

const REQUEST: &str = r#"{"version":"0.4.0","tee":"sample","extra-params":{"supported-hash-algorithms":["sha256","sha384","sha512","sm3"]}}"#;

/// The recorded Attestation, with the nonce and report data of today.
const ATTESTATION: &str = r#"{
  "init-data": null,
  "runtime-data": {
    "nonce": "NONCE",
    "tee-pubkey": {
      "kty": "EC",
      "crv": "P-256",
      "alg": "ECDH-ES+A256KW",
      "x": "NERNydz2sUdLFER6QR4zdyP_kCPUsI4L9AD1ONgppUk",
      "y": "3SwWswbpDLU0A43p33DVQkxZxg8zF6P5E1RmQ9AwCWk"
    }
  },
  "tee-evidence": {
    "primary_evidence": {
      "report_data": "REPORT_DATA",
      "svn": "1"
    },
    "additional_evidence": ""
  }
}"#;

async fn stack() -> TestStack {
    let stack = TestStack::start().await;
    stack.store("default/test/one", b"the secret").await;
    stack.release_by(ALLOW_ALL).await;
    stack
}

fn recorded_attestation(nonce: &str) -> String {
    let sent: Value = serde_json::from_str(ATTESTATION).unwrap();
    let key = &sent["runtime-data"]["tee-pubkey"];
    let bound = json!({"additional-evidence": "", "nonce": nonce, "tee-pubkey": key}).to_string();
    let digest = ring::digest::digest(&ring::digest::SHA384, bound.as_bytes());
    let evidence = sample_evidence(digest.as_ref());
    ATTESTATION
        .replace("NONCE", nonce)
        .replace("REPORT_DATA", evidence["report_data"].as_str().unwrap())
}

fn member_names(json: &str) -> Vec<String> {
    let body = json.trim_start_matches('{').trim_end_matches('}');
    body.split("\",\"")
        .filter_map(|member| member.split("\":").next())
        .map(|name| name.replace('"', ""))
        .collect()
}

fn assert_headers(answer: &RawAnswer, expected: &[&str]) {
    let mut names = answer.header_names();
    names.retain(|name| !matches!(*name, "date" | "connection"));
    names.sort_unstable();
    let mut expected: Vec<_> = expected.iter().copied().chain(["x-request-id"]).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "{answer:?}");
}

#[tokio::test]
async fn the_recorded_handshake_is_accepted_and_answered_in_the_recorded_form() {
    let stack = stack().await;
    let address = stack.kbs_address();
    let json_body = "content-type: application/json".to_owned();
    let agent = "user-agent: attestation-agent-kbs-client/0.1.0".to_owned();

    let path = "/kbs/v0/resource/default/test/one";
    let first = raw::request(address, "GET", path, std::slice::from_ref(&agent), "").await;
    assert_eq!(
        (first.status, first.variant().as_deref()),
        (401, Some("TokenNotFound"))
    );

    let headers = [json_body.clone(), agent.clone()];
    let answer = raw::request(address, "POST", "/kbs/v0/auth", &headers, REQUEST).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_headers(&answer, &["content-length", "content-type", "set-cookie"]);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some("74"));
    assert!(answer.body.ends_with(",\"extra-params\":\"\"}"), "{answer:?}");
    let challenge: Value = serde_json::from_str(&answer.body).unwrap();
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    let (session, expires) = cookie.split_once("; ").unwrap();
    let id = session.strip_prefix("kbs-session-id=").unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{cookie}"
    );
    assert!(
        expires.starts_with("expires=") && expires.ends_with(" gmt") && !expires.contains(';'),
        "{cookie}"
    );

    let headers = [json_body, agent.clone(), format!("cookie: {session}")];
    let body = recorded_attestation(challenge["nonce"].as_str().unwrap());
    let answer = raw::request(address, "POST", "/kbs/v0/attest", &headers, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_headers(&answer, &["content-length", "content-type", "set-cookie"]);
    assert_eq!(
        answer.header("set-cookie"),
        Some(&*cookie),
        "the same cookie, with the same end"
    );
    assert!(
        answer.body.starts_with("{\"token\":\"eyJ") && answer.body.ends_with("\"}"),
        "{answer:?}"
    );

    let answer = raw::request(address, "GET", path, &[agent, format!("cookie: {session}")], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_headers(&answer, &["content-length", "content-type"]);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        member_names(&answer.body),
        ["protected", "encrypted_key", "iv", "ciphertext", "tag"]
    );
}

#[tokio::test]
async fn a_token_has_the_recorded_header_and_claims_in_the_recorded_order() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let stack = stack().await;
    let (_, token) = Guest::sample(&stack).handshake().await;
    let part = |number: usize| {
        let part = token.split('.').nth(number).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, payload) = (part(0), part(1));
    let order = |text: &str, names: &[&str]| {
        let places: Vec<_> = names
            .iter()
            .map(|name| text.find(&format!("\"{name}\":")))
            .collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{names:?} in {text}"
        );
    };
    order(&header, &["typ", "alg", "jwk", "x5c", "kty", "crv", "x", "y"]);
    assert!(
        header.starts_with("{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":{\"alg\":\"ES256\",\"x5c\":["),
        "{header}"
    );
    order(
        &payload,
        &["eat_profile", "iat", "ear.verifier-id", "submods", "exp", "iss"],
    );
    order(
        &payload,
        &[
            "ear.status",
            "ear.trustworthiness-vector",
            "ear.appraisal-policy-id",
            "ear.veraison.annotated-evidence",
        ],
    );
    order(
        &payload,
        &[
            "instance-identity",
            "configuration",
            "executables",
            "file-system",
            "hardware",
        ],
    );
    assert!(
        payload
            .contains("\"ear.verifier-id\":{\"developer\":\"https://confidentialcontainers.org\",\"build\":")
    );
}

#[tokio::test]
async fn requests_that_nobody_serves_are_answered_as_recorded() {
    let stack = stack().await;
    assert_refused(
        stack.send(Method::GET, "/kbs/v0/nope/a", "").await,
        404,
        "PluginNotFound",
    )
    .await;
    assert_refused(
        stack.send(Method::GET, "/kbs/v0/auth", "").await,
        404,
        "PluginNotFound",
    )
    .await;
    let answer = stack.send(Method::GET, "/foo", "").await;
    assert_eq!(answer.status(), 404);
    let answer = stack.send(Method::PATCH, "/kbs/v0/auth", "").await;
    assert_eq!(answer.headers()["allow"], "GET, POST, PUT, DELETE");
    assert_eq!(answer.status(), 405);
    let answer = stack.send(Method::GET, "/healthz", "").await;
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (200, String::new())
    );
}

#[tokio::test]
async fn a_request_that_begins_no_handshake_is_malformed_in_the_recorded_words() {
    let stack = stack().await;
    let prefix = "Attestation error: RCAR handshake Auth failed: ";
    for (body, detail) in [
        ("{", "deserialize Request"),
        (
            r#"{"version":"0.4.0","tee":"xyz","extra-params":{}}"#,
            "deserialize Request",
        ),
        (
            r#"{"version":"0.1.0","tee":"sample","extra-params":{}}"#,
            "KBS Client Protocol Version Mismatch: expect =0.4.0 while the request is 0.1.0",
        ),
        (
            r#"{"version":"x","tee":"sample","extra-params":{}}"#,
            "failed to parse KBS version",
        ),
    ] {
        let answer = stack.send(Method::POST, "/kbs/v0/auth", body).await;
        assert_eq!(answer.status(), 400, "{body}");
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["detail"], format!("{prefix}{detail}"));
        assert_eq!(
            error["type"],
            "https://github.com/confidential-containers/kbs/errors/AttestationError"
        );
    }
    for tee in ["tdx", "snp", "sample"] {
        let body = json!({"version": "0.4.0", "tee": tee, "extra-params": ""}).to_string();
        assert_eq!(
            stack.send(Method::POST, "/kbs/v0/auth", body).await.status(),
            200,
            "{tee}"
        );
    }
}

#[tokio::test]
async fn an_attestation_without_its_session_is_refused_as_recorded() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let challenge = guest.challenge().await;
    let body = guest.attestation(&challenge.nonce);
    let answer = stack.send(Method::POST, "/kbs/v0/attest", "{}").await;
    assert_refused(answer, 401, "AttestationError").await;
    let unknown = Challenge {
        cookie: "kbs-session-id=deadbeef".to_owned(),
        ..challenge.clone()
    };
    assert_refused(guest.attest(&unknown, &body).await, 401, "AttestationError").await;
    let answer = guest.attest(&challenge, &guest.attestation("x")).await;
    assert_refused(answer, 401, "AttestationError").await;
    let challenge = guest.challenge().await;
    let unbound = guest.attestation_with(&challenge.nonce, &|_| sample_evidence(&[0; 48]));
    assert_refused(guest.attest(&challenge, &unbound).await, 401, "AttestationError").await;
    let challenge = Guest::snp(&stack).challenge().await;
    assert_refused(
        guest.attest(&challenge, &json!({"x": 1})).await,
        400,
        "AttestationError",
    )
    .await;
}

#[tokio::test]
async fn resources_are_refused_as_recorded() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let one = "/kbs/v0/resource/default/test/one";
    let challenged = guest.challenge().await;
    assert_refused(
        guest.get(&challenged, "default/test/one").await,
        401,
        "TokenNotFound",
    )
    .await;
    assert_refused(stack.send(Method::GET, one, "").await, 401, "TokenNotFound").await;
    let unknown = Challenge {
        cookie: "kbs-session-id=deadbeef".to_owned(),
        ..challenged
    };
    assert_refused(
        guest.get(&unknown, "default/test/one").await,
        401,
        "TokenNotFound",
    )
    .await;

    let (_, good) = guest.handshake().await;
    let mut broken = good.clone();
    broken.replace_range(
        good.len() - 3..,
        if good.ends_with("AAA") { "BBB" } else { "AAA" },
    );
    for bad in ["abc", &broken, &stack.admin_token()] {
        assert_refused(
            guest.get_with(bad, "default/test/one").await,
            401,
            "TokenVerifierError",
        )
        .await;
    }
    assert_eq!(
        guest.open(guest.get_with(&good, "default/test/one").await).await,
        b"the secret"
    );
    assert_refused(
        guest.get_with(&good, "default/test/none").await,
        404,
        "ResourceNotFound",
    )
    .await;
    assert_refused(
        guest.get_with(&good, "default/test").await,
        400,
        "InvalidRequestPath",
    )
    .await;
    let answer = stack.send_with(Method::PUT, one, &good, "x").await;
    assert_refused(answer, 405, "MethodNotAllowed").await;
    stack.release_by(policy::defaults::DENY_ALL).await;
    assert_refused(guest.get_with(&good, "default/test/one").await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn administration_is_answered_as_recorded() {
    let stack = stack().await;
    let two = "/kbs/v0/resource/default/test/two";
    assert_refused(stack.send(Method::POST, two, "x").await, 401, "AdminAuthAccess").await;
    let answer = stack.send(Method::POST, "/kbs/v0/resource-policy", "x").await;
    assert_eq!(answer.status(), 401);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(
        error["detail"],
        "admin access denied for endpoint resource-policy: Failed to parse HTTP Auth Bearer header"
    );
    for (method, expected) in [(Method::POST, 200), (Method::DELETE, 200), (Method::DELETE, 404)] {
        let answer = stack.as_owner(method, two, "x").await;
        assert_eq!(answer.status(), expected);
        if expected == 200 {
            assert_eq!(answer.headers()["content-type"], "text/xml");
            assert_eq!(answer.text().await.unwrap(), "");
        } else {
            assert_refused(answer, 404, "ResourceNotFound").await;
        }
    }
    let answer = stack
        .as_owner(Method::POST, "/kbs/v0/resource/test/two", "x")
        .await;
    assert_refused(answer, 400, "InvalidRequestPath").await;
    for (path, body, variant) in [
        (
            "resource-policy",
            r#"{"policy":"bm90IHJlZ28"}"#,
            "PolicyEngineError",
        ),
        (
            "resource-policy",
            r#"{"policy":"bm90IHJlZw=="}"#,
            "ParsePolicyError",
        ),
        (
            "attestation-policy",
            r#"{"type":"rego","policy_id":"x_cpu","policy":"bm90IHJlZ28"}"#,
            "AttestationError",
        ),
    ] {
        let answer = stack
            .as_owner(Method::POST, &format!("/kbs/v0/{path}"), body)
            .await;
        assert_refused(answer, 400, variant).await;
    }
    assert_eq!(
        stack.shown("/kbs/v0/resource-policy").await,
        json!(["resource-policy"])
    );
    stack.vouch_for_sample().await;
    let answer = stack
        .as_owner(Method::GET, "/kbs/v0/reference-value/svn", "")
        .await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), "[\"1\"]");
    let answer = stack
        .as_owner(Method::GET, "/kbs/v0/reference-value/none", "")
        .await;
    assert_eq!(answer.status(), 404);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(
        error["detail"],
        "RVPS configuration failed: Failed to get reference_values: No reference value found for the given id: none"
    );
    let answer = stack
        .as_owner(
            Method::POST,
            "/kbs/v0/resource/default/test/big",
            vec![b'x'; 3 << 20],
        )
        .await;
    assert_refused(answer, 413, "PayloadTooLarge").await;
}

#[tokio::test]
async fn unknown_members_and_white_space_disturb_nothing() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let request = format!(" {} ", REQUEST.replace("\"tee\"", "\"something\": [1], \"tee\""));
    assert_eq!(
        stack.send(Method::POST, "/kbs/v0/auth", request).await.status(),
        200
    );
    let challenge = guest.challenge().await;
    let mut body = guest.attestation(&challenge.nonce);
    body["something"] = json!({"else": 1});
    body["runtime-data"]["tee-pubkey"]["kid"] = json!("ours");
    token(guest.attest(&challenge, &body).await).await;
}
