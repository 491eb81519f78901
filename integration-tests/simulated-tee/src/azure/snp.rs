//! A machine with an AMD processor.

use super::{HclReport, RuntimeData, Version, base64, byte_quote, text_quote};
use crate::snp::{AttestationReport, Generation, Platform, ReportBuilder};
use crate::tpm::{KeyKind, Quote, Tpm};
use crate::{SimulatedGuest, SimulationError, pem};
use serde_json::{Value, json};
use sev::parser::ByteParser;

/// The kind of report.
const SNP: u32 = 2;

/// A virtual machine on a simulated SEV-SNP platform.
pub struct SnpVm {
    /// The processor.
    pub platform: Platform,
    /// The vTPM, after boot.
    pub tpm: Tpm,
}

impl SnpVm {
    /// A new machine with a new chip and a new vTPM.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(generation: Generation) -> Result<Self, SimulationError> {
        Ok(Self {
            platform: Platform::new(generation)?,
            tpm: Tpm::new(KeyKind::Rsa)?,
        })
    }

    /// Begins the processor's report about this runtime data.
    pub fn report(&self, runtime_data: &RuntimeData) -> ReportBuilder<'_> {
        self.platform.report().report_data(&runtime_data.report_data())
    }

    /// What the guest reads from the vTPM when the processor made this report.
    ///
    /// # Errors
    /// The report cannot be written.
    pub fn hcl_report(
        &self,
        report: &AttestationReport,
        runtime_data: &RuntimeData,
    ) -> Result<HclReport, SimulationError> {
        let bytes = report
            .to_bytes()
            .map_err(|error| SimulationError::Encoding(error.to_string()))?;
        Ok(HclReport::new(SNP, bytes.to_vec(), runtime_data.clone()))
    }

    /// The HCL report as it should be, for a guest that gave `user_data` to the paravisor.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn good_hcl_report(&self, user_data: &[u8]) -> Result<HclReport, SimulationError> {
        let runtime_data = RuntimeData::new(&self.tpm, user_data)?;
        self.hcl_report(&self.report(&runtime_data).sign()?, &runtime_data)
    }

    /// Evidence in the wire form, with the certificate `vcek` (DER).
    ///
    /// # Errors
    /// The HCL report cannot be written.
    pub fn wire(
        version: Version,
        quote: &Quote,
        hcl_report: &HclReport,
        vcek: &[u8],
    ) -> Result<Value, SimulationError> {
        let hcl_report = hcl_report.to_bytes()?;
        Ok(match version {
            Version::V0 => json!({
                "quote": byte_quote(quote), "report": hcl_report, "vcek": pem::certificate(vcek),
            }),
            Version::V1 | Version::V2 => json!({
                "version": version.number(), "tpm_quote": text_quote(quote),
                "hcl_report": base64(&hcl_report), "vcek": base64(vcek),
            }),
        })
    }
}

impl SimulatedGuest for SnpVm {
    fn tee(&self) -> &'static str {
        "az-snp-vtpm"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let quote = self.tpm.with_init_data(init_data)?.quote(report_data).sign()?;
        let hcl_report = self.good_hcl_report(report_data)?;
        Self::wire(Version::V2, &quote, &hcl_report, self.platform.vcek_der())
    }
}
