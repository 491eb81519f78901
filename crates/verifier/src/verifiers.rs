//! The list of verifiers: adding a TEE is a folder, a line here and a page of docs.

use crate::az_vtpm::{AzSnpVtpmVerifier, AzTdxVtpmVerifier};
use crate::cca::{CcaOptions, CcaVerifier};
use crate::csv::{CsvOptions, CsvRootError, CsvVerifier};
use crate::dcap::{Dcap, DcapOptions, DcapRootError};
use crate::nvidia::{NvidiaOptions, NvidiaVerifier};
use crate::sample::SampleVerifier;
use crate::sgx::SgxVerifier;
use crate::snp::{SnpOptions, SnpRootError, SnpVerifier};
use crate::tdx::TdxVerifier;
use crate::tpm::{TpmOptions, TpmRootError, TpmVerifier};
use crate::{EvidenceVerifier, Tee};
use std::sync::Arc;

/// What the operator chose, for all verifiers. The default trusts the vendors' roots alone.
#[derive(Clone, Debug, Default)]
pub struct VerifierOptions {
    /// For Arm CCA.
    pub cca: CcaOptions,
    /// For Hygon CSV.
    pub csv: CsvOptions,
    /// For NVIDIA devices.
    pub nvidia: NvidiaOptions,
    /// For AMD SEV-SNP.
    pub snp: SnpOptions,
    /// For bare TPMs.
    pub tpm: TpmOptions,
    /// For Intel SGX and TDX.
    pub dcap: DcapOptions,
}

/// What the operator chose cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A root for Hygon CSV.
    #[error("csv_verifier: {0}")]
    Csv(#[from] CsvRootError),
    /// A root for AMD SEV-SNP.
    #[error("snp_verifier: {0}")]
    Snp(#[from] SnpRootError),
    /// A root for bare TPMs.
    #[error("tpm_verifier: {0}")]
    Tpm(#[from] TpmRootError),
    /// A root for Intel SGX and TDX.
    #[error("dcap_verifier: {0}")]
    Dcap(#[from] DcapRootError),
}

/// Every verifier of this build. Made once; it holds the caches of verified chains.
pub struct Verifiers(Vec<Box<dyn EvidenceVerifier>>);

impl Verifiers {
    /// Makes them.
    ///
    /// # Errors
    /// A root among the options is no valid root.
    pub fn new(options: VerifierOptions) -> Result<Self, OptionsError> {
        let snp = SnpVerifier::new(options.snp)?;
        let dcap = Dcap::new(&options.dcap)?;
        Ok(Self(vec![
            Box::new(SampleVerifier::cpu()),
            Box::new(SampleVerifier::device()),
            Box::new(CcaVerifier::new(options.cca)),
            Box::new(CsvVerifier::new(options.csv)?),
            Box::new(NvidiaVerifier::new(options.nvidia)),
            Box::new(AzSnpVtpmVerifier::new(snp.clone())),
            Box::new(snp),
            Box::new(AzTdxVtpmVerifier::new(Arc::clone(&dcap))),
            Box::new(TpmVerifier::new(&options.tpm)?),
            Box::new(SgxVerifier::new(Arc::clone(&dcap))),
            Box::new(TdxVerifier::new(dcap)),
        ]))
    }

    /// The verifier for one TEE, if this build has it.
    pub fn get(&self, tee: Tee) -> Option<&dyn EvidenceVerifier> {
        self.0
            .iter()
            .map(Box::as_ref)
            .find(|verifier| verifier.tee() == tee)
    }

    /// The TEEs this build can verify.
    pub fn supported(&self) -> impl Iterator<Item = Tee> + '_ {
        self.0.iter().map(|verifier| verifier.tee())
    }
}
