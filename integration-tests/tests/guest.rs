//! A guest that does the protocol a step at a time, so that a test can do a step wrongly.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::jwe::{self, Jwe};
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use simulated_tee::snp::ReportBuilder;

use crate::stack::TestStack;

/// A guest with its key.
pub(crate) struct Guest<'a> {
    stack: &'a TestStack,
    key: TeePrivateKey,
    tee: &'static str,
}

/// What the KBS gave for a Request.
#[derive(Clone)]
pub(crate) struct Challenge {
    pub(crate) nonce: String,
    pub(crate) cookie: String,
}

/// How evidence is made from the digest that it must carry.
pub(crate) type Evidence<'e> = dyn Fn(&[u8]) -> Value + 'e;

impl<'a> Guest<'a> {
    /// A guest of the `sample` TEE.
    pub(crate) fn sample(stack: &'a TestStack) -> Self {
        Self::new(stack, "sample")
    }

    /// A guest on the stack's simulated SNP machine.
    pub(crate) fn snp(stack: &'a TestStack) -> Self {
        Self::new(stack, "snp")
    }

    fn new(stack: &'a TestStack, tee: &'static str) -> Self {
        let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
        Self { stack, key, tee }
    }

    /// The same guest with another kind of key.
    pub(crate) fn with_key(mut self, kind: TeeKeyKind) -> Self {
        self.key = TeePrivateKey::generate(kind).unwrap();
        self
    }

    /// The private key.
    pub(crate) fn key(&self) -> &TeePrivateKey {
        &self.key
    }

    /// The public key as it goes over the wire.
    pub(crate) fn public_key(&self) -> Value {
        serde_json::to_value(self.key.public_jwk()).unwrap()
    }

    /// Request and Challenge.
    pub(crate) async fn challenge(&self) -> Challenge {
        self.challenge_of(self.auth(&json!({})).await).await
    }

    /// A Request with these `extra-params`.
    pub(crate) async fn auth(&self, extra_params: &Value) -> Response {
        let body = json!({"version": "0.4.0", "tee": self.tee, "extra-params": extra_params}).to_string();
        self.stack.send(Method::POST, "/kbs/v0/auth", body).await
    }

    /// The Challenge in an answer.
    pub(crate) async fn challenge_of(&self, answer: Response) -> Challenge {
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let challenge: Value = answer.json().await.unwrap();
        Challenge {
            nonce: challenge["nonce"].as_str().unwrap().to_owned(),
            cookie,
        }
    }

    /// The body of an Attestation with what this guest would honestly send.
    pub(crate) fn attestation(&self, nonce: &str) -> Value {
        match self.tee {
            "sample" => self.attestation_with(nonce, &sample_evidence),
            _ => self.attestation_with(nonce, &|digest| self.snp_evidence(digest)),
        }
    }

    /// The body of an Attestation with evidence made by the test.
    pub(crate) fn attestation_with(&self, nonce: &str, evidence: &Evidence<'_>) -> Value {
        self.composite(nonce, "", evidence)
    }

    /// The same with the text of additional evidence.
    pub(crate) fn composite(&self, nonce: &str, additional: &str, evidence: &Evidence<'_>) -> Value {
        let bound =
            json!({"additional-evidence": additional, "nonce": nonce, "tee-pubkey": self.public_key()});
        json!({
            "init-data": null,
            "runtime-data": {"nonce": nonce, "tee-pubkey": self.public_key()},
            "tee-evidence": {"primary_evidence": evidence(&digest(&bound)), "additional_evidence": additional},
        })
    }

    /// What evidence must be bound to.
    pub(crate) fn attestation_digest(&self, nonce: &str) -> Vec<u8> {
        digest(&json!({"additional-evidence": "", "nonce": nonce, "tee-pubkey": self.public_key()}))
    }

    /// What evidence of a device must be bound to.
    pub(crate) fn device_digest(&self, nonce: &str) -> Vec<u8> {
        digest(&json!({"nonce": nonce, "tee-pubkey": self.public_key()}))
    }

    /// Evidence of the simulated machine's VCEK.
    pub(crate) fn snp_evidence(&self, digest: &[u8]) -> Value {
        self.snp_evidence_with(digest, |report| report)
    }

    /// The same of a report that was changed before it was signed.
    pub(crate) fn snp_evidence_with(
        &self,
        digest: &[u8],
        change: impl for<'r> FnOnce(ReportBuilder<'r>) -> ReportBuilder<'r>,
    ) -> Value {
        let platform = &self.stack.platform;
        let report = change(platform.report().report_data(digest)).sign().unwrap();
        simulated_tee::snp::evidence(&report, &platform.vcek_chain()).unwrap()
    }

    /// Attestation and Response.
    pub(crate) async fn attest(&self, challenge: &Challenge, body: &Value) -> Response {
        let request = self.stack.http.post(format!("{}/kbs/v0/attest", self.stack.kbs));
        request
            .header("cookie", &challenge.cookie)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// A whole handshake that must succeed: the session's challenge, and the token.
    pub(crate) async fn handshake(&self) -> (Challenge, String) {
        let challenge = self.challenge().await;
        let answer = self.attest(&challenge, &self.attestation(&challenge.nonce)).await;
        let token = token(answer).await;
        (challenge, token)
    }

    /// The same with evidence made by the test.
    pub(crate) async fn handshake_with(&self, evidence: &Evidence<'_>) -> (Challenge, String) {
        let challenge = self.challenge().await;
        let answer = self
            .attest(&challenge, &self.attestation_with(&challenge.nonce, evidence))
            .await;
        let token = token(answer).await;
        (challenge, token)
    }

    /// GET of a resource on a session.
    pub(crate) async fn get(&self, challenge: &Challenge, path: &str) -> Response {
        let request = self
            .stack
            .http
            .get(format!("{}/kbs/v0/resource/{path}", self.stack.kbs));
        request.header("cookie", &challenge.cookie).send().await.unwrap()
    }

    /// GET of a resource with a token.
    pub(crate) async fn get_with(&self, token: &str, path: &str) -> Response {
        self.stack
            .send_with(Method::GET, &format!("/kbs/v0/resource/{path}"), token, "")
            .await
    }

    /// Opens a sealed answer.
    pub(crate) async fn open(&self, answer: Response) -> Vec<u8> {
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{text}");
        let sealed: Jwe = serde_json::from_str(&text).unwrap();
        jwe::open(&sealed, &self.key).unwrap().expose().to_vec()
    }
}

/// `sample` evidence.
pub(crate) fn sample_evidence(digest: &[u8]) -> Value {
    json!({"svn": "1", "report_data": STANDARD.encode(digest)})
}

/// The token of a Response that must be one.
pub(crate) async fn token(answer: Response) -> String {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    body["token"].as_str().unwrap().to_owned()
}

fn digest(bound: &Value) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA384, bound.to_string().as_bytes())
        .as_ref()
        .to_vec()
}

/// The claims of a token, unverified: tests look at what the KBS verified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Demands that an answer is this error, in the form that guests read.
pub(crate) async fn assert_refused(answer: Response, status: u16, variant: &str) {
    let found = answer.status().as_u16();
    let url = answer.url().clone();
    assert_eq!(answer.headers().get("content-type").unwrap(), "application/json");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {found} {text:?}"));
    let kind = format!("https://github.com/confidential-containers/kbs/errors/{variant}");
    assert_eq!(
        (found, body["type"].as_str()),
        (status, Some(&*kind)),
        "{url}: {body}"
    );
    assert!(
        body["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
        "{body}"
    );
    assert_eq!(body["request_id"], id);
}

/// The status of the first CPU in a token.
pub(crate) fn cpu_status(token: &str) -> String {
    claims(token)["submods"]["cpu0"]["ear.status"]
        .as_str()
        .unwrap()
        .to_owned()
}
