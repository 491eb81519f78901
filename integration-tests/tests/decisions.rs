//! What an administrator finds with one command after a guest was refused: the cases of docs/troubleshooting.md.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use kbs_client::cli::args::Cli;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::guest::{Evidence, Guest, sample_evidence};
use crate::owner::{AFFIRMING, ALLOW_ALL};
use crate::stack::{Setup, TestStack, write};

const PATH: &str = "default/key/one";

async fn stack(tables: &str) -> TestStack {
    let stack = TestStack::with(Setup {
        kbs_tables: tables.to_owned(),
        ..Setup::default()
    })
    .await;
    stack.store(PATH, b"canary-secret").await;
    stack.release_by(AFFIRMING).await;
    stack
}

/// What `kbs-client <line>` prints to the owner.
async fn owner(stack: &TestStack, line: &str) -> String {
    let key = write(
        stack.folder(),
        "owner.key",
        &stack.admin.private_key_pem().unwrap(),
    );
    let line = line.replace("OWNER", &format!("--auth-private-key {}", key.display()));
    let arguments = ["kbs-client", "--url", &stack.kbs]
        .into_iter()
        .chain(line.split_whitespace());
    let mut out = Vec::new();
    kbs_client::cli::run(Cli::try_parse_from(arguments).unwrap(), &mut out)
        .await
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    String::from_utf8(out).unwrap()
}

/// The id that a guest was told with its refusal; nothing else that the owner learns is there.
async fn told(answer: reqwest::Response, status: StatusCode) -> String {
    assert_eq!(answer.status(), status);
    let body: Value = answer.json().await.unwrap();
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["decision", "detail", "request_id", "type"]);
    body["decision"].as_str().unwrap().to_owned()
}

async fn shown(stack: &TestStack, id: &str) -> String {
    owner(stack, &format!("decisions OWNER show {id}")).await
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    assert!(!text.contains("canary-secret"), "{text}");
}

#[tokio::test]
async fn a_wrong_measurement_is_found_with_what_was_expected_and_what_came() {
    let stack = stack("").await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let other = |digest: &[u8]| guest.snp_evidence_with(digest, |report| report.measurement([0x77; 48]));
    let (session, _) = guest.handshake_with(&other).await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    let (right, came) = (hex::encode([0x5a; 48]), hex::encode([0x77; 48]));
    assert_says(
        &shown(&stack, &id).await,
        &[
            "denied: the resource policy said no",
            "resource/default/key/one",
            "executables is 33, not 3",
            "snp_launch_measurement",
            &right,
            &came,
            "What to do",
            "register its value under `snp_launch_measurement`",
        ],
    );
    let listed = owner(
        &stack,
        "decisions OWNER list --verdict denied --resource default/key",
    )
    .await;
    assert_says(&listed, &[&id, "resource/default/key/one"]);
}

#[tokio::test]
async fn a_value_that_is_not_there_is_told_from_one_that_is_another() {
    let stack = stack("").await;
    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    assert_says(
        &shown(&stack, &id).await,
        &[
            "`snp_launch_measurement`, but there is none, or it has expired",
            "Register `snp_launch_measurement`",
        ],
    );
}

#[tokio::test]
async fn a_value_that_has_expired_is_told_with_the_time_and_by_its_history() {
    let stack = stack("").await;
    stack.vouch_for_platform().await;
    let soon = OffsetDateTime::now_utc() + Duration::from_secs(2);
    let list = json!([{
        "name": "snp_launch_measurement", "expiration": soon.format(&Rfc3339).unwrap(),
        "hash-value": [{"alg": "sha384", "value": hex::encode([0x5a; 48])}],
    }]);
    let message = json!({"version": "0.1.0", "type": "list", "payload": STANDARD.encode(list.to_string())});
    let answer = stack.as_owner(Method::POST, "/kbs/v0/reference-value", message.to_string());
    assert_eq!(answer.await.status(), StatusCode::OK);
    let guest = Guest::snp(&stack);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (session, _) = guest.handshake().await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    let when = soon.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap();
    assert_says(
        &shown(&stack, &id).await,
        &[
            &format!("`snp_launch_measurement`, but it expired at {when}"),
            "Register `snp_launch_measurement` again",
        ],
    );
    let line = "config OWNER reference-value-history --id snp_launch_measurement";
    let expired = format!("expired at {when}");
    assert_says(&owner(&stack, line).await, &[&hex::encode([0x5a; 48]), &expired]);
}

#[tokio::test]
async fn a_value_that_was_revoked_is_told_with_who_revoked_it_and_why() {
    let stack = stack("").await;
    stack.vouch_for_platform().await;
    let measured = json!({"snp_launch_measurement": [hex::encode([0x5a; 48])]});
    let message =
        json!({"version": "0.1.0", "type": "sample", "payload": STANDARD.encode(measured.to_string())});
    let answer = stack.as_owner(Method::POST, "/kbs/v0/reference-value", message.to_string());
    assert_eq!(answer.await.status(), StatusCode::OK);
    let line = "config OWNER revoke-reference-value --id snp_launch_measurement --reason debug-build";
    owner(&stack, line).await;
    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    assert_says(
        &shown(&stack, &id).await,
        &["of `snp_launch_measurement` was revoked at 20", ": debug-build"],
    );
}

#[tokio::test]
async fn a_guest_in_debug_mode_is_found_by_the_claim_that_says_so() {
    let stack = stack("").await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let debug = |digest: &[u8]| {
        guest.snp_evidence_with(digest, |report| {
            report.with(|fields| fields.policy.set_debug_allowed(true))
        })
    };
    let (session, _) = guest.handshake_with(&debug).await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    assert_says(
        &shown(&stack, &id).await,
        &[
            "Why\n  cpu0: DEBUG MODE",
            "policy_debug_allowed",
            "start it without",
        ],
    );
}

#[tokio::test]
async fn a_policy_with_a_typing_error_is_found_by_the_name_that_is_nearest() {
    let stack = stack("").await;
    stack.vouch_for_platform().await;
    stack
        .appraise_by(
            "default_cpu",
            "package policy\nimport rego.v1\ndefault executables := 33\n\
             executables := 3 if matches_reference_value(input.snp.measurement, \"snp_lanch_measurement\")\n\
             trust_claims := {\"executables\": executables}\n",
        )
        .await;
    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    assert_says(
        &shown(&stack, &id).await,
        &[
            "snp_lanch_measurement",
            "There is a reference value `snp_launch_measurement`: check the spelling",
        ],
    );
}

/// What `show` says of a guest that is denied.
async fn denied(stack: &TestStack, guest: &Guest<'_>, evidence: &Evidence<'_>) -> String {
    let (session, _) = guest.handshake_with(evidence).await;
    let id = told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    shown(stack, &id).await
}

/// "To see it for yourself" of the page: one step after the other, on what those before have left behind.
#[tokio::test]
async fn the_page_leads_from_each_message_to_its_cause_in_its_own_order() {
    let page = include_str!("../../docs/troubleshooting.md");
    let mut rest = page.split("## To see it for yourself").nth(1).unwrap();
    let mut step = |title: &str| {
        rest = rest
            .split_once(&format!("\n# {title}"))
            .unwrap_or_else(|| panic!("{title:?} is not the next step"))
            .1;
    };
    let stack = stack("").await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let honest = |digest: &[u8]| guest.snp_evidence(digest);
    let right = hex::encode([0x5a; 48]);

    step("A wrong measurement");
    let other = |digest: &[u8]| guest.snp_evidence_with(digest, |report| report.measurement([0xab; 48]));
    let text = denied(&stack, &guest, &other).await;
    assert_says(
        &text,
        &["snp_launch_measurement", &right, &hex::encode([0xab; 48])],
    );

    step("A debug guest");
    let debug = |digest: &[u8]| {
        guest.snp_evidence_with(digest, |report| {
            report.with(|fields| fields.policy.set_debug_allowed(true))
        })
    };
    let text = denied(&stack, &guest, &debug).await;
    assert_says(&text, &["Why\n  cpu0: DEBUG MODE"]);
    let to_do = text.split("\nWhat to do\n").nth(1).unwrap();
    assert_eq!(to_do.lines().count(), 1, "{text}");

    step("An expired value");
    let soon = OffsetDateTime::now_utc() + Duration::from_secs(2);
    let list = json!([{
        "name": "snp_launch_measurement", "expiration": soon.format(&Rfc3339).unwrap(),
        "hash-value": [{"alg": "sha384", "value": right}],
    }]);
    let message = json!({"version": "0.1.0", "type": "list", "payload": STANDARD.encode(list.to_string())});
    let answer = stack.as_owner(Method::POST, "/kbs/v0/reference-value", message.to_string());
    assert_eq!(answer.await.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let text = denied(&stack, &guest, &honest).await;
    let when = soon.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap();
    assert_says(
        &text,
        &[&format!("`snp_launch_measurement`, but it expired at {when}")],
    );

    // The typing error is found even if nobody registers the value again.
    let policy = owner(&stack, "config OWNER get-attestation-policy").await;
    let typo = policy.replace("launch_measurement", "launch_mesurement");
    assert_ne!(typo, policy);
    let file = write(stack.folder(), "typo.rego", &typo);
    let set = format!(
        "config OWNER set-attestation-policy --policy-file {}",
        file.display()
    );
    let back = "config OWNER roll-back-attestation-policy --id default_cpu --version 1";
    owner(&stack, &set).await;
    let text = denied(&stack, &guest, &honest).await;
    assert_says(
        &text,
        &[
            "snp_launch_mesurement",
            "`snp_launch_measurement`",
            "Check the spelling",
        ],
    );
    owner(&stack, back).await;

    step("The value again");
    let restore = format!("config OWNER set-sample-reference-value snp_launch_measurement {right}");
    owner(&stack, &restore).await;
    let (session, _) = guest.handshake().await;
    assert_eq!(
        guest.open(guest.get(&session, PATH).await).await,
        b"canary-secret"
    );

    step("A policy with a typo");
    owner(&stack, &set).await;
    let text = denied(&stack, &guest, &honest).await;
    assert_says(
        &text,
        &["There is a reference value `snp_launch_measurement`: check the spelling"],
    );
    owner(&stack, back).await;
    let (session, _) = guest.handshake().await;
    assert_eq!(
        guest.open(guest.get(&session, PATH).await).await,
        b"canary-secret"
    );
}

#[tokio::test]
async fn evidence_that_does_not_hold_is_found_with_the_check_that_failed() {
    let stack = stack("").await;
    let guest = Guest::sample(&stack);
    let challenge = guest.challenge().await;
    let body = guest.attestation_with(&challenge.nonce, &|_| sample_evidence(&[7; 48]));
    let id = told(guest.attest(&challenge, &body).await, StatusCode::UNAUTHORIZED).await;
    assert_says(
        &shown(&stack, &id).await,
        &[
            "refused: what was shown does not hold",
            "because",
            "sample",
            "check      report-data-mismatch",
            "expected   the hash of the nonce and the key",
            "fault      the guest's",
            "Let the guest begin anew",
        ],
    );
    // The id of the request, from any log, does as well.
    let of_request: Value = stack.shown(&format!("/kbs/v0/decisions/{id}")).await;
    let request = of_request["decision"]["request_id"].as_str().unwrap();
    assert_says(&shown(&stack, request).await, &[&id]);
}

#[tokio::test]
async fn a_tee_that_gets_no_challenge_is_found_with_what_to_do_about_it() {
    for built_in in [true, false] {
        let stack = TestStack::with(Setup {
            built_in,
            ..Setup::default()
        })
        .await;
        let body = json!({"version": "0.4.0", "tee": "se", "extra-params": {}}).to_string();
        let answer = stack.send(Method::POST, "/kbs/v0/auth", body).await;
        assert!(answer.headers().get("set-cookie").is_none());
        let id = told(answer, StatusCode::BAD_REQUEST).await;
        assert_says(
            &shown(&stack, &id).await,
            &[
                "refused: what was shown does not hold",
                "no verifier for TEE `se`",
                "check      unsupported-tee",
                "docs/tees/se.md",
            ],
        );
        let shown = stack.shown(&format!("/kbs/v0/decisions/{id}")).await;
        assert_eq!(
            (&shown["decision"]["tee"], &shown["decision"]["class"]),
            (&json!("se"), &json!("AttestationError"))
        );
    }
}

#[tokio::test]
async fn decisions_outlive_the_service_and_can_be_tried_again() {
    let mut stack = stack("").await;
    stack.release_by(ALLOW_ALL).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    guest.open(guest.get(&session, PATH).await).await;
    let before = stack.shown("/kbs/v0/decisions").await;
    assert_eq!(before["decisions"].as_array().unwrap().len(), 2);
    // A second's worth is gathered before it is written.
    let folder = stack.folder().join("storage/kbs_decisions");
    while std::fs::read_dir(&folder).unwrap().count() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stack.restart_kbs().await;
    let after = stack.shown("/kbs/v0/decisions").await;
    assert_eq!(after, before);
    let release = after["decisions"][1]["id"].as_str().unwrap();
    let full = stack
        .shown(&format!("/kbs/v0/decisions/{release}?claims=true"))
        .await;
    assert_eq!(full["attestation"]["id"], after["decisions"][0]["id"]);
    assert!(full["claims"]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["sample"].is_object());
}

#[tokio::test]
async fn the_audit_log_of_a_whole_story_is_proved_by_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let mut stack = stack(&format!("[audit]\nfile = {file:?}\nrequire = true\n")).await;
    let guest = Guest::sample(&stack);
    let (session, token) = guest.handshake().await;
    told(guest.get(&session, PATH).await, StatusCode::FORBIDDEN).await;
    stack.release_by(ALLOW_ALL).await;
    guest.open(guest.get(&session, PATH).await).await;
    // It is on the disk as soon as the guest has its secret.
    let text = std::fs::read_to_string(&file).unwrap();
    let released = text
        .lines()
        .filter(|line| line.contains("\"outcome\":\"released\""))
        .count();
    assert_eq!(released, 1, "{text}");
    assert!(!text.contains("canary-secret") && !text.contains(&token));

    let proved = owner(&stack, &format!("--output json audit verify {}", file.display())).await;
    let proved: Value = serde_json::from_str(&proved).unwrap();
    assert_eq!(proved["whole"], json!(true));
    let last = proved["last"].as_str().unwrap().to_owned();
    stack.restart_kbs().await;
    let line = format!("audit verify --expect {last} {}", file.display());
    assert_says(&owner(&stack, &line).await, &["whole: "]);
}
