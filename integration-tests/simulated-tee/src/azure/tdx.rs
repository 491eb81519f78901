//! A machine with an Intel processor.

use super::{HclReport, RuntimeData, Version, base64, byte_quote, text_quote};
use crate::intel::{PckCa, Pki, Platform, TdBody};
use crate::tpm::{KeyKind, Quote, Tpm};
use crate::{SimulatedGuest, SimulationError};
use serde_json::{Value, json};
use std::sync::Arc;

/// The kind of report.
const TDX: u32 = 4;
/// The header's version on such machines.
const HEADER_VERSION: u32 = 2;

/// A virtual machine on a simulated TDX platform.
pub struct TdxVm {
    /// The processor.
    pub platform: Platform,
    /// The vTPM, after boot.
    pub tpm: Tpm,
}

impl TdxVm {
    /// A new machine of the committed Intel, with a new vTPM.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, SimulationError> {
        Ok(Self {
            platform: Platform::new(Arc::new(Pki::new()?), PckCa::Platform)?,
            tpm: Tpm::new(KeyKind::Rsa)?,
        })
    }

    /// The trust domain, whose report is about this runtime data.
    pub fn td(runtime_data: &RuntimeData) -> TdBody {
        TdBody {
            rtmrs: [[0x10; 48], [0x11; 48], [0x12; 48], [0x13; 48]],
            report_data: runtime_data.report_data(),
            ..TdBody::default()
        }
    }

    /// The quote of a trust domain.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn td_quote(&self, td: &TdBody) -> Result<Vec<u8>, SimulationError> {
        self.platform.quote(&self.platform.td_quote(td.clone()))
    }

    /// What the guest reads from the vTPM of this trust domain.
    pub fn hcl_report(td: &TdBody, runtime_data: &RuntimeData) -> HclReport {
        let mut hcl_report = HclReport::new(TDX, td_report(td), runtime_data.clone());
        hcl_report.version = HEADER_VERSION;
        hcl_report
    }

    /// Evidence in the wire form.
    ///
    /// # Errors
    /// The HCL report cannot be written.
    pub fn wire(
        version: Version,
        quote: &Quote,
        hcl_report: &HclReport,
        td_quote: &[u8],
    ) -> Result<Value, SimulationError> {
        let hcl_report = hcl_report.to_bytes()?;
        Ok(match version {
            Version::V0 => json!({
                "tpm_quote": byte_quote(quote), "hcl_report": hcl_report, "td_quote": td_quote,
            }),
            Version::V1 | Version::V2 => json!({
                "version": version.number(), "tpm_quote": text_quote(quote),
                "hcl_report": base64(&hcl_report), "td_quote": base64(td_quote),
            }),
        })
    }
}

impl SimulatedGuest for TdxVm {
    fn tee(&self) -> &'static str {
        "az-tdx-vtpm"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let quote = self.tpm.with_init_data(init_data)?.quote(report_data).sign()?;
        let runtime_data = RuntimeData::new(&self.tpm, report_data)?;
        let td = Self::td(&runtime_data);
        let hcl_report = Self::hcl_report(&td, &runtime_data);
        Self::wire(Version::V2, &quote, &hcl_report, &self.td_quote(&td)?)
    }
}

/// TDREPORT_STRUCT (Intel TDX Module ABI, 348551), 1024 bytes. Its digests and its MAC, which its processor alone
/// could verify, are made up.
fn td_report(td: &TdBody) -> Vec<u8> {
    let [rtmr_0, rtmr_1, rtmr_2, rtmr_3] = &td.rtmrs;
    let (attributes, xfam) = (td.td_attributes.to_le_bytes(), td.xfam.to_le_bytes());
    let parts: [&[u8]; 25] = [
        // REPORTMACSTRUCT: kind, CPUSVN, two digests, report data, MAC.
        &[0x81, 0, 0, 0],
        &[0; 12],
        &[0x0c; 16],
        &[0xd1; 48],
        &[0xd2; 48],
        &td.report_data,
        &[0; 32],
        &[0x4d; 32],
        // TEE_TCB_INFO: what is valid, versions, module, signer, attributes.
        &[0xff, 0x01, 0, 0, 0, 0, 0, 0],
        &td.tee_tcb_svn,
        &td.mr_seam,
        &td.mrsigner_seam,
        &td.seam_attributes,
        &[0; 111 + 17],
        // TDINFO.
        &attributes,
        &xfam,
        &td.mr_td,
        &td.mr_config_id,
        &td.mr_owner,
        &td.mr_owner_config,
        rtmr_0,
        rtmr_1,
        rtmr_2,
        rtmr_3,
        &[0; 112],
    ];
    parts.concat()
}
