//! The HCL report: a header, the processor's report, and the runtime data.
//!
//! | Offset | Bytes | |
//! |---|---|---|
//! | 0x000 | 32 | header: `HCLA`, version, length of all, kind of request, status, 12 reserved bytes |
//! | 0x020 | 1184 | the processor's report; shorter ones are followed by zeros |
//! | 0x4c0 | 20 | length of this and the runtime data, version, kind of report, kind of digest, length of the runtime data |
//! | 0x4d4 | | runtime data, then zeros |
//!
//! All numbers are little-endian. Nothing vouches for the header, nor for the 20 bytes: they say where to read, and
//! what is read must fit the processor's report.

use super::AzVtpmError;
use super::runtime_data::RuntimeData;
use crate::dcap::TdReport;
use crate::snp::REPORT_LENGTH;
use az_cvm_vtpm::hcl::{self, HclError, ReportType};
use az_cvm_vtpm::tdx;

/// Longer than the vTPM's memory for it (2600 bytes) will ever be.
const MAX_LENGTH: usize = 64 * 1024;
const HEADER: usize = 32;
/// From here on the header is zero.
const STATUS: usize = 16;
const DATA: usize = HEADER + REPORT_LENGTH;
const RUNTIME_DATA: usize = DATA + 20;
/// Bytes of a TD report (Intel TDX Module ABI, TDREPORT_STRUCT).
const TD_REPORT_LENGTH: usize = 1024;
/// `HCLA`.
const MAGIC: &[u8] = b"HCLA";
/// The version of the 20 bytes, which decides where the runtime data begins.
const DATA_VERSION: u32 = 1;
const SHA256: u32 = 1;

/// An HCL report in form. Nothing of it is proved.
pub(super) struct HclReport {
    parsed: hcl::HclReport,
    /// The processor's report with what follows it.
    report: [u8; REPORT_LENGTH],
}

impl HclReport {
    /// Reads one with the report of an AMD processor.
    pub(super) fn snp(bytes: Vec<u8>) -> Result<Self, AzVtpmError> {
        Self::parse(bytes, ReportType::Snp, "an AMD SEV-SNP machine")
    }

    /// Reads one with the report of an Intel processor, of 1024 bytes.
    pub(super) fn tdx(bytes: Vec<u8>) -> Result<Self, AzVtpmError> {
        let report = Self::parse(bytes, ReportType::Tdx, "an Intel TDX machine")?;
        let padding = report.report.get(TD_REPORT_LENGTH..).unwrap_or_default();
        if padding.iter().any(|byte| *byte != 0) {
            return Err(AzVtpmError::HclReport("its TD report is not padded with zeros"));
        }
        Ok(report)
    }

    fn parse(bytes: Vec<u8>, kind: ReportType, name: &'static str) -> Result<Self, AzVtpmError> {
        if bytes.len() > MAX_LENGTH {
            return Err(AzVtpmError::HclReport("it is too long"));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(AzVtpmError::HclReport("it does not begin as one"));
        }
        let unused = bytes.get(STATUS..HEADER).unwrap_or_default();
        if unused.iter().any(|byte| *byte != 0) {
            return Err(AzVtpmError::HclReport(
                "its header says that it failed, or is not padded with zeros",
            ));
        }
        let field = |at: usize| {
            let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
            bytes
                .map(|bytes| u32::from_le_bytes(*bytes))
                .ok_or(AzVtpmError::HclReport("it is too short"))
        };
        let (whole, data) = (field(8)?, field(DATA)?);
        let (version, digest) = (field(DATA + 4)?, field(DATA + 12)?);
        let length = usize::try_from(field(DATA + 16)?).unwrap_or(usize::MAX);
        if version != DATA_VERSION {
            return Err(AzVtpmError::HclReport(
                "its runtime data is of an unknown version",
            ));
        }
        // The parser would panic over it when asked for the digest.
        if digest != SHA256 {
            return Err(AzVtpmError::DigestType(digest));
        }
        let end = RUNTIME_DATA.saturating_add(length);
        let says = |field: u32, length: usize| usize::try_from(field).is_ok_and(|field| field == length);
        if !says(whole, end) || !says(data, end.saturating_sub(DATA)) {
            return Err(AzVtpmError::HclReport("its lengths contradict each other"));
        }
        let rest = bytes
            .get(end..)
            .ok_or(AzVtpmError::HclReport("it is too short"))?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(AzVtpmError::HclReport("something follows its runtime data"));
        }
        let report = bytes.get(HEADER..).and_then(|rest| rest.first_chunk());
        let report = *report.ok_or(AzVtpmError::HclReport("it is too short"))?;
        let parsed = hcl::HclReport::new(bytes).map_err(|error| match error {
            HclError::InvalidReportType => AzVtpmError::OtherProcessor(name),
            _ => AzVtpmError::HclReport("it cannot be read"),
        })?;
        if parsed.report_type() != kind {
            return Err(AzVtpmError::OtherProcessor(name));
        }
        Ok(Self { parsed, report })
    }

    /// Is the report in it the one that was quoted? Only the processor that made the report could verify it, so
    /// nothing of it counts; the quote was made from it, and does.
    pub(super) fn is_about(&self, quoted: &TdReport) -> bool {
        let Ok(td_report) = tdx::TdReport::try_from(&self.parsed) else {
            return false;
        };
        let info = &td_report.tdinfo;
        td_report.report_mac.reportdata == quoted.report_data
            && info.attributes == quoted.td_attributes
            && info.xfam == quoted.xfam
            && info.mrtd == quoted.mr_td
            && info.mrconfigid == quoted.mr_config_id
            && info.mrowner == quoted.mr_owner
            && info.mrownerconfig == quoted.mr_owner_config
            && info.rtmr.map(|rtmr| rtmr.register_data) == quoted.rtmrs
    }

    /// The processor's report, unverified.
    pub(super) fn report(&self) -> &[u8; REPORT_LENGTH] {
        &self.report
    }

    /// The runtime data, of which `report_data` in a verified report by the processor must hold the SHA-256, with
    /// zeros behind it.
    pub(super) fn runtime_data(&self, report_data: &[u8; 64]) -> Result<RuntimeData, AzVtpmError> {
        let mut expected = [0; 64];
        let digest = self.parsed.var_data_sha256();
        expected.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        if expected != *report_data {
            return Err(AzVtpmError::RuntimeDataBinding);
        }
        RuntimeData::parse(self.parsed.var_data())
    }
}
