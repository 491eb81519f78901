//! A guest: the RCAR handshake (version 0.4.0), and secrets.

mod messages;

use std::collections::BTreeSet;
use std::time::Duration;

use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use jose::{Jwe, Secret, jwe};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, COOKIE};

use crate::attester::{Attester, EvidenceBinding, SampleAttester};
use crate::binding::{self, InitData};
use crate::error::{Caller, ClientError};
use crate::http::{Http, bearer};
use crate::uri::ResourceUri;
use messages::{Attestation, Challenge, Kept, Request, TokenAnswer};

/// A guest's connection to a KBS.
pub struct RcarClient {
    http: Http,
    attester: Box<dyn Attester>,
    devices: Vec<Box<dyn Attester>>,
    tee_key: TeePrivateKey,
    init_data: Option<InitData>,
    policy_id: Option<String>,
    tries: u32,
    delay: Duration,
    credential: Option<Credential>,
    keeps_evidence: bool,
    evidence: Option<String>,
}

/// What shows that this guest has attested.
enum Credential {
    /// The cookie of a session that was attested here.
    Session(String),
    /// A token that was given from outside.
    Token(String),
}

/// How to set an [`RcarClient`] up.
pub struct Builder {
    url: String,
    roots: Vec<Vec<u8>>,
    attester: Box<dyn Attester>,
    devices: Vec<Box<dyn Attester>>,
    tee_key: Option<TeePrivateKey>,
    init_data: Option<InitData>,
    policy_id: Option<String>,
    token: Option<String>,
    tries: u32,
    delay: Duration,
    keeps_evidence: bool,
}

impl RcarClient {
    /// A client of the KBS whose root is `url`, with a `sample` attester and a fresh TEE key.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder {
            url: url.into(),
            roots: Vec::new(),
            attester: Box::new(SampleAttester),
            devices: Vec::new(),
            tee_key: None,
            init_data: None,
            policy_id: None,
            token: None,
            tries: 3,
            delay: Duration::from_secs(1),
            keeps_evidence: false,
        }
    }

    /// Attests, and gives the attestation token (a compact JWT). The session stays for [`RcarClient::get_resource`].
    ///
    /// A KBS that cannot be reached or is overloaded is tried again a bounded number of times; one that refuses
    /// is not.
    pub async fn attest(&mut self) -> Result<String, ClientError> {
        let mut tries = 1;
        loop {
            match self.handshake().await {
                Err(error) if error.is_temporary() && tries < self.tries => self.pause(&error).await,
                other => return other,
            }
            tries += 1;
        }
    }

    /// Gets a secret, attesting first if that has not been done. A session that the KBS no longer knows is made
    /// anew, once.
    pub async fn get_resource(&mut self, uri: &ResourceUri) -> Result<Secret, ClientError> {
        let used_before = match &self.credential {
            Some(Credential::Session(_)) => true,
            Some(Credential::Token(_)) => false,
            None => {
                self.attest().await?;
                false
            }
        };
        match self.fetch(uri).await {
            Err(ClientError::AttestationRefused(_)) if used_before => {
                self.attest().await?;
                self.fetch(uri).await
            }
            other => other,
        }
    }

    /// The TEE key, with which what is sealed for this guest can be opened.
    pub fn tee_key(&self) -> &TeePrivateKey {
        &self.tee_key
    }

    /// The evidence that was sent last, whatever the KBS said of it, if this client keeps it: the JSON text that
    /// `policy test --evidence` reads. No secret is in it.
    pub fn evidence(&self) -> Option<&str> {
        self.evidence.as_deref()
    }

    async fn handshake(&mut self) -> Result<String, ClientError> {
        self.credential = None;
        let request = Request::new(self.attester.tee(), self.policy_id.as_deref());
        let request = self.http.request(Method::POST, "auth").json(&request);
        let answer = self.http.exchange(request, Caller::Guest).await?;
        let session = answer
            .session
            .ok_or(ClientError::BadAnswer("the challenge comes without a session"))?;
        let challenge = Challenge::read(&answer.body)?;

        let key = self.tee_key.public_jwk();
        let unhashable = |_| ClientError::BadAnswer("the nonce cannot be hashed");
        let device_data =
            binding::device_report_data(challenge.hash, &challenge.nonce, &key).map_err(unhashable)?;
        let additional = self.additional_evidence(&device_data)?;
        let report_data =
            binding::report_data(challenge.hash, &challenge.nonce, &key, &additional).map_err(unhashable)?;
        let init_data = self.init_data.as_ref();
        let evidence = self.attester.evidence(&EvidenceBinding {
            report_data: &report_data,
            init_data: init_data.map(InitData::digest),
        })?;
        let init_data = init_data.map(InitData::text);
        let attestation = Attestation::new(&challenge.nonce, &key, init_data, evidence, additional);
        if self.keeps_evidence {
            let kept = Kept {
                tee: self.attester.tee(),
                attestation: &attestation,
            };
            let kept = serde_json::to_string(&kept);
            self.evidence = Some(kept.map_err(|_| ClientError::Setup("the evidence is no JSON".into()))?);
        }
        let request = self
            .http
            .request(Method::POST, "attest")
            .header(COOKIE, &session)
            .json(&attestation);
        let answer = self.http.exchange(request, Caller::Guest).await?;
        let token = TokenAnswer::read(&answer.body)?;
        self.credential = Some(Credential::Session(answer.session.unwrap_or(session)));
        tracing::debug!(tee = self.attester.tee(), "attested");
        Ok(token)
    }

    /// The text that the primary evidence is bound to: a map from the devices' names to their evidence, or nothing.
    fn additional_evidence(&self, report_data: &[u8]) -> Result<String, ClientError> {
        if self.devices.is_empty() {
            return Ok(String::new());
        }
        let binding = EvidenceBinding {
            report_data,
            init_data: None,
        };
        let mut evidence = serde_json::Map::new();
        for device in &self.devices {
            evidence.insert(device.tee().to_owned(), device.evidence(&binding)?);
        }
        Ok(serde_json::Value::Object(evidence).to_string())
    }

    async fn fetch(&self, uri: &ResourceUri) -> Result<Secret, ClientError> {
        let mut tries = 1;
        let body = loop {
            let request = self.http.request(Method::GET, &uri.request_path());
            let request = match &self.credential {
                Some(Credential::Session(cookie)) => request.header(COOKIE, cookie),
                Some(Credential::Token(token)) => request.header(AUTHORIZATION, bearer(token)?),
                None => request,
            };
            match self.http.exchange(request, Caller::Guest).await {
                Ok(answer) => break answer.body,
                Err(error) if error.is_temporary() && tries < self.tries => self.pause(&error).await,
                Err(error) => return Err(error),
            }
            tries += 1;
        };
        let sealed: Jwe = serde_json::from_slice(&body)
            .map_err(|_| ClientError::BadAnswer("the resource is not sealed"))?;
        Ok(jwe::open(&sealed, &self.tee_key)?)
    }

    async fn pause(&self, error: &ClientError) {
        let asked = error.refusal().and_then(|refusal| refusal.retry_after);
        tracing::warn!(%error, "trying again");
        tokio::time::sleep(asked.unwrap_or(self.delay)).await;
    }
}

impl Builder {
    /// Trusts the root certificates of a PEM file, beside the system's.
    #[must_use]
    pub fn root_cert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Uses this TEE key instead of a fresh one.
    #[must_use]
    pub fn tee_key(self, key: TeePrivateKey) -> Self {
        Self {
            tee_key: Some(key),
            ..self
        }
    }

    /// Makes evidence with `attester`.
    #[must_use]
    pub fn attester(self, attester: Box<dyn Attester>) -> Self {
        Self { attester, ..self }
    }

    /// Makes evidence of devices beside it, all devices of one kind (`tee`) with one attester.
    #[must_use]
    pub fn devices(mut self, attester: Box<dyn Attester>) -> Self {
        self.devices.push(attester);
        self
    }

    /// Binds an init-data document to the evidence and sends it along.
    #[must_use]
    pub fn init_data(self, init_data: InitData) -> Self {
        Self {
            init_data: Some(init_data),
            ..self
        }
    }

    /// Asks to be judged by this attestation policy (without the class suffix). The KBS refuses any but those that its
    /// operator lets clients choose, and what the operator says of the guest's measured init-data comes first.
    #[must_use]
    pub fn policy_id(self, id: impl Into<String>) -> Self {
        Self {
            policy_id: Some(id.into()),
            ..self
        }
    }

    /// Shows this attestation token instead of attesting. It must have been made with the same TEE key.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        Self {
            token: Some(token.into()),
            ..self
        }
    }

    /// How often a KBS that is not available is tried (at least once), and how long to wait between.
    #[must_use]
    pub fn retry(self, tries: u32, delay: Duration) -> Self {
        Self { tries, delay, ..self }
    }

    /// Keeps the evidence that was sent last, for [`RcarClient::evidence`].
    #[must_use]
    pub fn keep_evidence(self) -> Self {
        Self {
            keeps_evidence: true,
            ..self
        }
    }

    /// Checks everything and gives the client. Nothing is sent yet.
    pub fn build(self) -> Result<RcarClient, ClientError> {
        let no_key = |_| ClientError::Setup("no TEE key could be made".into());
        let tee_key = self
            .tee_key
            .map_or_else(|| TeePrivateKey::generate(TeeKeyKind::P256).map_err(no_key), Ok)?;
        let token = self.token.map(|token| token.trim().to_owned());
        if token
            .as_ref()
            .is_some_and(|token| token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()))
        {
            return Err(ClientError::Setup(
                "the attestation token is not a compact JWT".into(),
            ));
        }
        let kinds: BTreeSet<&str> = self.devices.iter().map(|device| device.tee()).collect();
        if kinds.len() < self.devices.len() {
            return Err(ClientError::Setup(
                "two attesters make evidence of one kind of device".into(),
            ));
        }
        Ok(RcarClient {
            http: Http::new(&self.url, &self.roots)?,
            attester: self.attester,
            devices: self.devices,
            tee_key,
            init_data: self.init_data,
            policy_id: self.policy_id,
            tries: self.tries,
            delay: self.delay,
            credential: token.map(Credential::Token),
            keeps_evidence: self.keeps_evidence,
            evidence: None,
        })
    }
}

#[cfg(test)]
mod tests;
