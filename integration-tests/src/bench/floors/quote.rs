//! Intel quotes: what the verification library takes by itself, given everything.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;
use serde::Deserialize;
use serde_json::value::RawValue;
use simulated_tee::intel::{Document, Enclave, PckCa, Pki, Platform, Tee, TrustDomain};
use simulated_tee::{SimulatedGuest, SimulationError};
use std::sync::Arc;

/// A quote with all that its verification needs.
pub(super) struct Quote {
    bytes: Vec<u8>,
    collateral: QuoteCollateralV3,
    root: Vec<u8>,
    now: u64,
}

/// A signed document: its text as it was signed.
#[derive(Deserialize)]
struct Signed<'a> {
    #[serde(borrow, alias = "tcbInfo", alias = "enclaveIdentity")]
    document: &'a RawValue,
    signature: &'a str,
}

impl Quote {
    /// Of a simulated trust domain.
    pub(super) fn tdx() -> anyhow::Result<Self> {
        Self::of(&TrustDomain::new()?, Tee::Tdx, PckCa::Platform)
    }

    /// Of a simulated enclave.
    pub(super) fn sgx() -> anyhow::Result<Self> {
        Self::of(&Enclave::new()?, Tee::Sgx, PckCa::Processor)
    }

    fn of(guest: &dyn SimulatedGuest, tee: Tee, ca: PckCa) -> anyhow::Result<Self> {
        // 2025-01-01 and 2043-01-01, and a time between them.
        let (from, until, now) = (1_735_689_600, 2_303_683_200, 1_790_000_000);
        let evidence = guest.evidence(&[0x2a; 48], None)?;
        let bytes = evidence.get("quote").and_then(serde_json::Value::as_str);
        let platform = Platform::new(Arc::new(Pki::new()?), ca)?;
        let given = platform.collateral(tee, from, until)?;
        let (tcb_info, tcb_info_signature) = signed(&given.tcb_info)?;
        let (qe_identity, qe_identity_signature) = signed(&given.qe_identity)?;
        Ok(Self {
            bytes: STANDARD.decode(bytes.context("the evidence has no quote")?)?,
            root: platform.pki().root_der().to_vec(),
            collateral: QuoteCollateralV3 {
                pck_crl_issuer_chain: given.pck_crl_issuer_chain,
                root_ca_crl: given.root_crl,
                pck_crl: given.pck_crl,
                tcb_info_issuer_chain: given.tcb_info.issuer_chain,
                tcb_info,
                tcb_info_signature,
                qe_identity_issuer_chain: given.qe_identity.issuer_chain,
                qe_identity,
                qe_identity_signature,
                pck_certificate_chain: None,
            },
            now,
        })
    }

    /// The library's own verification, once.
    pub(super) fn verify(&self) -> anyhow::Result<()> {
        QuoteVerifier::new(self.root.clone())
            .verify(&self.bytes, &self.collateral, self.now)
            .map(drop)
            .map_err(|error| anyhow::anyhow!("the library refuses a quote: {error:#}"))
    }
}

fn signed(document: &Document) -> anyhow::Result<(String, Vec<u8>)> {
    let signed: Signed<'_> = serde_json::from_slice(&document.body)?;
    let signature =
        hex::decode(signed.signature).map_err(|error| SimulationError::Encoding(error.to_string()))?;
    Ok((signed.document.get().to_owned(), signature))
}
