//! What evidence can do that anybody can make.

use axum::http::StatusCode;
use tracing::Level;

use super::leaks::Lines;
use crate::admin::AdminGrant;
use crate::decisions::{Query, Verdict};
use crate::testing::{ALLOW_AFFIRMING, Bench};

#[tokio::test]
async fn evidence_of_a_device_alone_is_no_error_of_the_operators() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // With a second one in the process, what tests on other threads ask for does not switch lines off here.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let _guard = tracing::subscriber::set_default(subscriber);

    let bench = Bench::new().await;
    let (cookie, ..) = bench.attested("sampledevice").await;
    let answer = bench
        .call("GET", "resource/default/test/one", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let log = lines.text();
    let said = log.lines().find(|line| line.contains("no CPU")).unwrap();
    assert!(said.contains("INFO") && said.contains("sampledevice"), "{said}");
    assert!(
        !log.contains("ERROR") && !log.contains("attestation_token"),
        "{log}"
    );

    bench.kbs.decisions.reached().await;
    let page = bench
        .kbs
        .decisions
        .find(&AdminGrant::for_tests(), &Query::default());
    assert_eq!(page.decisions[0].verdict, Verdict::Untrusted);
    let reason = page.decisions[0].reason.clone().unwrap();
    assert!(
        reason.contains("no CPU") && !reason.contains("attestation_token"),
        "{reason}"
    );
}

#[tokio::test]
async fn sessions_that_anybody_can_have_take_no_others_away() {
    let bench = Bench::with_sessions(10).await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    bench
        .administer("POST", "resource/default/test/one", "secret")
        .await;
    let (cookie, ..) = bench.attested("snp").await;
    bench.clock.advance(10);
    for tee in ["sample", "sampledevice", "tpm"].iter().cycle().take(60) {
        bench.attested(tee).await;
    }
    let answer = bench
        .call("GET", "resource/default/test/one", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let (challenged, attested) = bench.kbs.sessions.counts();
    assert!(challenged + attested <= 6, "{challenged} {attested}");
}

#[tokio::test]
async fn a_release_is_as_cheap_as_the_attestation_behind_it() {
    let bench = Bench::new().await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    bench
        .administer("POST", "resource/default/test/one", "secret")
        .await;
    for tee in ["snp", "sample", "tpm"] {
        let (cookie, _, token) = bench.attested(tee).await;
        let bearer = format!("Bearer {token}");
        for header in [("cookie", cookie.as_str()), ("authorization", bearer.as_str())] {
            let answer = bench
                .call("GET", "resource/default/test/one", &[header], "")
                .await;
            assert_eq!(answer.status, StatusCode::OK);
        }
    }
    bench.kbs.decisions.reached().await;
    let page = bench
        .kbs
        .decisions
        .find(&AdminGrant::for_tests(), &Query::default());
    let cheap: Vec<bool> = page.decisions.iter().map(|decision| decision.cheap).collect();
    assert_eq!(cheap, [false, false, false, true, true, true, true, true, true]);
}
