//! Whose policy judges a guest: by what it was measurably started with, or by what it asks for itself.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser;
use reqwest::{Method, Response};
use ring::digest::{SHA256, SHA384, digest};
use serde_json::{Value, json};

use crate::guest::{Challenge, Guest, assert_refused, claims, token};
use crate::stack::{Setup, TestStack};

const PATH: &str = "shop/key/one";

/// Of the operator, for guests that were started as the shop.
const SHOP: &str = "package policy\ntrust_claims := {\"executables\": 3, \"hardware\": 2}\n";
/// Clients may choose it, and it says nothing bad of anybody.
const LAX: &str = "package policy\ntrust_claims := {\"executables\": 2, \"hardware\": 2}\n";

const FOR_THE_SHOP: &str = "package policy\nimport rego.v1\ndefault allow := false\nallow if {\n\
    \tinput.submods.cpu0[\"ear.status\"] == \"affirming\"\n\
    \tinput.submods.cpu0[\"ear.appraisal-policy-id\"] == \"shop\"\n}\n";

fn document(workload: &str) -> String {
    format!("version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\nworkload = \"{workload}\"\n")
}

async fn stack(built_in: bool) -> TestStack {
    let may_choose = "client_policy_ids = [\"lax\"]";
    let mapped = "policy_map = [{ policy_id = \"shop\", claim = \"/workload\", value = \"shop\" }]";
    let stack = TestStack::with(Setup {
        attestation_keys: match built_in {
            true => format!("{may_choose}\n{mapped}"),
            false => may_choose.to_owned(),
        },
        policy_map: json!([{"policy_id": "shop", "claim": "/workload", "value": "shop"}]),
        built_in,
        ..Setup::default()
    })
    .await;
    stack.store(PATH, b"s").await;
    stack.release_by(FOR_THE_SHOP).await;
    for (id, rego) in [("shop_cpu", SHOP), ("lax_cpu", LAX)] {
        let body = json!({"policy_id": id, "policy": URL_SAFE_NO_PAD.encode(rego)}).to_string();
        let answer = stack
            .as_owner(Method::POST, "/kbs/v0/attestation-policy", body)
            .await;
        assert_eq!(answer.status(), 200);
    }
    stack
}

/// Attests as a guest that was started with `bound` and sends `sent`.
async fn attest(
    guest: &Guest<'_>,
    extra_params: &Value,
    bound: Option<&str>,
    sent: Option<&str>,
) -> (Challenge, Response) {
    let challenge = guest.challenge_of(guest.auth(extra_params).await).await;
    let mut body = guest.attestation_with(&challenge.nonce, &|report_data| {
        guest.snp_evidence_with(report_data, |report| match bound {
            Some(text) => report.host_data(digest(&SHA256, text.as_bytes()).as_ref()),
            None => report,
        })
    });
    body["init-data"] = sent.map_or(Value::Null, |text| json!({"format": "toml", "body": text}));
    let answer = guest.attest(&challenge, &body).await;
    (challenge, answer)
}

/// What the token of such a guest says of its CPU, and whether it gets the shop's key.
async fn judged(guest: &Guest<'_>, extra_params: &Value, workload: Option<&str>) -> (Value, bool) {
    let document = workload.map(document);
    let document = document.as_deref();
    let (session, answer) = attest(guest, extra_params, document, document).await;
    let cpu = claims(&token(answer).await)["submods"]["cpu0"].clone();
    let answer = guest.get(&session, PATH).await;
    let released = answer.status() == 200;
    match released {
        true => assert_eq!(guest.open(answer).await, b"s"),
        false => assert_refused(answer, 403, "PolicyDeny").await,
    }
    (cpu, released)
}

#[tokio::test]
async fn measured_init_data_chooses_the_policy_and_the_resource_policy_sees_which() {
    for built_in in [false, true] {
        let stack = stack(built_in).await;
        let guest = Guest::snp(&stack);
        for asked in [json!({}), json!({"policy-id": "lax"})] {
            let (cpu, released) = judged(&guest, &asked, Some("shop")).await;
            assert_eq!(cpu["ear.appraisal-policy-id"], "shop", "{asked}");
            assert_eq!(
                cpu["ear.trustee.policy-digest"],
                hex::encode(digest(&SHA384, SHOP.as_bytes()))
            );
            assert!(released, "{asked}");
        }
        // Started as something else: the policy is the one that the KBS asks for.
        let (cpu, released) = judged(&guest, &json!({}), Some("bank")).await;
        assert_eq!(
            (&cpu["ear.appraisal-policy-id"], released),
            (&json!("default"), false)
        );
    }
}

#[tokio::test]
async fn what_a_client_asks_for_alone_does_not_raise_trust() {
    for built_in in [false, true] {
        let stack = stack(built_in).await;
        let guest = Guest::snp(&stack);
        // It may choose this one, and is affirming by it; what it is for does not take it.
        for workload in [None, Some("bank")] {
            let (cpu, released) = judged(&guest, &json!({"policy-id": "lax"}), workload).await;
            assert_eq!(cpu["ear.appraisal-policy-id"], "lax");
            assert_eq!(cpu["ear.status"], "affirming");
            assert!(!released, "{workload:?}");
        }
        // Those that are not for clients it may not choose, be they there or not.
        for id in ["shop", "shop_cpu", "default_cpu", "none"] {
            let refused = guest.auth(&json!({"policy-id": id})).await;
            assert_refused(refused, 400, "AttestationError").await;
        }
        // Nor does it help to say that it is the shop, without having been started so.
        for bound in [None, Some(document("bank"))] {
            let said = document("shop");
            let (session, answer) = attest(&guest, &json!({}), bound.as_deref(), Some(&said)).await;
            assert_refused(answer, 401, "AttestationError").await;
            assert_refused(guest.get(&session, PATH).await, 401, "TokenNotFound").await;
        }
        // A sample's init-data is measured by nothing.
        let sample = Guest::sample(&stack);
        let challenge = sample.challenge().await;
        let mut body = sample.attestation(&challenge.nonce);
        body["init-data"] = json!({"format": "toml", "body": document("shop")});
        let answer = sample.attest(&challenge, &body).await;
        if answer.status() == 200 {
            let cpu = claims(&token(answer).await)["submods"]["cpu0"].clone();
            assert_eq!(cpu["ear.appraisal-policy-id"], "default");
        }
        assert_ne!(sample.get(&challenge, PATH).await.status(), 200);
    }
}

#[tokio::test]
async fn kbs_client_asks_for_the_policy_that_it_is_told() {
    let stack = stack(false).await;
    let run = |id: &'static str| {
        let line = format!(
            "kbs-client --url {} attest --attester sample --policy-id {id}",
            stack.kbs
        );
        async move {
            let cli = kbs_client::cli::args::Cli::try_parse_from(line.split_whitespace()).unwrap();
            let mut out = Vec::new();
            let result = kbs_client::cli::run(cli, &mut out).await;
            result.map(|()| String::from_utf8(out).unwrap())
        }
    };
    let token = run("lax").await.unwrap();
    let cpu = &claims(token.trim())["submods"]["cpu0"];
    assert_eq!(cpu["ear.appraisal-policy-id"], "lax");
    let refused = run("shop").await.unwrap_err().to_string();
    assert!(refused.contains("client_policy_ids"), "{refused}");
}
