//! One simulated guest on one connection: challenge, attest, get.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jose::jwe::{self, Jwe};
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use serde_json::{Value, json};

use super::Worker;
use super::http::{self, Answer, Connection};
use super::target::Target;

/// How a guest makes its evidence from the digest that the evidence must carry.
pub trait EvidenceMaker: Send + Sync {
    /// The TEE's name on the wire.
    fn tee(&self) -> &str;
    /// The evidence as JSON; `report_data` is the SHA-384 digest of the runtime data.
    fn evidence(&self, report_data: &[u8]) -> anyhow::Result<Value>;
}

/// The `sample` TEE: evidence that costs nothing, so that the services' own cost shows.
pub struct Sample;

impl EvidenceMaker for Sample {
    fn tee(&self) -> &str {
        "sample"
    }

    fn evidence(&self, report_data: &[u8]) -> anyhow::Result<Value> {
        Ok(json!({"svn": "1", "report_data": STANDARD.encode(report_data)}))
    }
}

/// A guest with its connection, its key and, after a handshake, its session.
pub struct Guest<E> {
    connection: Connection,
    authority: String,
    maker: std::sync::Arc<E>,
    key: TeePrivateKey,
    public_key: Value,
    challenge_request: Vec<u8>,
    resource_request: Vec<u8>,
    resource: String,
}

impl<E: EvidenceMaker> Guest<E> {
    /// Connects. `resource` is `repository/type/tag`.
    pub async fn connect(target: &Target, maker: std::sync::Arc<E>, resource: &str) -> anyhow::Result<Self> {
        let key = TeePrivateKey::generate(TeeKeyKind::P256)?;
        let hello = json!({"version": "0.4.0", "tee": maker.tee(), "extra-params": {}}).to_string();
        Ok(Self {
            connection: Connection::open(target).await?,
            challenge_request: http::request(
                "POST",
                "/kbs/v0/auth",
                &target.authority,
                None,
                hello.as_bytes(),
            ),
            authority: target.authority.clone(),
            public_key: serde_json::to_value(key.public_jwk())?,
            maker,
            key,
            resource_request: Vec::new(),
            resource: resource.to_owned(),
        })
    }

    /// Request and Challenge. Gives the nonce and the session cookie.
    pub async fn challenge(&mut self) -> anyhow::Result<(String, String)> {
        let answer = self.connection.exchange(&self.challenge_request).await?;
        expect_ok("the challenge", &answer)?;
        let challenge: Value = serde_json::from_slice(&answer.body)?;
        let nonce = challenge
            .get("nonce")
            .and_then(Value::as_str)
            .context("a challenge without nonce")?;
        Ok((
            nonce.to_owned(),
            answer.cookie.context("a challenge without session cookie")?,
        ))
    }

    /// All four steps. Afterwards [`Guest::get`] fetches on the new session.
    pub async fn handshake(&mut self) -> anyhow::Result<()> {
        let (nonce, cookie) = self.challenge().await?;
        let runtime_data = json!({"additional-evidence": "", "nonce": nonce, "tee-pubkey": self.public_key});
        // Every member is a string and serde_json sorts the names: this is the RFC 8785 form.
        let digest = ring::digest::digest(&ring::digest::SHA384, runtime_data.to_string().as_bytes());
        let attestation = json!({
            "init-data": null,
            "runtime-data": {"nonce": nonce, "tee-pubkey": self.public_key},
            "tee-evidence": {
                "primary_evidence": self.maker.evidence(digest.as_ref())?,
                "additional_evidence": "",
            },
        });
        let body = attestation.to_string();
        let request = http::request(
            "POST",
            "/kbs/v0/attest",
            &self.authority,
            Some(&cookie),
            body.as_bytes(),
        );
        expect_ok("the attestation", &self.connection.exchange(&request).await?)?;
        let path = format!("/kbs/v0/resource/{}", self.resource);
        self.resource_request = http::request("GET", &path, &self.authority, Some(&cookie), b"");
        Ok(())
    }

    /// Fetches the sealed resource.
    pub async fn get(&mut self) -> anyhow::Result<Jwe> {
        let answer = self.connection.exchange(&self.resource_request).await?;
        expect_ok("the resource", &answer)?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Opens what [`Guest::get`] brought.
    pub fn open(&self, sealed: &Jwe) -> anyhow::Result<Vec<u8>> {
        Ok(jwe::open(sealed, &self.key)?.expose().to_vec())
    }
}

fn expect_ok(what: &str, answer: &Answer) -> anyhow::Result<()> {
    ensure!(
        answer.status == 200,
        "{what} was answered with {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}

/// Asks for challenges only.
pub struct ChallengeLoad<E>(pub Guest<E>);

impl<E: EvidenceMaker> Worker for ChallengeLoad<E> {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.0.challenge().await.map(drop)
    }
}

/// Fetches a resource on a session that is attested already.
pub struct GetLoad<E>(pub Guest<E>);

impl<E: EvidenceMaker> Worker for GetLoad<E> {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.0.get().await.map(drop)
    }
}

/// A whole handshake and one fetch, on a new session each time.
pub struct RcarLoad<E>(pub Guest<E>);

impl<E: EvidenceMaker> Worker for RcarLoad<E> {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.0.handshake().await?;
        self.0.get().await.map(drop)
    }
}
