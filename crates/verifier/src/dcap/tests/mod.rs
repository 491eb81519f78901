//! Tests of quotes and collateral, through the TDX and SGX verifiers.

mod chains;
mod collateral;
mod hostile;
mod quotes;
mod real;
mod tcb;

use super::{Dcap, DcapError, DcapOptions, DcapRoot};
use crate::sgx::SgxVerifier;
use crate::tdx::TdxVerifier;
use crate::{
    Endorsement, EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, Tee, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulated_tee::intel;
use simulated_tee::intel::{EnclaveBody, PckCa, Pki, Platform, QuoteSpec, TdBody};
use std::sync::{Arc, LazyLock};

/// 2026-11-22, when everything of these tests is valid.
pub(crate) const NOW: i64 = 1_795_305_600;
/// The collateral's dates.
pub(crate) const FROM: u64 = 1_795_305_600 - 86_400;
pub(crate) const UNTIL: u64 = FROM + 30 * 86_400;
pub(crate) const REPORT_DATA: [u8; 48] = [0xa7; 48];
pub(crate) const INIT_DATA: [u8; 48] = [0x1d; 48];

static INTEL: LazyLock<Arc<Pki>> = LazyLock::new(|| Arc::new(Pki::new().unwrap()));
/// With several packages.
pub(crate) static MACHINE: LazyLock<Platform> =
    LazyLock::new(|| Platform::new(Arc::clone(&INTEL), PckCa::Platform).unwrap());
/// With one.
pub(crate) static SMALL: LazyLock<Platform> =
    LazyLock::new(|| Platform::new(Arc::clone(&INTEL), PckCa::Processor).unwrap());

/// The pieces as a service gives them.
#[derive(Clone)]
pub(crate) struct Collateral {
    pub(crate) tcb_info: Vec<u8>,
    pub(crate) qe_identity: Vec<u8>,
    /// Of both documents, PEM.
    pub(crate) signer_chain: String,
    pub(crate) pck_crl: Vec<u8>,
    pub(crate) root_crl: Vec<u8>,
    pub(crate) fetched_at: Option<i64>,
}

impl Collateral {
    pub(crate) fn piece(&self, id: &EndorsementId) -> Endorsement {
        let (bytes, chain) = match id {
            EndorsementId::DcapTcbInfo { .. } => (&self.tcb_info, Some(self.signer_chain.as_str().into())),
            EndorsementId::DcapQeIdentity { .. } => {
                (&self.qe_identity, Some(self.signer_chain.as_str().into()))
            }
            EndorsementId::DcapPckCrl { .. } => (&self.pck_crl, None),
            EndorsementId::DcapRootCrl => (&self.root_crl, None),
            other => panic!("{other}"),
        };
        Endorsement {
            bytes: bytes.as_slice().into(),
            issuer_chain: chain,
            fetched_at: self.fetched_at,
        }
    }
}

impl From<intel::Collateral> for Collateral {
    fn from(collateral: intel::Collateral) -> Self {
        Self {
            tcb_info: collateral.tcb_info.body,
            qe_identity: collateral.qe_identity.body,
            signer_chain: collateral.tcb_info.issuer_chain,
            pck_crl: collateral.pck_crl,
            root_crl: collateral.root_crl,
            fetched_at: None,
        }
    }
}

/// Verifies with every choice open.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) dcap: Arc<Dcap>,
    pub(crate) tee: Tee,
    pub(crate) evidence: Value,
    pub(crate) collateral: Collateral,
    pub(crate) expected: ExpectedBinding,
    pub(crate) now: i64,
}

impl Attempt {
    /// A quote alone, with no expectation.
    pub(crate) fn of_quote(
        dcap: &Arc<Dcap>,
        tee: Tee,
        quote: &[u8],
        collateral: &Collateral,
        now: i64,
    ) -> Self {
        Self {
            dcap: Arc::clone(dcap),
            tee,
            evidence: json!({"quote": STANDARD.encode(quote)}),
            collateral: collateral.clone(),
            expected: ExpectedBinding::default(),
            now,
        }
    }

    pub(crate) fn endorsements_for(&self) -> Vec<EndorsementId> {
        self.parsed().unwrap().endorsements_for()
    }

    pub(crate) fn claim(&self, name: &str) -> Value {
        self.run().unwrap().claims()[name].clone()
    }

    pub(crate) fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        let parsed = self.parsed()?;
        let ids = parsed.endorsements_for();
        let endorsements: Endorsements = ids
            .into_iter()
            .map(|id| (id.clone(), self.collateral.piece(&id)))
            .collect();
        Ok(parsed.verify(&self.expected, &endorsements, self.now)?.remove(0))
    }

    fn parsed(&self) -> Result<Box<dyn crate::ParsedEvidence>, VerifyError> {
        let text = self.evidence.to_string();
        let evidence = UnverifiedEvidence::new(text.as_bytes());
        match self.tee {
            Tee::Sgx => SgxVerifier::new(Arc::clone(&self.dcap)).parse(evidence),
            _ => TdxVerifier::new(Arc::clone(&self.dcap)).parse(evidence),
        }
    }
}

pub(crate) fn refused(error: DcapError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Dcap(error))
}

/// Trusts Intel's root alone.
pub(crate) fn production() -> Arc<Dcap> {
    Dcap::new(&DcapOptions::default()).unwrap()
}

/// Trusts Intel's root and that of the simulated machines.
pub(crate) fn simulated() -> Arc<Dcap> {
    static DCAP: LazyLock<Arc<Dcap>> = LazyLock::new(|| {
        let extra_roots = DcapRoot::read(INTEL.root_pem().as_bytes()).unwrap();
        Dcap::new(&DcapOptions { extra_roots }).unwrap()
    });
    Arc::clone(&DCAP)
}

/// A TD bound as [`bound`] says.
pub(crate) fn td() -> TdBody {
    TdBody {
        report_data: padded(&REPORT_DATA),
        mr_config_id: INIT_DATA,
        ..TdBody::default()
    }
}

/// An enclave bound as [`bound`] says.
pub(crate) fn enclave() -> EnclaveBody {
    EnclaveBody {
        report_data: padded(&REPORT_DATA),
        config_id: padded(&INIT_DATA),
        ..EnclaveBody::default()
    }
}

pub(crate) fn bound() -> ExpectedBinding {
    ExpectedBinding {
        report_data: Some(REPORT_DATA.to_vec()),
        init_data: Some(INIT_DATA.to_vec()),
    }
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    field[..bytes.len()].copy_from_slice(bytes);
    field
}

/// The platform's own good collateral.
pub(crate) fn good_collateral(platform: &Platform, tee: Tee) -> Collateral {
    platform.collateral(of(tee), FROM, UNTIL).unwrap().into()
}

pub(crate) fn of(tee: Tee) -> intel::Tee {
    match tee {
        Tee::Sgx => intel::Tee::Sgx,
        _ => intel::Tee::Tdx,
    }
}

/// Evidence of this machine with this quote, and all else as it should be.
pub(crate) fn attempt(platform: &Platform, tee: Tee, spec: &QuoteSpec) -> Attempt {
    let quote = platform.quote(spec).unwrap();
    Attempt {
        expected: bound(),
        ..Attempt::of_quote(&simulated(), tee, &quote, &good_collateral(platform, tee), NOW)
    }
}

/// A good TD of a good machine.
pub(crate) fn td_attempt() -> Attempt {
    attempt(&MACHINE, Tee::Tdx, &MACHINE.td_quote(td()))
}

/// A good enclave of a good machine.
pub(crate) fn enclave_attempt() -> Attempt {
    attempt(&SMALL, Tee::Sgx, &SMALL.enclave_quote(enclave()))
}

/// The piece that is to blame, and the check that it failed.
pub(crate) fn bad(outcome: Result<VerifiedClaims, VerifyError>) -> (EndorsementId, DcapError) {
    match outcome {
        Err(VerifyError::BadEndorsement { id, reason }) => match *reason {
            VerifyError::Dcap(error) => (id, error),
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
}
