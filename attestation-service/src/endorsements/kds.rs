//! AMD's Key Distribution Service.
//!
//! "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification", AMD document 57230,
//! revision 1.00, section 4: one GET a certificate, DER in the answer.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode, redirect};
use verifier::EndorsementId;
use verifier::snp::{HwId, SnpProduct, SnpTcb};

use super::{EndorsementError, EndorsementSource};
use crate::config::KdsConfig;
use crate::error::StartError;

/// A client of one KDS.
pub(crate) struct Kds {
    base_url: String,
    client: Client,
}

/// A VCEK has about 1.4 KB, a revocation list less than 1 KB per revoked product line.
const MAX_ANSWER: usize = 256 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Kds {
    /// A client that follows no redirects: the one host the operator named is the one that is asked.
    pub(crate) fn new(config: &KdsConfig) -> Result<Self, StartError> {
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        let known_scheme = base_url.starts_with("https://") || base_url.starts_with("http://");
        if !known_scheme || reqwest::Url::parse(&base_url).is_err() {
            return Err(StartError::Config(format!(
                "`{base_url}` is not the URL of a KDS"
            )));
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(Duration::from_secs(config.timeout_seconds.into()))
            .user_agent("attestation-service");
        if let Some(path) = &config.ca {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        let client = builder.build().map_err(|error| {
            StartError::Config(format!("cannot set up the client of {base_url}: {error}"))
        })?;
        Ok(Self { base_url, client })
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, EndorsementError> {
        let url = format!("{}{path}", self.base_url);
        let mut answer = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|error| self.unavailable(cause(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                return Err(self.unavailable(format!("it answered {status}")));
            }
            // The chip, or the TCB, is not one that AMD made a certificate for.
            status if status.is_client_error() => return Ok(None),
            status => return Err(self.unavailable(format!("it answered {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.unavailable(cause(&error)))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.unavailable(format!("its answer is longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    fn unavailable(&self, reason: String) -> EndorsementError {
        EndorsementError::Unavailable {
            source_name: self.base_url.clone(),
            reason,
        }
    }
}

#[async_trait]
impl EndorsementSource for Kds {
    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Vec<u8>>, EndorsementError> {
        match id {
            EndorsementId::SnpVcek { products, hwid, tcb } => {
                for product in products {
                    if let Some(certificate) = self.get(&vcek_path(*product, hwid, tcb)).await? {
                        return Ok(Some(certificate));
                    }
                }
                Ok(None)
            }
            EndorsementId::SnpAsvk { product } => self.get(&format!("/vlek/v1/{product}/cert_chain")).await,
            EndorsementId::SnpCrl { product } => self.get(&format!("/vcek/v1/{product}/crl")).await,
            _ => Ok(None),
        }
    }
}

/// Table 10 of the specification; Turin's TCB begins with the FMC.
fn vcek_path(product: SnpProduct, hwid: &HwId, tcb: &SnpTcb) -> String {
    let fmc = tcb.fmc.map(|fmc| format!("fmcSPL={fmc:02}&")).unwrap_or_default();
    let SnpTcb {
        bootloader,
        tee,
        snp,
        microcode,
        ..
    } = tcb;
    format!(
        "/vcek/v1/{product}/{hwid}?{fmc}blSPL={bootloader:02}&teeSPL={tee:02}&snpSPL={snp:02}&ucodeSPL={microcode:02}"
    )
}

fn read_certificates(path: &std::path::Path) -> Result<Vec<reqwest::Certificate>, StartError> {
    let pem = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
    reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| StartError::file(path, error))
}

/// The innermost cause: `reqwest` says only "error sending request" at the top.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
