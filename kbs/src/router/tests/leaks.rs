//! Nothing that must stay secret is in a log line, at any level, or in an error or a metric.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use tracing::Level;

use crate::testing::{ALLOW_AFFIRMING, Bench, attestation};

#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// What was written.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_at_any_level_holds_a_secret_a_token_a_nonce_a_session_or_a_key() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // With a second one in the process, what tests on other threads ask for does not switch lines off here.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let _guard = tracing::subscriber::set_default(subscriber);

    let bench = Bench::new().await;
    bench.set_policy(ALLOW_AFFIRMING).await;
    bench
        .administer("POST", "resource/default/test/one", "canary-secret")
        .await;
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    let (cookie, nonce) = bench.challenge("snp").await;
    let token = bench.attest(&cookie, &attestation(&nonce, &key)).await.json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = bench
        .call("GET", "resource/default/test/one", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let sealed = answer.json()["ciphertext"].as_str().unwrap().to_owned();

    // And all of it once more where it is refused.
    let refused = bench.attest(&cookie, &attestation(&nonce, &key)).await;
    let broken = format!("Bearer {token}x");
    let unverified = bench
        .call("GET", "resource/a/b/c", &[("authorization", &broken)], "")
        .await;
    let denied = bench
        .call(
            "POST",
            "resource/a/b/c",
            &[("authorization", &broken)],
            "canary-secret",
        )
        .await;
    for path in ["resource-policy", "reference-value", "attestation-policy"] {
        bench.administer("POST", path, "canary-secret").await;
    }
    let (spoiled_cookie, spoiled_nonce) = bench.challenge("snp").await;
    let evidence = attestation(&spoiled_nonce, &key).replace("true", "\"canary-secret\"");
    assert_eq!(
        bench.attest(&spoiled_cookie, &evidence).await.status,
        StatusCode::UNAUTHORIZED
    );

    let x = serde_json::to_value(key.public_jwk()).unwrap()["x"]
        .as_str()
        .unwrap()
        .to_owned();
    let session = cookie.split('=').nth(1).unwrap();
    let secrets = [
        "canary-secret",
        &token,
        &nonce,
        &spoiled_nonce,
        session,
        &x,
        &sealed,
    ];
    let log = lines.text();
    assert!(
        log.contains("verdict=\"released\"") && log.contains("verdict=cpu0=affirming"),
        "{log}"
    );
    let metrics = bench.kbs.metrics().registry().text().unwrap();
    let bodies = [refused, unverified, denied].map(|answer| String::from_utf8(answer.body).unwrap());
    for secret in secrets {
        assert!(!log.contains(secret), "in the log: {secret}");
        assert!(!metrics.contains(secret), "in the metrics: {secret}");
        assert!(
            !bodies.iter().any(|body| body.contains(secret)),
            "in an error: {secret}"
        );
    }
}
