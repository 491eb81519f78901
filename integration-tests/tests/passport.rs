//! Passport mode: a token of one KBS opens a secret at another one, as `docs/passport.md` sets them up.

mod trustees;

use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::clock::{Clock, ManualClock, SystemClock};
use jose::signer::SigningKey;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use kbs_client::error::ClientError;
use serde_json::json;

use crate::guest::{claims, cpu_status};
use crate::owner::{AFFIRMING, ALLOW_ALL};
use trustees::{A, B, Desk, Trustee, page_command};

const SECRET: &[u8] = b"thirty-two bytes of a secret key";
const PATH: &str = "default/key/1";

/// A secret at B that everybody with a believed token gets.
async fn with_secret(b: &Trustee) {
    b.owner()
        .set_resource(&PATH.parse().unwrap(), SECRET.to_vec())
        .await
        .unwrap();
    b.owner()
        .set_resource_policy(ALLOW_ALL.as_bytes(), false)
        .await
        .unwrap();
}

/// Which status and error B answers with.
fn refusal(result: Result<Vec<u8>, ClientError>) -> (u16, String) {
    let error = result.expect_err("it must be refused");
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
    (refusal.status, refusal.kind.clone())
}

fn not_believed() -> (u16, String) {
    (401, "TokenVerifierError".to_owned())
}

#[tokio::test]
async fn a_passport_opens_a_secret_where_its_issuers_authority_is_trusted() {
    let desk = Desk::new();
    let (a, b) = (desk.trustee(A).await, desk.trustee(B).await);
    with_secret(&b).await;
    let (key, token) = a.passport().await;
    assert_eq!(claims(&token)["iss"], "https://kbs-a.example");
    assert_eq!(claims(&token)["aud"], "https://kbs-b.example");
    assert_eq!(b.get(&key, &token).await.unwrap(), SECRET);
}

#[tokio::test]
async fn a_passport_opens_a_secret_where_its_issuers_key_set_is_a_file() {
    let desk = Desk::new();
    let a = desk.trustee(A).await;
    desk.write("b/a.jwks", &a.published_keys().await);
    let file = format!("trusted_jwk_sets = [{:?}]", desk.path("b/a.jwks"));
    let b = desk.trustee_with(B, trustees::CERTIFICATES, &file).await;
    with_secret(&b).await;
    let (key, token) = a.passport().await;
    assert_eq!(b.get(&key, &token).await.unwrap(), SECRET);
}

#[tokio::test]
async fn a_key_set_fetched_over_https_is_followed_when_its_issuer_changes_its_key() {
    let desk = Desk::new();
    let mut a = desk.trustee(A).await;
    let keys = format!(
        "trusted_jwk_sets = [\"{}/.well-known/jwks.json\"]\njwk_set_ca_paths = [{:?}]",
        a.url,
        desk.path("ca.pem")
    );
    let b = desk.trustee_with(B, trustees::CERTIFICATES, &keys).await;
    with_secret(&b).await;
    let (key, token) = a.passport().await;
    assert_eq!(b.get(&key, &token).await.unwrap(), SECRET);

    let before = a.published_keys().await;
    desk.another_token_key();
    a.restart().await;
    assert_ne!(a.published_keys().await, before);
    let (key, token) = a.passport().await;
    // B asks again for an unknown key, but not more often than every ten seconds.
    let begin = Instant::now();
    while b.get(&key, &token).await.is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "the new key is never read"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let desk = Desk::new();
    let (b, elsewhere) = (desk.trustee(B).await, Desk::new());
    with_secret(&b).await;
    // Another authority, and claims to be A in everything.
    let (key, token) = elsewhere.trustee(A).await.passport().await;
    assert_eq!(refusal(b.get(&key, &token).await), not_believed());
    // The same authority, another name.
    let other = desk
        .trustee_with(A, "\"https://kbs-a.example\"", "\"https://kbs-c.example\"")
        .await;
    let (key, token) = other.passport().await;
    assert_eq!(claims(&token)["iss"], "https://kbs-c.example");
    assert_eq!(refusal(b.get(&key, &token).await), not_believed());
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused_where_an_audience_is_demanded() {
    let desk = Desk::new();
    let a = desk.trustee(A).await;
    let (b, c) = (
        desk.trustee(B).await,
        desk.trustee_with(
            B,
            "audience = \"https://kbs-b.example\"",
            "audience = \"https://kbs-c.example\"",
        )
        .await,
    );
    with_secret(&b).await;
    with_secret(&c).await;
    let (key, token) = a.passport().await;
    assert_eq!(b.get(&key, &token).await.unwrap(), SECRET);
    assert_eq!(refusal(c.get(&key, &token).await), not_believed());

    // A token for nobody in particular is for neither; one for both is good at both.
    for (audiences, at_b, at_c) in [
        ("[]", false, false),
        (
            "[\"https://kbs-b.example\", \"https://kbs-c.example\"]",
            true,
            true,
        ),
    ] {
        let a = desk
            .trustee_with(A, "[\"https://kbs-b.example\"]", audiences)
            .await;
        let (key, token) = a.passport().await;
        assert_eq!(b.get(&key, &token).await.is_ok(), at_b, "{audiences}");
        assert_eq!(c.get(&key, &token).await.is_ok(), at_c, "{audiences}");
    }
}

#[tokio::test]
async fn an_expired_passport_is_refused() {
    let desk = Desk::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let a = desk.trustee(A).await;
    let b = desk.trustee_on(B, clock.clone()).await;
    with_secret(&b).await;
    let (key, token) = a.passport().await;
    clock.advance(299);
    assert_eq!(b.get(&key, &token).await.unwrap(), SECRET);
    // A minute is allowed for clocks that differ.
    clock.advance(1 + 90);
    assert_eq!(refusal(b.get(&key, &token).await), not_believed());
}

#[tokio::test]
async fn a_passport_is_of_no_use_to_who_has_not_its_tee_key() {
    let desk = Desk::new();
    let (a, b) = (desk.trustee(A).await, desk.trustee(B).await);
    with_secret(&b).await;
    let (_, token) = a.passport().await;
    let thief = TeePrivateKey::generate(TeeKeyKind::P256)
        .unwrap()
        .to_pem()
        .unwrap();
    let error = b.get(&thief, &token).await.unwrap_err();
    assert!(matches!(error, ClientError::Seal(_)), "{error:?}");
}

#[tokio::test]
async fn a_passport_that_was_changed_or_made_at_home_is_refused() {
    let desk = Desk::new();
    let (a, b) = (desk.trustee(A).await, desk.trustee(B).await);
    with_secret(&b).await;
    let (key, token) = a.passport().await;
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let own = SigningKey::generate_p256().unwrap();
    let mut better = claims(&token);
    better["submods"]["cpu0"]["ear.status"] = json!("affirming");
    let payload = own.sign_compact(&json!({}), &better).unwrap();
    let payload = payload.split('.').nth(1).unwrap();
    let own_header = json!({"typ": "JWT", "alg": "ES256", "jwk": own.public_jwk()});
    for (name, forged) in [
        ("changed", format!("{header}.{payload}.{signature}")),
        ("own key", own.sign_compact(&own_header, &better).unwrap()),
        (
            "no key",
            own.sign_compact(&json!({"alg": "ES256"}), &better).unwrap(),
        ),
    ] {
        assert_eq!(refusal(b.get(&key, &forged).await), not_believed(), "{name}");
    }
}

#[tokio::test]
async fn a_contraindicated_passport_opens_nothing_under_the_affirming_policy() {
    let desk = Desk::new();
    let (a, b) = (desk.trustee(A).await, desk.trustee(B).await);
    with_secret(&b).await;
    b.owner()
        .set_resource_policy(AFFIRMING.as_bytes(), false)
        .await
        .unwrap();
    let (key, token) = a.passport().await;
    assert_eq!(cpu_status(&token), "contraindicated");
    let denied = (403, "PolicyDeny".to_owned());
    assert_eq!(refusal(b.get(&key, &token).await), denied);

    a.vouch_for_sample().await;
    // What was issued before does not get better.
    assert_eq!(refusal(b.get(&key, &token).await), denied);
    let (key, token) = a.passport().await;
    assert_eq!(cpu_status(&token), "affirming");
    assert_eq!(b.get(&key, &token).await.unwrap(), SECRET);
}

#[tokio::test]
async fn a_kbs_that_only_releases_attests_nobody() {
    let desk = Desk::new();
    let b = desk.trustee(B).await;
    let error = b.client().build().unwrap().attest().await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, &*refusal.kind), (404, "NotOffered"));
    let error = b.owner().list_attestation_policies().await.unwrap_err();
    assert_eq!(error.refusal().unwrap().kind, "NotOffered");
    let answer = desk
        .http()
        .get(format!("{}/.well-known/jwks.json", b.url))
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 404);
    let ready = desk.http().get(format!("{}/readyz", b.url)).send().await.unwrap();
    assert_eq!(ready.status(), 200);
}

#[tokio::test]
async fn a_kbs_without_an_attestation_service_has_to_be_told_whom_to_believe() {
    let desk = Desk::new();
    let error = desk.does_not_start(B, trustees::CERTIFICATES, "").await;
    assert!(error.contains("no trusted verification materials"), "{error}");
}

#[tokio::test]
async fn the_commands_of_the_page_work_as_printed() {
    let desk = Desk::new();
    let (a, b) = (desk.trustee(A).await, desk.trustee(B).await);
    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    desk.write("tee.key", &key.to_pem().unwrap());
    desk.write("secret.bin", std::str::from_utf8(SECRET).unwrap());
    for command in [
        "set-sample-reference-value",
        "set-resource ",
        "set-resource-policy",
    ] {
        desk.run(&page_command(command), &a, &b).await;
    }
    a.vouch_for_sample().await;
    let passport = desk.run(&page_command(" attest "), &a, &b).await;
    desk.write("passport.jwt", &passport);
    let printed = desk.run(&page_command("--attestation-token"), &a, &b).await;
    use base64::Engine;
    let secret = base64::engine::general_purpose::STANDARD
        .decode(printed.trim())
        .unwrap();
    assert_eq!(secret, SECRET);
}
