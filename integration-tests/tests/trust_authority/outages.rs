//! The service misbehaves, or is not there.

use std::time::{Duration, Instant};

use integration_tests::fakes::ita::{FakeIta, Mood};

use super::setup::{self, Setup, TestAttester};
use crate::owner::ALLOW_ALL;

fn error(status: u16) -> (u16, String) {
    (status, "AttestationError".to_owned())
}

#[tokio::test]
async fn whose_fault_it_is_is_told_to_the_guest() {
    let (ita, kbs) = setup::start().await;
    kbs.release_by(ALLOW_ALL).await;
    for (mood, status) in [
        (Mood::Status(400, "Quote is malformed"), 401),
        (Mood::Status(401, "Forbidden"), 500),
        (Mood::Status(403, "Forbidden"), 500),
        (Mood::Status(404, "Not Found"), 500),
        (Mood::Status(429, "Too many requests"), 503),
        (Mood::Status(500, "Internal"), 502),
        (Mood::Status(503, "Down"), 503),
        (Mood::Nonsense, 502),
        (Mood::Oversized(3 << 20), 502),
        (Mood::Redirect(format!("{}/certs", ita.url())), 502),
    ] {
        ita.set_mood(mood.clone());
        assert_eq!(
            kbs.refusal(TestAttester::new("tdx")).await,
            error(status),
            "{mood:?}"
        );
    }
    // Nobody was sent elsewhere with the evidence and the key.
    assert!(
        ita.requests()
            .iter()
            .all(|asked| asked.path == "/appraisal/v2/attest")
    );
    ita.set_mood(Mood::Good);
    kbs.gets_the_secret().await;
}

#[tokio::test]
async fn a_slow_service_is_waited_for_within_limits() {
    let (ita, kbs) = setup::start_with(Setup {
        service_keys: "request_timeout = 1",
        ..Setup::default()
    })
    .await;
    kbs.release_by(ALLOW_ALL).await;
    ita.set_mood(Mood::Slow(Duration::from_secs(30)));
    let begin = Instant::now();
    assert_eq!(kbs.refusal(TestAttester::new("tdx")).await, error(503));
    assert!(begin.elapsed() < Duration::from_secs(20));
    ita.set_mood(Mood::Slow(Duration::from_millis(100)));
    kbs.gets_the_secret().await;
}

#[tokio::test]
async fn a_service_that_is_gone_is_an_outage_and_the_kbs_goes_on() {
    let (ita, kbs) = setup::start().await;
    drop(ita);
    // Connections may still be served for a moment.
    let begin = Instant::now();
    while kbs.refusal(TestAttester::new("tdx")).await != error(503) {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "the service is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(kbs.status("healthz").await, 200);
}

#[tokio::test]
async fn without_its_keys_nothing_is_believed_and_the_kbs_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let ita = FakeIta::start(dir.path()).await.unwrap();
    ita.keys_are_down(true);
    let kbs = setup::start_against(&ita, dir, Setup::default()).await.unwrap();
    assert_eq!(kbs.status("readyz").await, 503);
    assert_eq!(kbs.refusal(TestAttester::new("tdx")).await, error(503));
}

#[tokio::test]
async fn a_wrong_api_key_is_the_operators_mistake_and_is_not_repeated_to_the_guest() {
    let (_ita, kbs) = setup::start_with(Setup {
        replace: vec![(
            "api_key_file = \"/etc/kbs/ita-api-key\"",
            "api_key = \"canary-of-another\"".to_owned(),
        )],
        ..Setup::default()
    })
    .await;
    let failed = kbs.attempt(TestAttester::new("tdx")).await.unwrap_err();
    assert_eq!(failed.refusal().unwrap().status, 500);
    assert!(!failed.to_string().contains("canary"), "{failed}");
}
