//! Intel Trust Authority: evidence goes to Intel's service, its token comes back (wire: kbs-http, section 14).
//!
//! Nothing that the service says is believed because it came from there: the token has to be signed by a key of the
//! configured set, by a known issuer, be in force, and be about the very key and nonce that were sent.
//!
//! Reading order: [`config`], this file (one call), [`request`] (what is sent; [`azure`] and [`gpu`] for the evidence
//! that has to be taken apart), [`answer`] (what comes back).

mod answer;
mod azure;
mod config;
mod gpu;
mod request;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daemon::clock::Clock;
use kbs_types::Tee;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url, redirect};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{AttestationClient, AttestationError, Evaluated, Evaluation, HashChoice, HashChoiceError, hash};
use crate::token::{AttestationTokenConfig, TokenError, TokenVerifier};
use answer::Wanted;
use request::Request;

pub use config::{ApiKey, TrustAuthorityConfig, TrustAuthoritySetupError};

/// Calls under way at most. Each holds evidence of up to a few megabytes.
const MAX_CALLS: usize = 100;
/// Largest answer that is read, in bytes. A token has some ten thousand.
const MAX_ANSWER: usize = 1024 * 1024;

/// A client of the service.
pub struct TrustAuthority {
    client: Client,
    attest: Url,
    attest_azure: Url,
    api_key: HeaderValue,
    policy_ids: Vec<String>,
    policy_must_match: bool,
    issuers: Vec<String>,
    tokens: TokenVerifier,
    clock: Arc<dyn Clock>,
    calls: Semaphore,
    patience: Duration,
}

impl TrustAuthority {
    /// Checks the configuration and reads the keys. An address of keys that does not answer is asked again later.
    ///
    /// # Errors
    /// A setting, or a file that it names, cannot be used.
    pub async fn new(
        config: &TrustAuthorityConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TrustAuthoritySetupError> {
        let base = config.base_url()?;
        let endpoint = |path: &str| {
            let text = format!("{}/{path}", base.as_str().trim_end_matches('/'));
            Url::parse(&text).map_err(|_| TrustAuthoritySetupError::BaseUrl)
        };
        let tokens = AttestationTokenConfig {
            trusted_jwk_sets: vec![config.certs_file.clone()],
            jwk_set_ca_paths: config.ca_file.iter().cloned().collect(),
            trust_authority_issuers: Some(config.issuers.clone()),
            ..AttestationTokenConfig::default()
        };
        Ok(Self {
            client: client(config)?,
            attest: endpoint("appraisal/v2/attest")?,
            attest_azure: endpoint("appraisal/v2/attest/azure")?,
            api_key: config.api_key.header()?,
            policy_must_match: !config.policy_ids.is_empty() && !config.allow_unmatched_policy,
            policy_ids: config.policy_ids.clone(),
            issuers: config.issuers.clone(),
            tokens: TokenVerifier::new(&tokens, Vec::new()).await?,
            clock,
            calls: Semaphore::new(MAX_CALLS),
            patience: config.timeout,
        })
    }

    async fn ask(&self, request: &Request<'_>) -> Result<String, AttestationError> {
        let permit = tokio::time::timeout(self.patience, self.calls.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(AttestationError::Unavailable("too many calls in flight".into()));
        };
        let url = match request.is_azure() {
            true => &self.attest_azure,
            false => &self.attest,
        };
        let sent = self
            .client
            .post(url.clone())
            .header("x-api-key", self.api_key.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(
                request
                    .to_json()
                    .map_err(|error| AttestationError::Failed(error.into()))?,
            )
            .send()
            .await;
        let mut response = sent.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            if body.len() + piece.len() > MAX_ANSWER {
                let reason = format!("the answer has more than {MAX_ANSWER} bytes");
                return Err(AttestationError::Failed(reason.into()));
            }
            body.extend_from_slice(&piece);
        }
        answer::token(status, &body)
    }

    async fn check(&self, token: &str, wanted: &Wanted) -> Result<(), AttestationError> {
        let claims = match self.tokens.verify(token, self.clock.now()).await {
            Ok(claims) => claims,
            Err(error @ TokenError::KeysUnavailable) => {
                return Err(AttestationError::Unavailable(error.into()));
            }
            Err(error) => return Err(AttestationError::Failed(error.into())),
        };
        wanted
            .check(claims.claims_json(), &self.issuers)
            .map_err(|error| AttestationError::Failed(error.into()))
    }
}

#[async_trait]
impl AttestationClient for TrustAuthority {
    /// The service hashes the runtime data itself, each TEE's in its own way, so the guest must have done the same.
    fn choose_hash(&self, tee: Tee, offered: Option<&Value>) -> Result<HashChoice, HashChoiceError> {
        let Some(offered) = offered else {
            return Ok(HashChoice::Unsaid);
        };
        let needed = match tee {
            Tee::Tdx => "sha512",
            Tee::Sgx | Tee::AzTdxVtpm => "sha256",
            _ => return Err(HashChoiceError::Unsuitable("ITA: Unknown TEE specified")),
        };
        let offered = offered
            .as_array()
            .ok_or(HashChoiceError::Unsuitable("ITA: expected hash algorithm array"))?;
        match hash::names(offered, needed) {
            true => Ok(HashChoice::Selected(needed)),
            false if offered.is_empty() => Err(HashChoiceError::Unsuitable(
                "ITA: TEE does not support any hash algorithms",
            )),
            false => Err(HashChoiceError::Unsuitable(
                "ITA: TEE does not support the needed hash algorithm",
            )),
        }
    }

    async fn evaluate(&self, evaluation: Evaluation) -> Result<Evaluated, AttestationError> {
        let request = Request::of(&evaluation, &self.policy_ids, self.policy_must_match);
        let request = request.map_err(|error| AttestationError::Refused(error.to_string()))?;
        let token = self.ask(&request).await?;
        self.check(&token, request.wanted()).await?;
        Ok(Evaluated::new(token, None))
    }

    // Policies are set, and reference values kept, in the service's own portal.

    /// Whether the keys are there. The service itself is not asked: that would cost the operator's quota.
    async fn is_ready(&self) -> bool {
        self.tokens.has_keys()
    }
}

fn client(config: &TrustAuthorityConfig) -> Result<Client, TrustAuthoritySetupError> {
    let mut builder = Client::builder()
        .https_only(true)
        .redirect(redirect::Policy::none())
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .user_agent(concat!(
            "Confidential-containers-trustee kbs/",
            env!("CARGO_PKG_VERSION")
        ));
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|cause| TrustAuthoritySetupError::File {
            path: path.clone(),
            cause,
        })?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|cause| {
            TrustAuthoritySetupError::Authorities {
                path: path.clone(),
                cause,
            }
        })?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(TrustAuthoritySetupError::Client)
}

/// No answer, or not a whole one.
fn unreachable(error: reqwest::Error) -> AttestationError {
    AttestationError::Unavailable(error.without_url().into())
}

#[cfg(test)]
mod tests;
