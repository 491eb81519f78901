//! A life of the three services with everything logged that they ever log, in a process of its own: logging is set
//! up once a process, as the programs do it, and what is read is what they write to their standard output.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use daemon::telemetry::{self, LogFormat, TelemetryOptions};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::guest::{Challenge, Guest};
use crate::owner::AFFIRMING;
use crate::stack::{Setup, TestStack};

/// The request id of a registration.
pub(crate) const REGISTRATION: &str = "the-registration";
/// The request id of an appraisal.
pub(crate) const APPRAISAL: &str = "the-appraisal";
/// How a line begins that was read from an audit log, or from the storage.
const RECORD: &str = "RECORD ";
/// The trace of both.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What the process wrote.
pub(crate) struct Run {
    /// All of it.
    pub(crate) output: String,
    /// The log lines.
    pub(crate) lines: Vec<Value>,
    /// The audit logs, and the decisions in the storage: whose it is, and a line of it.
    pub(crate) records: Vec<(String, String)>,
    /// What must not be in it: what it is, and its text.
    pub(crate) canaries: Vec<(String, String)>,
}

/// Runs it, the first time this is called.
pub(crate) fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| {
        let this = std::env::current_exe().unwrap();
        let only = [
            "--ignored",
            "--exact",
            "--nocapture",
            "logged::a_life_with_everything_logged",
        ];
        let done = Command::new(this)
            .args(only)
            .env("RUST_LOG", "trace")
            .output()
            .unwrap();
        let written = String::from_utf8(done.stdout).unwrap();
        let errors = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{errors}");
        let canaries = errors.lines().filter_map(|line| {
            let (what, text) = line.strip_prefix("CANARY ")?.split_once(": ")?;
            Some((what.to_owned(), text.to_owned()))
        });
        let record = |line: &str| {
            let (whose, text) = line.strip_prefix(RECORD)?.split_once(": ")?;
            Some((whose.to_owned(), text.to_owned()))
        };
        let output: String = written
            .split_inclusive('\n')
            .filter(|line| record(line).is_none())
            .collect();
        Run {
            records: written.lines().filter_map(record).collect(),
            lines: output
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
            canaries: canaries.collect(),
            output,
        }
    })
}

#[tokio::test]
#[ignore = "the other half of the tests that read the logs: they run it in a process of its own"]
async fn a_life_with_everything_logged() {
    telemetry::init(&TelemetryOptions {
        default_filter: "trace",
        format: LogFormat::Json,
    })
    .unwrap();
    let audits = tempfile::tempdir().unwrap();
    let mut stack = TestStack::with(Setup {
        tls: true,
        audits: Some(audits.path().to_owned()),
        ..Setup::default()
    })
    .await;
    let secret = format!("canary-{}", hex::encode(random()));
    hide_bytes("secret", secret.as_bytes());
    for name in ["token.key", "server.key", "client.key"] {
        let pem = std::fs::read_to_string(stack.folder().join(name)).unwrap();
        pem.lines()
            .filter(|line| !line.starts_with('-'))
            .for_each(|line| hide(name, line));
    }
    hide("admin token", &stack.admin_token());

    stack.store("default/key/one", secret.as_bytes()).await;
    stack.release_by(AFFIRMING).await;
    let tcb = stack.platform.tcb();
    let values = json!({
        "snp_launch_measurement": [hex::encode([0x5a; 48])],
        "snp_bootloader": [tcb.bootloader],
        "snp_tee_svn": [tcb.tee],
        "snp_snp_svn": [tcb.snp],
        "snp_microcode": [tcb.microcode],
    });
    let request = traced(&stack, Method::POST, "/kbs/v0/reference-value", REGISTRATION);
    let request = request
        .bearer_auth(stack.admin_token())
        .body(integration_tests::vouch::register_message(&values));
    assert_eq!(request.send().await.unwrap().status(), 200);

    let guest = Guest::snp(&stack);
    let private = guest.key().to_pem().unwrap();
    private
        .lines()
        .filter(|line| !line.starts_with('-'))
        .for_each(|line| hide("guest key", line));
    hide("guest public key", guest.public_key()["x"].as_str().unwrap());
    let challenge = challenged(&guest).await;
    let body = guest.attestation(&challenge.nonce);
    let request = traced(&stack, Method::POST, "/kbs/v0/attest", APPRAISAL);
    let answer = request
        .header("cookie", &challenge.cookie)
        .json(&body)
        .send()
        .await
        .unwrap();
    let token = crate::guest::token(answer).await;
    hide("attestation token", &token);
    hide("signature of the token", token.rsplit('.').next().unwrap());
    assert_eq!(
        guest.open(guest.get(&challenge, "default/key/one").await).await,
        secret.as_bytes()
    );
    assert_eq!(guest.get_with(&token, "default/key/one").await.status(), 200);

    refusals(&stack, &guest, &token, &secret).await;
    show_records(&stack, audits.path()).await;
    stack.stop_attestation_service().await;
    let guest = Guest::snp(&stack);
    let challenge = challenged(&guest).await;
    show(
        guest
            .attest(&challenge, &guest.attestation(&challenge.nonce))
            .await,
    )
    .await;
    show(stack.send(Method::GET, "/readyz", "").await).await;
    show(stack.send(Method::GET, "/metrics", "").await).await;
    crate::trust_authority::live(&hide).await;
}

/// Everything that can be refused, with something in it that must not come out again.
async fn refusals(stack: &TestStack, guest: &Guest<'_>, token: &str, secret: &str) {
    let wrong = challenged(guest).await;
    show(
        guest
            .attest(&wrong, &guest.attestation("another-canary-nonce"))
            .await,
    )
    .await;
    hide("wrong nonce", "another-canary-nonce");
    for body in [
        format!("{{\"{secret}\""),
        format!("{{\"version\":\"0.4.0\",\"tee\":\"{secret}\",\"extra-params\":1}}"),
    ] {
        show(stack.send(Method::POST, "/kbs/v0/auth", body).await).await;
    }
    let challenge = challenged(guest).await;
    let mut body = guest.attestation(&challenge.nonce);
    body["tee-evidence"]["primary_evidence"] = json!({"attestation_report": secret});
    show(guest.attest(&challenge, &body).await).await;
    let challenge = challenged(guest).await;
    let mut body = guest.attestation(&challenge.nonce);
    body["runtime-data"]["tee-pubkey"]["x"] = json!(secret);
    show(guest.attest(&challenge, &body).await).await;

    let path = format!("/kbs/v0/resource/default/key/none?password={secret}");
    show(stack.send_with(Method::GET, &path, token, "").await).await;
    let path = "/kbs/v0/resource/default/key/one";
    let mut broken = token.to_owned();
    broken.truncate(token.len() - 4);
    for bearer in [secret, &broken, &stack.admin_token()] {
        show(stack.send_with(Method::GET, path, bearer, "").await).await;
        show(
            stack
                .send_with(Method::POST, path, &bearer[..bearer.len() - 2], secret)
                .await,
        )
        .await;
    }
    show(
        stack
            .as_owner(Method::POST, "/kbs/v0/resource/.hidden/a/b", secret)
            .await,
    )
    .await;
    show(
        stack
            .as_owner(Method::POST, "/kbs/v0/resource-policy", secret)
            .await,
    )
    .await;
    show(
        stack
            .as_owner(
                Method::POST,
                "/kbs/v0/reference-value",
                format!("{{\"payload\":\"{secret}\"}}"),
            )
            .await,
    )
    .await;
    let folder = stack.resource_folder().join("default/key/directory");
    std::fs::create_dir_all(folder).unwrap();
    show(
        stack
            .send_with(Method::GET, "/kbs/v0/resource/default/key/directory", token, "")
            .await,
    )
    .await;
}

async fn challenged(guest: &Guest<'_>) -> Challenge {
    let challenge = guest.challenge().await;
    hide("nonce", &challenge.nonce);
    hide("session", challenge.cookie.split('=').nth(1).unwrap());
    let digest = guest.attestation_digest(&challenge.nonce);
    hide("report data", &hex::encode(&digest));
    hide("report data", &STANDARD.encode(&digest));
    challenge
}

fn traced(stack: &TestStack, method: Method, path: &str, id: &str) -> reqwest::RequestBuilder {
    let request = stack
        .http
        .request(method, format!("{}{path}", stack.kbs))
        .header("x-request-id", id);
    request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
}

/// What was answered goes where the logs go, and is searched with them.
async fn show(answer: Response) {
    let status = answer.status();
    assert_ne!(status, 500, "{}", answer.url());
    let headers = format!("{:?}", answer.headers());
    println!("\nANSWER {status} {headers} {}", answer.text().await.unwrap());
}

/// What was written down goes there, too, as soon as all of it is.
async fn show_records(stack: &TestStack, audits: &Path) {
    let listed = stack.shown("/kbs/v0/decisions").await;
    let ids: Vec<&str> = listed["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|decision| decision["id"].as_str().unwrap())
        .collect();
    assert!(ids.len() > 5, "{listed}");
    let stored = stack.folder().join("storage/kbs_decisions");
    let decisions = loop {
        let files = files(&stored);
        let all = |id: &&str| files.iter().any(|(_, text)| text.contains(*id));
        if ids.iter().all(all) {
            break files;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    for (name, text) in files(audits).into_iter().chain(decisions) {
        text.lines().for_each(|line| println!("\n{RECORD}{name}: {line}"));
    }
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    // A name with a dot in front is of a file that is still written.
    named
        .filter(|(name, path)| !name.starts_with('.') && path.is_file())
        .map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn hide(what: &str, text: &str) {
    assert!(text.len() >= 8, "{what} is too short to be searched for");
    eprintln!("CANARY {what}: {text}");
}

/// Bytes, in any form that they could be printed in.
fn hide_bytes(what: &str, bytes: &[u8]) {
    hide(what, std::str::from_utf8(bytes).unwrap());
    hide(what, &hex::encode(bytes));
    hide(what, &STANDARD.encode(&bytes[..bytes.len() / 3 * 3]));
    hide(what, &URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() / 3 * 3]));
    let listed = format!("{bytes:?}");
    hide(what, listed.trim_matches(['[', ']']));
}

fn random() -> [u8; 12] {
    ring::rand::generate(&ring::rand::SystemRandom::new())
        .unwrap()
        .expose()
}
