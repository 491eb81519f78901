//! NVIDIA's Remote Attestation Service (NRAS): a delegate that judges NVIDIA's devices.
//!
//! One POST a device, with its evidence; the answer is a signed verdict, which the verifier checks against the
//! service's published keys. NVIDIA, "Attestation Suite: NRAS API", version 4.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::json;
use verifier::EndorsementId;
use verifier::nvidia::NrasRequest;

use super::http::{HttpClient, HttpSettings, checked_url};
use super::source::{EndorsementError, EndorsementSource, Fetched};
use crate::config::NrasConfig;
use crate::error::StartError;

/// A client of one NRAS.
pub(crate) struct Nras {
    verifier_url: String,
    verdicts: HttpClient,
    jwks_url: String,
    keys: HttpClient,
}

/// A verdict has two tokens of a few kilobytes each, a key set some kilobytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Which claims are asked for.
const CLAIMS_VERSION: &str = "3.0";

impl Nras {
    /// # Errors
    /// A URL is none, or that of the keys could be answered by anybody on the way.
    pub(crate) fn new(config: &NrasConfig) -> Result<Self, StartError> {
        let jwks = checked_url(&config.jwks_url)?;
        if jwks.scheme() != "https" && !is_of_this_machine(&jwks) {
            return Err(StartError::Config(format!(
                "`{jwks}` is not an https:// URL: whoever answers in its place could make any verdict"
            )));
        }
        let client = |url: &str| {
            HttpClient::new(&HttpSettings {
                url,
                timeout: Duration::from_secs(config.timeout_seconds.into()),
                ca: config.ca.as_deref(),
                max_answer: MAX_ANSWER,
            })
        };
        Ok(Self {
            verifier_url: config.verifier_url.trim_end_matches('/').to_owned(),
            verdicts: client(&config.verifier_url)?,
            jwks_url: config.jwks_url.clone(),
            keys: client(&config.jwks_url)?,
        })
    }

    async fn verdict(&self, request: &NrasRequest) -> Result<Option<Fetched>, EndorsementError> {
        let url = format!("{}/{}", self.verifier_url, request.kind);
        let body = json!({
            "nonce": hex::encode(request.nonce),
            "arch": request.arch,
            "evidence_list": [{
                "evidence": STANDARD.encode(&request.evidence),
                "certificate": request.certificate,
            }],
            "claims_version": CLAIMS_VERSION,
        });
        let answer = self.verdicts.post(&url, &body).await?;
        Ok(answer.map(|answer| answer.body.into()))
    }

    async fn keys(&self) -> Result<Option<Fetched>, EndorsementError> {
        let answer = self.keys.get(&self.jwks_url).await?;
        // A service without keys is not set up right; the evidence is not to blame.
        let answer = answer.ok_or_else(|| self.keys.unavailable("it has no key set there"))?;
        Ok(Some(answer.body.into()))
    }
}

#[async_trait]
impl EndorsementSource for Nras {
    fn name(&self) -> &str {
        self.verdicts.name()
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        matches!(id, EndorsementId::NrasVerdict(_) | EndorsementId::NrasKeys)
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        match id {
            EndorsementId::NrasVerdict(request) => self.verdict(request).await,
            EndorsementId::NrasKeys => self.keys().await,
            _ => Ok(None),
        }
    }
}

fn is_of_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
