use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{Link, Summary, Verifier};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::audit::FakeDisk;
use daemon::clock::ManualClock;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use serde_json::{Value, json};

use super::*;
use crate::config::KbsConfig;
use crate::testing::{ALLOW_AFFIRMING, Bench, NOW, attestation};

const PATH: &str = "resource/default/test/one";

/// A disk that does what a test wants, and what it says.
#[derive(Default)]
struct Disk(FakeDisk);

impl Disk {
    async fn bench(&self, require: bool) -> Bench {
        let clock = Arc::new(ManualClock::new(NOW));
        let bench = Bench::with(100, self.0.audit(require, clock, None).unwrap()).await;
        bench.set_policy(ALLOW_AFFIRMING).await;
        assert_eq!(
            bench.administer("POST", PATH, "canary-secret").await.status,
            StatusCode::OK
        );
        bench
    }

    fn text(&self) -> String {
        self.0.text()
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn proved(&self) -> Summary {
        let mut verifier = Verifier::after(Link::START);
        verifier.read(self.text().as_bytes()).unwrap().unwrap();
        verifier.finish().unwrap()
    }

    /// Waits until there is a line of this event.
    async fn line(&self, event: &str) -> Value {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(line) = self.lines().into_iter().rfind(|line| line["event"] == event) {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {event} in {}", self.text());
    }
}

fn said(lines: &[Value], event: &str) -> Vec<(String, String)> {
    let of_event = lines.iter().filter(|line| line["event"] == event);
    of_event
        .map(|line| {
            let about = ["path", "resource", "tee"]
                .iter()
                .find_map(|name| line[*name].as_str());
            (
                line["outcome"].as_str().unwrap().to_owned(),
                about.unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_policy_that_is_deleted_is_named_with_the_version_of_its_end() {
    let disk = Disk::default();
    let bench = disk.bench(false).await;
    let rego = URL_SAFE_NO_PAD.encode(policy::defaults::DENY_ALL);
    let body = json!({"policy": rego, "scope": "a"}).to_string();
    let set = bench.administer("PUT", "resource-policy/keys", body).await;
    assert_eq!(set.status, 200);
    bench.administer("DELETE", "resource-policy/keys", "").await;
    bench.kbs.audit.finish().await;
    let lines = disk.lines();
    let results = lines.iter().filter(|line| line["policy_id"] == "keys");
    let told: Vec<_> = results.map(|line| (&line["method"], &line["version"])).collect();
    assert_eq!(told, [(&json!("PUT"), &json!(1)), (&json!("DELETE"), &json!(2))]);
}

#[tokio::test]
async fn every_admin_action_attestation_and_release_is_a_line_of_a_whole_log() {
    let disk = Disk::default();
    let bench = disk.bench(false).await;
    let (cookie, _, token) = bench.attested("snp").await;
    bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    bench.set_policy(policy::defaults::DENY_ALL).await;
    bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    bench
        .call("DELETE", PATH, &[("authorization", "Bearer x.y.z")], "")
        .await;
    bench.administer("DELETE", "resource/default/test/none", "").await;
    bench.administer("GET", "resource", "").await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("tdx").await;
    bench
        .attest(&cookie, &attestation(&nonce, &key).replace("true", "false"))
        .await;
    bench.kbs.audit.finish().await;

    assert_eq!(disk.proved().recoveries, 0);
    let lines = disk.lines();
    let path = |tail: &str| format!("/kbs/v0/{tail}");
    let pairs = |pairs: &[(&str, String)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(outcome, about)| ((*outcome).to_owned(), about.clone()))
            .collect()
    };
    assert_eq!(
        said(&lines, "admin"),
        pairs(&[
            ("allowed", path("resource-policy")),
            ("allowed", path(PATH)),
            ("allowed", path("resource-policy")),
            ("refused", path(PATH)),
            ("allowed", path("resource/default/test/none")),
            ("allowed", path("resource")),
        ])
    );
    assert_eq!(
        said(&lines, "admin-result"),
        pairs(&[
            ("done", path("resource-policy")),
            ("done", path(PATH)),
            ("done", path("resource-policy")),
            ("failed", path("resource/default/test/none")),
        ])
    );
    let set = lines
        .iter()
        .find(|line| line["event"] == "admin-result" && line["path"] == path("resource-policy"))
        .unwrap();
    assert_eq!(set["policy_id"], "resource-policy");
    assert!(
        set["version"].is_u64() && set["digest"].as_str().unwrap().len() == 96,
        "{set}"
    );
    assert_eq!(
        said(&lines, "attestation"),
        pairs(&[("affirming", "snp".into()), ("refused", "tdx".into())])
    );
    assert_eq!(
        said(&lines, "release"),
        pairs(&[("released", PATH.into()), ("denied", PATH.into())])
    );
    let release = lines.iter().find(|line| line["event"] == "release").unwrap();
    let attested = lines.iter().find(|line| line["event"] == "attestation").unwrap();
    assert_eq!(release["attestation"], attested["decision"]);
    assert_eq!(attested["devices"]["cpu0"], "affirming");
    assert_eq!(release["policies"][0]["id"], "resource-policy");
    let session = cookie.split('=').nth(1).unwrap();
    for secret in ["canary-secret", token.as_str(), session, nonce.as_str(), "x.y.z"] {
        assert!(!disk.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_registered_is_named() {
    let disk = Disk::default();
    let bench = disk.bench(false).await;
    let message = r#"{"version":"0.1.0","type":"sample","payload":"e30="}"#;
    bench.administer("POST", "reference-value", message).await;
    bench.administer("POST", "reference-value", "{}").await;
    bench.kbs.audit.finish().await;
    disk.proved();
    let lines = disk.lines();
    let results: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "admin-result" && line["path"] == "/kbs/v0/reference-value")
        .collect();
    let [done, failed] = results[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(
        (&done["outcome"], &done["reference_values"]),
        (&json!("done"), &json!(["svn"]))
    );
    assert_eq!(done["message_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(failed["outcome"], "failed");
    assert!(failed.get("reference_values").is_none(), "{failed}");
}

#[tokio::test]
async fn where_it_is_required_nothing_is_released_or_changed_that_cannot_be_written_down() {
    let disk = Disk::default();
    let bench = disk.bench(true).await;
    let (cookie, ..) = bench.attested("snp").await;
    let released = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(released.status, StatusCode::OK);
    // It is there before the answer is.
    assert_eq!(said(&disk.lines(), "release").len(), 1);

    disk.0.set_full(true);
    let refused = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(
        (refused.status, refused.error()),
        (StatusCode::SERVICE_UNAVAILABLE, "AuditUnavailable".into())
    );
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(!String::from_utf8(refused.body).unwrap().contains("ciphertext"));
    let admin = bench.administer("DELETE", PATH, "").await;
    assert_eq!(admin.error(), "AuditUnavailable");
    let get = || Request::get("/readyz").body(Body::empty()).unwrap();
    let ready = bench.send(get()).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&ready.json()["ready"], &ready.json()["audit_log"]),
        (&json!(false), &json!(false))
    );

    disk.0.set_full(false);
    disk.line("log-interrupted").await;
    let again = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(again.status, StatusCode::OK);
    let ready = bench.send(get()).await;
    assert_eq!(
        (ready.status, &ready.json()["audit_log"]),
        (StatusCode::OK, &json!(true))
    );
    bench.kbs.audit.finish().await;
    disk.proved();
    let releases = said(&disk.lines(), "release");
    let outcomes: Vec<_> = releases.iter().map(|(outcome, _)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["released", "failed", "released"]);
    // What set it up; the deletion was not done, and is not there.
    assert_eq!(said(&disk.lines(), "admin").len(), 2);
}

#[tokio::test]
async fn where_it_is_not_required_nobody_waits_and_what_was_held_up_is_written_later() {
    let disk = Disk::default();
    let bench = disk.bench(false).await;
    let (cookie, ..) = bench.attested("snp").await;
    disk.0.set_full(true);
    let released = bench.call("GET", PATH, &[("cookie", &cookie)], "").await;
    assert_eq!(released.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(said(&disk.lines(), "release").is_empty());
    // Who requires nothing waits for nothing, and is ready.
    let ready = Request::get("/readyz").body(Body::empty()).unwrap();
    let ready = bench.send(ready).await;
    assert_eq!(
        (ready.status, ready.json().get("audit_log")),
        (StatusCode::OK, None)
    );
    disk.0.set_full(false);
    let line = disk.line("release").await;
    assert_eq!(line["outcome"], "released");
    assert!(disk.lines().iter().any(|line| line["event"] == "log-interrupted"));
    disk.proved();
}

#[test]
fn a_log_that_is_required_has_to_have_a_place() {
    let start = |config: &str| {
        let config = KbsConfig::from_text(config, "toml").unwrap().config.audit;
        Audit::start(&config, Arc::new(ManualClock::new(NOW)), None)
    };
    assert!(!start("").unwrap().is_on());
    assert!(matches!(
        start("[audit]\nrequire = true"),
        Err(AuditSetupError::Nowhere)
    ));
    assert!(matches!(
        start("[audit]\nfile = \"/no/such/place/log\""),
        Err(AuditSetupError::Open(_))
    ));
    assert!(KbsConfig::from_text("[audit]\npath = \"x\"", "toml").is_err());
}
