//! Intel's Provisioning Certification Service, and the caches (PCCS) that speak as it does.
//!
//! Intel, "Provisioning Certification Service for ECDSA Attestation", API version 4. Each answer carries the chain of
//! who signed it in a header. A PCCS is a transport and no trust anchor: the verifier checks every signature up to
//! Intel's root, whoever brought it.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use verifier::EndorsementId;
use verifier::dcap::DcapTee;

use super::collateral;
use super::http::{Answer, HttpClient, HttpSettings, checked_url};
use super::source::{EndorsementError, EndorsementSource, Fetched};
use crate::config::{CollateralServiceConfig, TcbUpdateType};
use crate::error::StartError;

/// A client of one PCS or PCCS.
pub(crate) struct Pcs {
    /// Scheme, host and port.
    origin: String,
    root_crl_url: String,
    update: TcbUpdateType,
    client: HttpClient,
}

/// Intel's own service.
pub(super) const INTEL: &str = "https://api.trustedservices.intel.com/sgx/certification/v4/";

const INTEL_HOST: &str = "api.trustedservices.intel.com";

/// Where Intel publishes the root's revocation list: the distribution point in the root's certificate. Not read from
/// a certificate that somebody sent: nobody but the operator says whom this service calls.
const INTEL_ROOT_CRL: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

/// The longest documents have some tens of KB; the list of revoked platforms grows.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

impl Pcs {
    pub(crate) fn new(config: &CollateralServiceConfig, update: TcbUpdateType) -> Result<Self, StartError> {
        let url = checked_url(&config.url)?;
        let origin = url.origin().ascii_serialization();
        let client = HttpClient::new(&HttpSettings {
            url: &origin,
            timeout: Duration::from_secs(config.timeout_seconds.into()),
            ca: config.ca.as_deref(),
            max_answer: MAX_ANSWER,
        })?;
        let root_crl_url = match url.host_str() {
            Some(INTEL_HOST) => INTEL_ROOT_CRL.to_owned(),
            _ => format!("{origin}/sgx/certification/v4/rootcacrl"),
        };
        Ok(Self {
            origin,
            root_crl_url,
            update,
            client,
        })
    }

    async fn get(&self, tee: DcapTee, path: &str) -> Result<Option<Answer>, EndorsementError> {
        let url = format!("{}/{tee}/certification/v4/{path}", self.origin);
        self.client.get(&url).await
    }

    /// A signed document. Where there is no early one, the standard one counts.
    async fn document(
        &self,
        tee: DcapTee,
        path: &str,
        chain: &[&str],
    ) -> Result<Option<Fetched>, EndorsementError> {
        let mut answer = self
            .get(tee, &format!("{path}update={}", self.update.as_str()))
            .await?;
        if answer.is_none() && self.update == TcbUpdateType::Early {
            let standard = TcbUpdateType::Standard.as_str();
            answer = self.get(tee, &format!("{path}update={standard}")).await?;
        }
        let Some(Answer { headers, body }) = answer else {
            return Ok(None);
        };
        let issuer_chain = Some(self.issuer_chain(&headers, chain)?);
        Ok(Some(Fetched {
            issuer_chain,
            ..body.into()
        }))
    }

    async fn pck_crl(&self, ca: &str) -> Result<Option<Fetched>, EndorsementError> {
        let path = format!("pckcrl?ca={ca}&encoding=der");
        let Some(Answer { headers, body }) = self.get(DcapTee::Sgx, &path).await? else {
            return Ok(None);
        };
        let issuer_chain = Some(self.issuer_chain(&headers, &["sgx-pck-crl-issuer-chain"])?);
        Ok(Some(Fetched {
            issuer_chain,
            ..self.list(&body)?.into()
        }))
    }

    async fn root_crl(&self) -> Result<Option<Fetched>, EndorsementError> {
        let Some(answer) = self.client.get(&self.root_crl_url).await? else {
            return Ok(None);
        };
        self.list(&answer.body).map(|list| Some(list.into()))
    }

    fn list(&self, body: &[u8]) -> Result<Vec<u8>, EndorsementError> {
        collateral::revocation_list(body).ok_or_else(|| {
            self.client
                .unavailable("its revocation list is neither DER nor hex nor PEM")
        })
    }

    /// The chain in the first of these headers that is there.
    fn issuer_chain(&self, headers: &HeaderMap, names: &[&str]) -> Result<String, EndorsementError> {
        let value = names.iter().find_map(|name| headers.get(*name));
        let text = value.and_then(|value| value.to_str().ok());
        let chain = text.and_then(collateral::issuer_chain);
        chain.ok_or_else(|| {
            self.client
                .unavailable("its answer does not carry the issuer's chain")
        })
    }
}

#[async_trait]
impl EndorsementSource for Pcs {
    fn name(&self) -> &str {
        self.client.name()
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        collateral::is_collateral(id)
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        match id {
            EndorsementId::DcapTcbInfo { tee, fmspc } => {
                let names = ["tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"];
                self.document(*tee, &format!("tcb?fmspc={fmspc}&"), &names).await
            }
            EndorsementId::DcapQeIdentity { tee } => {
                let names = ["sgx-enclave-identity-issuer-chain"];
                self.document(*tee, "qe/identity?", &names).await
            }
            EndorsementId::DcapPckCrl { ca } => self.pck_crl(ca.as_str()).await,
            EndorsementId::DcapRootCrl => self.root_crl().await,
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
