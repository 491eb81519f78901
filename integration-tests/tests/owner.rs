//! What the owner of a stack does, and plain requests.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use daemon::clock::{Clock, SystemClock};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::stack::TestStack;

impl TestStack {
    /// Sends a request without any credential.
    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.kbs));
        request.body(body.into()).send().await.unwrap()
    }

    /// Sends a request with that bearer token.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        bearer: &str,
        body: impl Into<Vec<u8>>,
    ) -> Response {
        let request = self
            .http
            .request(method, format!("{}{path}", self.kbs))
            .bearer_auth(bearer);
        request.body(body.into()).send().await.unwrap()
    }

    /// Sends a request as the owner.
    pub(crate) async fn as_owner(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Response {
        self.send_with(method, path, &self.admin_token(), body).await
    }

    /// The JSON of a GET as the owner, which must succeed.
    pub(crate) async fn shown(&self, path: &str) -> Value {
        let answer = self.as_owner(Method::GET, path, "").await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// A short-lived token of the owner.
    pub(crate) fn admin_token(&self) -> String {
        let now = SystemClock.now();
        let claims = json!({"iss": "owner", "aud": ["KBS"], "role": "admin", "iat": now, "exp": now + 60});
        self.admin
            .sign_compact(&json!({"alg": "EdDSA", "typ": "JWT"}), &claims)
            .unwrap()
    }

    /// Stores a secret.
    pub(crate) async fn store(&self, path: &str, secret: &[u8]) {
        succeed(
            self.as_owner(Method::POST, &format!("/kbs/v0/resource/{path}"), secret)
                .await,
        )
        .await;
    }

    /// Sets the release policy.
    pub(crate) async fn release_by(&self, rego: &str) {
        let body = json!({"policy": URL_SAFE_NO_PAD.encode(rego)}).to_string();
        succeed(self.as_owner(Method::POST, "/kbs/v0/resource-policy", body).await).await;
    }

    /// Sets an attestation policy.
    pub(crate) async fn appraise_by(&self, id: &str, rego: &str) {
        let body =
            json!({"type": "rego", "policy_id": id, "policy": URL_SAFE_NO_PAD.encode(rego)}).to_string();
        succeed(
            self.as_owner(Method::POST, "/kbs/v0/attestation-policy", body)
                .await,
        )
        .await;
    }

    /// Registers reference values through the KBS.
    pub(crate) async fn register(&self, values: &Value) {
        self.register_as("sample", values.to_string().as_bytes()).await;
    }

    /// Registers what the extractor of a type makes of this.
    pub(crate) async fn register_as(&self, kind: &str, payload: &[u8]) {
        let body = json!({"version": "0.1.0", "type": kind, "payload": STANDARD.encode(payload)}).to_string();
        succeed(self.as_owner(Method::POST, "/kbs/v0/reference-value", body).await).await;
    }

    /// Registers what makes a guest on the simulated machine affirming.
    pub(crate) async fn vouch_for_platform(&self) {
        let tcb = self.platform.tcb();
        self.register(&json!({
            "snp_launch_measurement": [hex::encode([0x5a; 48])],
            "snp_bootloader": [tcb.bootloader],
            "snp_tee_svn": [tcb.tee],
            "snp_snp_svn": [tcb.snp],
            "snp_microcode": [tcb.microcode],
        }))
        .await;
    }

    /// Registers what makes the `sample` TEE affirming.
    pub(crate) async fn vouch_for_sample(&self) {
        self.register(&json!({
            "launch_digest": ["abcde"],
            "svn": ["1"],
            "major_version": 1,
            "minimum_minor_version": 1,
        }))
        .await;
    }
}

async fn succeed(answer: Response) {
    let status = answer.status();
    assert_eq!(status, 200, "{}", answer.text().await.unwrap());
}

/// Releases to guests whose appraisal is affirming.
pub(crate) const AFFIRMING: &str = policy::defaults::AFFIRMING;
/// Releases to everybody who has attested.
pub(crate) const ALLOW_ALL: &str = policy::defaults::ALLOW_ALL;
