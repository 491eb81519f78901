//! Signed collateral, as the Provisioning Certification Service sends it.

use super::{CrlSpec, PckCa, Pki, Platform, Tee};
use crate::SimulationError;
use std::sync::Arc;

/// A document as the service sends it.
#[derive(Clone, Debug)]
pub struct Document {
    /// The body of the answer: the document and its signature, JSON.
    pub body: Vec<u8>,
    /// The chain in the header of the answer, PEM, not URL-encoded.
    pub issuer_chain: String,
}

/// All that is needed to verify one platform's quotes.
#[derive(Clone, Debug)]
pub struct Collateral {
    /// `/tcb`.
    pub tcb_info: Document,
    /// `/qe/identity`.
    pub qe_identity: Document,
    /// `/pckcrl`, DER.
    pub pck_crl: Vec<u8>,
    /// The CA whose list that is.
    pub ca: PckCa,
    /// The chain in the header of `/pckcrl`.
    pub pck_crl_issuer_chain: String,
    /// `/rootcacrl`, DER. No chain comes with it.
    pub root_crl: Vec<u8>,
}

impl Pki {
    /// Signs the text of a TCB info.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn sign_tcb_info(&self, text: &str) -> Result<Document, SimulationError> {
        self.sign("tcbInfo", text)
    }

    /// Signs the text of a quoting enclave's identity.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn sign_qe_identity(&self, text: &str) -> Result<Document, SimulationError> {
        self.sign("enclaveIdentity", text)
    }

    fn sign(&self, member: &str, text: &str) -> Result<Document, SimulationError> {
        let signature = hex::encode(self.tcb_signing.key.sign_fixed(text.as_bytes())?);
        Ok(Document {
            body: format!(r#"{{"{member}":{text},"signature":"{signature}"}}"#).into_bytes(),
            issuer_chain: self.tcb_signing_chain(),
        })
    }
}

/// A file of the PCCS admin tool with the collateral of all simulated platforms, for SGX and TDX, valid between these
/// times.
///
/// # Errors
/// There is no randomness, or a time is after 2049.
pub fn collateral_file(pki: Arc<Pki>, from: u64, until: u64) -> Result<String, SimulationError> {
    let platform = Platform::new(pki, PckCa::Platform)?;
    let sgx = platform.collateral(Tee::Sgx, from, until)?;
    let tdx = platform.collateral(Tee::Tdx, from, until)?;
    let pki = platform.pki();
    let list = |ca| pki.pck_crl(ca, &CrlSpec::new(from, until)).map(hex::encode);
    let chain = |ca| encoded(&pki.ca_chain(ca));
    // The documents go in as they were signed, member by member.
    Ok(format!(
        r#"{{"collaterals":{{"tcbinfos":[{{"fmspc":"{fmspc}","sgx_tcbinfo":{sgx_info},"tdx_tcbinfo":{tdx_info}}}],
"qeidentity":{sgx_identity},"tdqeidentity":{tdx_identity},
"pckcacrl":{{"processorCrl":"{processor_list}","platformCrl":"{platform_list}"}},"rootcacrl":"{root_list}",
"certificates":{{"TCB-Info-Issuer-Chain":"{signer}","SGX-Enclave-Identity-Issuer-Chain":"{signer}",
"SGX-PCK-Certificate-Issuer-Chain":{{"PROCESSOR":"{processor}","PLATFORM":"{platform_chain}"}}}}}}}}"#,
        fmspc = hex::encode_upper(platform.fmspc()),
        sgx_info = text(&sgx.tcb_info),
        tdx_info = text(&tdx.tcb_info),
        sgx_identity = text(&sgx.qe_identity),
        tdx_identity = text(&tdx.qe_identity),
        processor_list = list(PckCa::Processor)?,
        platform_list = list(PckCa::Platform)?,
        root_list = hex::encode(&tdx.root_crl),
        signer = encoded(&pki.tcb_signing_chain()),
        processor = chain(PckCa::Processor),
        platform_chain = chain(PckCa::Platform),
    ))
}

fn text(document: &Document) -> String {
    String::from_utf8_lossy(&document.body).into_owned()
}

/// As in a header of the service (RFC 3986, section 2.1).
fn encoded(chain: &str) -> String {
    let mut text = String::new();
    for c in chain.chars() {
        match c {
            '\n' => text.push_str("%0A"),
            ' ' => text.push_str("%20"),
            '+' => text.push_str("%2B"),
            '=' => text.push_str("%3D"),
            other => text.push(other),
        }
    }
    text
}
