//! Signed collateral, as the Provisioning Certification Service sends it.

use super::{PckCa, Pki};
use crate::SimulationError;

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
