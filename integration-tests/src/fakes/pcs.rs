//! Intel's Provisioning Certification Service (API version 4), or a cache of it (PCCS).

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Knowledge, Reply, Vendor};

/// Intel's collateral, as it is signed: all that an attestation of some kinds of platforms needs.
#[derive(Clone, Debug, Default)]
pub struct Collateral {
    /// TCB infos.
    pub tcb_infos: Vec<TcbInfo>,
    /// Identities of quoting enclaves: `sgx` or `tdx`, and the JSON text with its signature.
    pub qe_identities: Vec<(String, String)>,
    /// Who signed both, PEM, leaf first.
    pub signing_chain: String,
    /// Revocation lists of the CAs `processor` and `platform`: DER, and the PEM chain of who signed it.
    pub pck_crls: Vec<(String, Vec<u8>, String)>,
    /// The root's revocation list, DER.
    pub root_crl: Vec<u8>,
}

/// The TCB info of one kind of platform.
#[derive(Clone, Debug)]
pub struct TcbInfo {
    /// `sgx` or `tdx`.
    pub tee: String,
    /// Twelve upper-case hex digits.
    pub fmspc: String,
    /// The JSON text with its signature.
    pub body: String,
}

impl Collateral {
    /// The same as a file of the PCCS admin tool, which `collateral_service = "file:///…"` reads.
    pub fn admin_tool_file(&self) -> Value {
        let infos = self.tcb_infos.iter().map(|info| {
            let member = format!("{}_tcbinfo", info.tee);
            json!({"fmspc": info.fmspc, member: info.body})
        });
        let identity = |tee: &str| {
            let mut known = self.qe_identities.iter();
            known.find(|(of, _)| of == tee).map(|(_, body)| body)
        };
        let list = |ca: &str| self.pck_crls.iter().find(|(of, ..)| of == ca);
        let hex = |ca: &str| list(ca).map(|(_, der, _)| hex::encode(der));
        let chain = |ca: &str| list(ca).map(|(.., chain)| url_encoded(chain));
        json!({"collaterals": {
            "tcbinfos": infos.collect::<Vec<_>>(),
            "qeidentity": identity("sgx"),
            "tdqeidentity": identity("tdx"),
            "pckcacrl": {"processorCrl": hex("processor"), "platformCrl": hex("platform")},
            "rootcacrl": hex::encode(&self.root_crl),
            "certificates": {
                "TCB-Info-Issuer-Chain": url_encoded(&self.signing_chain),
                "SGX-Enclave-Identity-Issuer-Chain": url_encoded(&self.signing_chain),
                "SGX-PCK-Certificate-Issuer-Chain":
                    {"PROCESSOR": chain("processor"), "PLATFORM": chain("platform")},
            },
        }})
    }
}

/// A PCS with its collateral, which can be exchanged.
pub struct FakePcs {
    /// The server.
    pub vendor: Vendor,
    collateral: Arc<Shared>,
}

struct Shared {
    good: Mutex<Collateral>,
    wrong: Mutex<Collateral>,
}

impl FakePcs {
    /// Starts one.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(collateral: Collateral) -> anyhow::Result<Self> {
        let collateral = Arc::new(Shared {
            wrong: Mutex::new(collateral.clone()),
            good: Mutex::new(collateral),
        });
        let vendor = Vendor::start(Pcs(Arc::clone(&collateral))).await?;
        Ok(Self { vendor, collateral })
    }

    /// What it has from now on.
    pub fn publish(&self, collateral: Collateral) {
        *self
            .collateral
            .good
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = collateral;
    }

    /// What it gives when it behaves wrongly.
    pub fn pretend(&self, collateral: Collateral) {
        *self
            .collateral
            .wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = collateral;
    }
}

struct Pcs(Arc<Shared>);

impl Knowledge for Pcs {
    fn answer(&self, path: &str, query: &str, wrong: bool) -> Option<Reply> {
        let collateral = if wrong { &self.0.wrong } else { &self.0.good };
        let collateral = collateral.lock().unwrap_or_else(PoisonError::into_inner);
        let (tee, what) = path.strip_prefix('/')?.split_once("/certification/v4/")?;
        let parameter = |name: &str| {
            let mut parameters = query.split('&').filter_map(|part| part.split_once('='));
            parameters.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let signed = |name, body: &str, chain: &str| Reply {
            body: body.as_bytes().to_vec(),
            header: Some((name, url_encoded(chain))),
        };
        match (tee, what) {
            (tee, "tcb") => {
                let fmspc = parameter("fmspc")?;
                let mut infos = collateral.tcb_infos.iter();
                let info = infos.find(|info| info.tee == tee && info.fmspc == fmspc)?;
                Some(signed(
                    "TCB-Info-Issuer-Chain",
                    &info.body,
                    &collateral.signing_chain,
                ))
            }
            (tee, "qe/identity") => {
                let (_, body) = collateral.qe_identities.iter().find(|(of, _)| of == tee)?;
                let header = "SGX-Enclave-Identity-Issuer-Chain";
                Some(signed(header, body, &collateral.signing_chain))
            }
            ("sgx", "pckcrl") => {
                let ca = parameter("ca")?;
                let (_, der, chain) = collateral.pck_crls.iter().find(|(of, ..)| of == ca)?;
                Some(Reply {
                    body: der.clone(),
                    header: Some(("SGX-PCK-CRL-Issuer-Chain", url_encoded(chain))),
                })
            }
            // As a PCCS gives it.
            ("sgx", "rootcacrl") => Some(hex::encode(&collateral.root_crl).into_bytes().into()),
            _ => None,
        }
    }
}

/// RFC 3986, section 2.1.
fn url_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
