//! AMD's Key Distribution Service.
//!
//! "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification", AMD document 57230,
//! revision 1.00, section 4: one GET a certificate, DER in the answer.

use std::time::Duration;

use async_trait::async_trait;
use verifier::EndorsementId;
use verifier::snp::{HwId, SnpProduct, SnpTcb};

use super::http::{HttpClient, HttpSettings};
use super::source::{EndorsementError, EndorsementSource, Fetched};
use crate::config::KdsConfig;
use crate::error::StartError;

/// A client of one KDS.
pub(crate) struct Kds {
    base_url: String,
    client: HttpClient,
}

/// A VCEK has about 1.4 KB, a revocation list less than 1 KB per revoked product line.
const MAX_ANSWER: usize = 256 * 1024;

impl Kds {
    pub(crate) fn new(config: &KdsConfig) -> Result<Self, StartError> {
        let client = HttpClient::new(&HttpSettings {
            url: &config.base_url,
            timeout: Duration::from_secs(config.timeout_seconds.into()),
            ca: config.ca.as_deref(),
            max_answer: MAX_ANSWER,
        })?;
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Ok(Self { base_url, client })
    }

    async fn get(&self, path: &str) -> Result<Option<Fetched>, EndorsementError> {
        let answer = self.client.get(&format!("{}{path}", self.base_url)).await?;
        Ok(answer.map(|answer| answer.body.into()))
    }
}

#[async_trait]
impl EndorsementSource for Kds {
    fn name(&self) -> &str {
        self.client.name()
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        matches!(
            id,
            EndorsementId::SnpVcek { .. }
                | EndorsementId::SnpAsvk { .. }
                | EndorsementId::SnpCrl { .. }
                | EndorsementId::SnpVlekCrl { .. }
        )
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
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
            EndorsementId::SnpVlekCrl { product } => self.get(&format!("/vlek/v1/{product}/crl")).await,
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

#[cfg(test)]
mod tests;
