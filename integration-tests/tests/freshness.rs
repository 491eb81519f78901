//! A challenge is answered once, by whoever got it, for the key and the TEE that it was asked for.

use std::sync::Arc;

use daemon::clock::{Clock, ManualClock, SystemClock};
use reqwest::Method;
use serde_json::json;
use simulated_tee::snp::evidence;

use crate::guest::{Challenge, Guest, assert_refused, sample_evidence, token};
use crate::owner::ALLOW_ALL;
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";

async fn stack() -> TestStack {
    stack_with(Setup::default()).await
}

async fn stack_with(setup: Setup) -> TestStack {
    let stack = TestStack::with(setup).await;
    stack.store(PATH, b"s").await;
    stack.release_by(ALLOW_ALL).await;
    stack
}

#[tokio::test]
async fn the_same_answer_twice_gives_one_token() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let challenge = guest.challenge().await;
    let body = guest.attestation(&challenge.nonce);
    token(guest.attest(&challenge, &body).await).await;
    assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;
    // The session that was attested stays good.
    assert_eq!(guest.open(guest.get(&challenge, PATH).await).await, b"s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_answer_many_times_at_once_gives_one_token() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    for _ in 0..5 {
        let challenge = guest.challenge().await;
        let body = guest.attestation(&challenge.nonce);
        let sent = (0..16).map(|_| {
            let request = stack.http.post(format!("{}/kbs/v0/attest", stack.kbs));
            tokio::spawn(request.header("cookie", &challenge.cookie).json(&body).send())
        });
        let mut statuses = Vec::new();
        for answer in sent.collect::<Vec<_>>() {
            statuses.push(answer.await.unwrap().unwrap().status().as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200);
        assert!(statuses[1..].iter().all(|status| *status == 401), "{statuses:?}");
    }
}

#[tokio::test]
async fn an_answer_to_one_challenge_is_none_to_another() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let (first, second) = (guest.challenge().await, guest.challenge().await);
    let answer = guest.attest(&second, &guest.attestation(&first.nonce)).await;
    assert_refused(answer, 401, "AttestationError").await;
}

#[tokio::test]
async fn an_answer_that_failed_has_consumed_its_challenge() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    for bad in [
        json!({}),
        guest.attestation("bm90IHRoZSBub25jZQ=="),
        guest.attestation_with("x", &sample_evidence),
    ] {
        let challenge = guest.challenge().await;
        let failed = guest.attest(&challenge, &bad).await;
        assert!(failed.status().is_client_error());
        let answer = guest
            .attest(&challenge, &guest.attestation(&challenge.nonce))
            .await;
        assert_refused(answer, 401, "AttestationError").await;
        assert_refused(guest.get(&challenge, PATH).await, 401, "TokenNotFound").await;
    }
}

#[tokio::test]
async fn an_attested_session_gives_no_token_for_other_evidence_or_another_key() {
    let stack = stack().await;
    let (guest, other) = (Guest::sample(&stack), Guest::sample(&stack));
    let (session, _) = guest.handshake().await;
    let with_other_key = other.attestation(&session.nonce);
    let refused = other.attest(&session, &with_other_key).await;
    assert_refused(refused, 401, "AttestationError").await;
    // And what the session releases stays sealed to the first key.
    let sealed = other.get(&session, PATH).await.json().await.unwrap();
    assert!(jose::jwe::open(&sealed, other.key()).is_err());
    assert!(jose::jwe::open(&sealed, guest.key()).is_ok());
}

#[tokio::test]
async fn a_session_id_of_the_clients_own_is_never_adopted() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let own = format!("kbs-session-id={}", "ab".repeat(16));
    let request = stack
        .http
        .post(format!("{}/kbs/v0/auth", stack.kbs))
        .header("cookie", &own);
    let answer = request
        .json(&json!({"version": "0.4.0", "tee": "sample", "extra-params": {}}))
        .send()
        .await
        .unwrap();
    let given = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert_ne!(given, own);
    let nonce = answer.json::<serde_json::Value>().await.unwrap()["nonce"]
        .as_str()
        .unwrap()
        .to_owned();
    let challenge = Challenge { nonce, cookie: own };
    let answer = guest
        .attest(&challenge, &guest.attestation(&challenge.nonce))
        .await;
    assert_refused(answer, 401, "AttestationError").await;
}

#[tokio::test]
async fn another_clients_cookie_or_two_cookies_are_refused() {
    let stack = stack().await;
    let (guest, other) = (Guest::sample(&stack), Guest::sample(&stack));
    let (mine, theirs) = (guest.challenge().await, other.challenge().await);
    let stolen = Challenge {
        cookie: theirs.cookie.clone(),
        ..mine.clone()
    };
    let answer = guest.attest(&stolen, &guest.attestation(&mine.nonce)).await;
    assert_refused(answer, 401, "AttestationError").await;

    let both = Challenge {
        cookie: format!("{}; {}", mine.cookie, theirs.cookie),
        ..mine.clone()
    };
    let answer = guest.attest(&both, &guest.attestation(&mine.nonce)).await;
    assert_refused(answer, 401, "AttestationError").await;
    // That named no session, so it has consumed none.
    token(guest.attest(&mine, &guest.attestation(&mine.nonce)).await).await;
}

#[tokio::test]
async fn evidence_of_another_tee_than_was_asked_for_is_refused() {
    let stack = stack().await;
    let (sample, snp) = (Guest::sample(&stack), Guest::snp(&stack));
    let challenge = sample.challenge().await;
    let answer = sample
        .attest(&challenge, &snp.attestation(&challenge.nonce))
        .await;
    assert_refused(answer, 401, "AttestationError").await;
    let challenge = snp.challenge().await;
    let answer = snp
        .attest(&challenge, &sample.attestation(&challenge.nonce))
        .await;
    assert_refused(answer, 401, "AttestationError").await;
}

#[tokio::test]
async fn one_flipped_bit_in_the_report_data_is_refused_signed_or_not() {
    let stack = stack().await;
    let guest = Guest::snp(&stack);
    let platform = &stack.platform;
    for at in [0, 47, 48, 63] {
        // Signed: a genuine report of something else. The last two are padding, which must be zero.
        let signed = |digest: &[u8]| {
            let report = platform
                .report()
                .report_data(digest)
                .with(|fields| fields.report_data[at] ^= 1);
            evidence(&report.sign().unwrap(), &platform.vcek_chain()).unwrap()
        };
        let unsigned = |digest: &[u8]| {
            let mut evidence = guest.snp_evidence(digest);
            let byte = &mut evidence["attestation_report"]["report_data"][at];
            *byte = json!(byte.as_u64().unwrap() ^ 1);
            evidence
        };
        for evidence in [&signed as &crate::guest::Evidence<'_>, &unsigned] {
            let challenge = guest.challenge().await;
            let body = guest.attestation_with(&challenge.nonce, evidence);
            assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;
        }
    }
}

#[tokio::test]
async fn one_changed_character_of_the_key_or_the_nonce_is_refused() {
    let stack = stack().await;
    for guest in [Guest::sample(&stack), Guest::snp(&stack)] {
        let challenge = guest.challenge().await;
        let mut body = guest.attestation(&challenge.nonce);
        let other = Guest::sample(&stack).public_key();
        body["runtime-data"]["tee-pubkey"] = other;
        assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;

        let challenge = guest.challenge().await;
        let mut body = guest.attestation(&challenge.nonce);
        let first = if challenge.nonce.starts_with('A') {
            "B"
        } else {
            "A"
        };
        body["runtime-data"]["nonce"] = json!(format!("{first}{}", &challenge.nonce[1..]));
        assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;
    }
}

#[tokio::test]
async fn a_key_that_nothing_may_be_sealed_to_is_refused_before_it_is_attested() {
    let stack = stack().await;
    let guest = Guest::sample(&stack);
    let off_curve = json!({"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW",
        "x": "A".repeat(43), "y": "A".repeat(43)});
    let narrow = json!({"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW", "x": "AA", "y": "AA"});
    let mut other_algorithm = guest.public_key();
    other_algorithm["alg"] = json!("ECDH-ES");
    let small_rsa = json!({"kty": "RSA", "alg": "RSA-OAEP-256", "n": "A".repeat(171), "e": "AQAB"});
    for key in [off_curve, narrow, other_algorithm, small_rsa] {
        let challenge = guest.challenge().await;
        let mut body = guest.attestation(&challenge.nonce);
        body["runtime-data"]["tee-pubkey"] = key;
        assert_refused(guest.attest(&challenge, &body).await, 400, "AttestationError").await;
    }
}

#[tokio::test]
async fn a_session_ends_with_its_time_answered_or_not() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let stack = stack_with(Setup {
        clock: clock.clone(),
        ..Setup::default()
    })
    .await;
    let guest = Guest::sample(&stack);
    let unanswered = guest.challenge().await;
    let (session, _) = guest.handshake().await;
    clock.advance(299);
    assert_eq!(guest.get(&session, PATH).await.status(), 200);
    clock.advance(1);
    assert_refused(guest.get(&session, PATH).await, 401, "TokenNotFound").await;
    let answer = guest
        .attest(&unanswered, &guest.attestation(&unanswered.nonce))
        .await;
    assert_refused(answer, 401, "AttestationError").await;
}

#[tokio::test]
async fn a_challenge_of_one_kbs_is_none_of_another() {
    let (ours, other) = (stack().await, stack().await);
    let (guest, there) = (Guest::sample(&ours), Guest::sample(&other));
    let challenge = guest.challenge().await;
    let answer = there
        .attest(&challenge, &there.attestation(&challenge.nonce))
        .await;
    assert_refused(answer, 401, "AttestationError").await;
    let cookie = &challenge.cookie;
    let answer = other
        .http
        .get(format!("{}/kbs/v0/resource/{PATH}", other.kbs))
        .header("cookie", cookie);
    assert_refused(answer.send().await.unwrap(), 401, "TokenNotFound").await;
    assert_eq!(other.send(Method::GET, "/healthz", "").await.status(), 200);
}

#[tokio::test]
async fn no_challenge_and_no_session_outlives_a_restart_and_resources_do() {
    let mut stack = stack().await;
    let (challenge, body, session) = {
        let guest = Guest::sample(&stack);
        let challenge = guest.challenge().await;
        let body = guest.attestation(&challenge.nonce);
        (challenge, body, guest.handshake().await.0)
    };
    stack.restart_kbs().await;
    let guest = Guest::sample(&stack);
    assert_refused(guest.attest(&challenge, &body).await, 401, "AttestationError").await;
    assert_refused(guest.get(&session, PATH).await, 401, "TokenNotFound").await;
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.get(&session, PATH).await.status(), 200);
}
