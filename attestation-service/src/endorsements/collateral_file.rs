//! Intel's collateral in a file of the PCCS admin tool, for places without a way out.
//!
//! ```json
//! {"collaterals": {
//!   "tcbinfos": [{"fmspc": "00806F050000", "sgx_tcbinfo": {…}, "tdx_tcbinfo": {…}, "tdx_tcbinfo_early": {…}}],
//!   "qeidentity": …, "qeidentity_early": …, "tdqeidentity": …, "tdqeidentity_early": …,
//!   "pckcacrl": {"processorCrl": "hex", "platformCrl": "hex"}, "rootcacrl": "hex",
//!   "certificates": {"TCB-Info-Issuer-Chain": "URL-encoded PEM", "SGX-Enclave-Identity-Issuer-Chain": "…",
//!     "SGX-PCK-Certificate-Issuer-Chain": {"PROCESSOR": "…", "PLATFORM": "…"}}}}
//! ```
//!
//! A document is an object, whose white space does not count, or a string with the text that was signed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::value::RawValue;
use verifier::EndorsementId;
use verifier::dcap::{DcapTee, PckCa};

use super::source::{EndorsementError, EndorsementSource, Fetched};
use super::{collateral, files, names};
use crate::config::TcbUpdateType;

/// A file, read again when it changes.
pub(crate) struct CollateralFile {
    path: PathBuf,
    name: String,
    update: TcbUpdateType,
    read: Mutex<Option<Read>>,
}

/// The file as it was read.
#[derive(Clone)]
struct Read {
    stamp: Stamp,
    fetched_at: Option<i64>,
    content: Arc<Collaterals>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
}

/// A file with the collateral of hundreds of kinds of platforms has some MB.
const MAX_FILE: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct File {
    collaterals: Collaterals,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Collaterals {
    tcbinfos: Vec<TcbInfos>,
    pckcacrl: PckCaCrls,
    qeidentity: Document,
    qeidentity_early: Document,
    tdqeidentity: Document,
    tdqeidentity_early: Document,
    certificates: Certificates,
    rootcacrl: Option<String>,
}

#[derive(Deserialize)]
struct TcbInfos {
    fmspc: String,
    #[serde(default)]
    sgx_tcbinfo: Document,
    #[serde(default)]
    sgx_tcbinfo_early: Document,
    #[serde(default)]
    tdx_tcbinfo: Document,
    #[serde(default)]
    tdx_tcbinfo_early: Document,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PckCaCrls {
    processor_crl: Option<String>,
    platform_crl: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Certificates {
    #[serde(rename = "TCB-Info-Issuer-Chain", alias = "SGX-TCB-Info-Issuer-Chain")]
    tcb_info: Option<String>,
    #[serde(rename = "SGX-Enclave-Identity-Issuer-Chain")]
    enclave_identity: Option<String>,
    #[serde(rename = "SGX-PCK-Certificate-Issuer-Chain")]
    pck: PckChains,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "UPPERCASE")]
struct PckChains {
    processor: Option<String>,
    platform: Option<String>,
}

/// A signed document, as it stands in the file.
type Document = Option<Box<RawValue>>;

impl CollateralFile {
    pub(crate) fn new(path: &Path, update: TcbUpdateType) -> Self {
        Self {
            path: path.to_owned(),
            name: format!("file://{}", path.display()),
            update,
            read: Mutex::new(None),
        }
    }

    /// Everything in the file, by id.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn all(&self) -> Result<Vec<(EndorsementId, Fetched)>, EndorsementError> {
        let read = self.current().await?;
        self.everything(&read)
    }

    fn everything(&self, read: &Read) -> Result<Vec<(EndorsementId, Fetched)>, EndorsementError> {
        let mut ids = vec![EndorsementId::DcapRootCrl];
        ids.extend([PckCa::Processor, PckCa::Platform].map(|ca| EndorsementId::DcapPckCrl { ca }));
        for tee in [DcapTee::Sgx, DcapTee::Tdx] {
            ids.push(EndorsementId::DcapQeIdentity { tee });
            let infos = read.content.tcbinfos.iter();
            let fmspcs = infos.filter_map(|info| names::fmspc_of(&info.fmspc));
            ids.extend(fmspcs.map(|fmspc| EndorsementId::DcapTcbInfo { tee, fmspc }));
        }
        let mut found = Vec::new();
        for id in ids {
            if let Some(fetched) = self.get(read, &id)? {
                found.push((id, fetched));
            }
        }
        Ok(found)
    }

    /// The content of the file now. One that cannot be read any more counts as it was, until it can.
    async fn current(&self) -> Result<Read, EndorsementError> {
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stamp = match self.stamp().await {
            Ok(stamp) => stamp,
            Err(error) => return known.ok_or_else(|| self.unavailable(error.to_string())),
        };
        if let Some(known) = &known
            && known.stamp == stamp
        {
            return Ok(known.clone());
        }
        match (self.load(stamp).await, known) {
            (Ok(read), _) => {
                *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(read.clone());
                Ok(read)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "the collateral read before is used");
                Ok(known)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn stamp(&self) -> io::Result<Stamp> {
        let metadata = tokio::fs::metadata(&self.path).await?;
        Ok(Stamp {
            modified: metadata.modified()?,
            length: metadata.len(),
        })
    }

    async fn load(&self, stamp: Stamp) -> Result<Read, EndorsementError> {
        let found = files::read(&self.path, MAX_FILE).await;
        let found = found.map_err(|error| self.unavailable(error.to_string()))?;
        let found = found.ok_or_else(|| self.unavailable("the file is not there"))?;
        Ok(Read {
            stamp,
            fetched_at: found.fetched_at,
            content: Arc::new(self.parse(&found.bytes)?),
        })
    }

    fn parse(&self, json: &[u8]) -> Result<Collaterals, EndorsementError> {
        let file = serde_json::from_slice(json).map(|file: File| file.collaterals);
        file.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.unavailable(format!(
                "it has not the form of a collateral file: line {line} column {column}"
            ))
        })
    }

    fn get(&self, read: &Read, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        let content = &*read.content;
        let certificates = &content.certificates;
        let (bytes, chain) = match id {
            EndorsementId::DcapTcbInfo { tee, fmspc } => {
                let mut infos = content.tcbinfos.iter();
                let Some(info) = infos.find(|info| names::fmspc_of(&info.fmspc) == Some(*fmspc)) else {
                    return Ok(None);
                };
                let document = match tee {
                    DcapTee::Sgx => self.choose(&info.sgx_tcbinfo, &info.sgx_tcbinfo_early),
                    DcapTee::Tdx => self.choose(&info.tdx_tcbinfo, &info.tdx_tcbinfo_early),
                };
                (document, Some(&certificates.tcb_info))
            }
            EndorsementId::DcapQeIdentity { tee } => {
                let document = match tee {
                    DcapTee::Sgx => self.choose(&content.qeidentity, &content.qeidentity_early),
                    DcapTee::Tdx => self.choose(&content.tdqeidentity, &content.tdqeidentity_early),
                };
                (document, Some(&certificates.enclave_identity))
            }
            EndorsementId::DcapPckCrl { ca } => {
                let (list, chain) = match ca {
                    PckCa::Processor => (&content.pckcacrl.processor_crl, &certificates.pck.processor),
                    PckCa::Platform => (&content.pckcacrl.platform_crl, &certificates.pck.platform),
                };
                (self.list(list)?, Some(chain))
            }
            EndorsementId::DcapRootCrl => (self.list(&content.rootcacrl)?, None),
            _ => return Ok(None),
        };
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let issuer_chain = match chain {
            None => None,
            Some(chain) => {
                let chain = chain.as_deref().and_then(collateral::issuer_chain);
                Some(chain.ok_or_else(|| self.unavailable(format!("it has no chain for the {id}")))?)
            }
        };
        Ok(Some(Fetched {
            bytes,
            issuer_chain,
            fetched_at: read.fetched_at,
        }))
    }

    /// The early document where that is wanted and there is one.
    fn choose(&self, standard: &Document, early: &Document) -> Option<Vec<u8>> {
        let early = early.as_deref().filter(|_| self.update == TcbUpdateType::Early);
        early.or(standard.as_deref()).map(text)
    }

    fn list(&self, hex: &Option<String>) -> Result<Option<Vec<u8>>, EndorsementError> {
        let decode = |hex: &str| {
            let list = collateral::revocation_list(hex.as_bytes());
            list.ok_or_else(|| self.unavailable("a revocation list is not hex"))
        };
        hex.as_deref()
            .filter(|hex| !hex.is_empty())
            .map(decode)
            .transpose()
    }

    fn unavailable(&self, reason: impl Into<String>) -> EndorsementError {
        EndorsementError::unavailable(&self.name, reason)
    }
}

/// How many pieces a file with this content gives.
///
/// # Errors
/// It cannot be read, or a piece of it.
pub(crate) fn count(json: &[u8]) -> Result<usize, EndorsementError> {
    let file = CollateralFile::new(Path::new("given"), TcbUpdateType::Early);
    let read = Read {
        stamp: Stamp {
            modified: SystemTime::UNIX_EPOCH,
            length: 0,
        },
        fetched_at: None,
        content: Arc::new(file.parse(json)?),
    };
    file.everything(&read).map(|pieces| pieces.len())
}

/// The text that was signed.
fn text(document: &RawValue) -> Vec<u8> {
    match serde_json::from_str::<String>(document.get()) {
        Ok(text) => text.into_bytes(),
        Err(_) => collateral::minified(document.get()).into_bytes(),
    }
}

#[async_trait]
impl EndorsementSource for CollateralFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        collateral::is_collateral(id)
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        let read = self.current().await?;
        self.get(&read, id)
    }
}

#[cfg(test)]
mod tests;
