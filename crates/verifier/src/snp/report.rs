//! The attestation report (AMD 56860, table 23).

use super::chain::VekKind;
use super::{SnpError, SnpProduct, SnpTcb};
use sev::firmware::guest::{AttestationReport, Version};
use sev::firmware::host::TcbVersion;
use sev::parser::ByteParser;

/// Bytes of a report.
pub(crate) const REPORT_LENGTH: usize = 0x4a0;
/// Bytes that the signature covers.
const SIGNED_LENGTH: usize = 0x2a0;
/// Where the bytes behind r and s begin.
const AFTER_SIGNATURE: usize = SIGNED_LENGTH + 2 * 72;
/// Combined family and model, from version 3 on.
const CPUID_FAMILY: usize = 0x188;
const CPUID_MODEL: usize = 0x189;
const CHIP_ID: std::ops::Range<usize> = 0x1a0..0x1e0;
/// ECDSA P-384 with SHA-384.
const ECDSA_P384: u32 = 1;

/// A report in form, and the bytes that its signature must cover.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) fields: AttestationReport,
    pub(super) signed: Vec<u8>,
    pub(super) signing_key: VekKind,
    /// By CPUID, which version 2 does not carry.
    pub(super) product: Option<SnpProduct>,
}

impl Report {
    /// Checks the form, and puts the fields back to where the processor had them.
    ///
    /// The wire carries no reserved bytes: they are written as zero, and so a report in which they were not
    /// zero fails the signature.
    pub(super) fn new(fields: AttestationReport) -> Result<Self, SnpError> {
        let version = fields.version;
        if !(2..=5).contains(&version) {
            return Err(SnpError::ReportVersion(version));
        }
        if fields.sig_algo != ECDSA_P384 {
            return Err(SnpError::SignatureAlgorithm(fields.sig_algo));
        }
        let signing_key = VekKind::from_signing_key(fields.key_info.signing_key())?;
        let tcbs = [fields.current_tcb, fields.committed_tcb, fields.launch_tcb];
        let fmc = fields.reported_tcb.fmc.is_some();
        if tcbs.iter().any(|tcb| tcb.fmc.is_some() != fmc) {
            return Err(SnpError::TcbLayout);
        }
        let product = product(&fields)?;
        if product.is_some_and(|product| product.has_fmc() != fmc) {
            return Err(SnpError::TcbLayout);
        }
        if version < 5 && (fields.launch_mit_vector.is_some() || fields.current_mit_vector.is_some()) {
            return Err(SnpError::FieldOfOtherVersion {
                version,
                member: "mitigation vectors",
            });
        }
        let signed = signed_bytes(&fields);
        Ok(Self {
            fields,
            signed,
            signing_key,
            product,
        })
    }

    /// The same from the bytes that the processor wrote. Every reserved one must be zero.
    pub(super) fn from_raw(bytes: &[u8; REPORT_LENGTH]) -> Result<Self, SnpError> {
        let version = bytes
            .first_chunk()
            .map_or(0, |version| u32::from_le_bytes(*version));
        if !(2..=5).contains(&version) {
            return Err(SnpError::ReportVersion(version));
        }
        if version > 2 {
            SnpProduct::from_cpuid(bytes[CPUID_FAMILY], bytes[CPUID_MODEL])?;
        }
        // In a report of version 2 the chip id decides the layout.
        if bytes[CHIP_ID].iter().all(|byte| *byte == 0) && version == 2 {
            return Err(SnpError::ChipIdMasked);
        }
        // What is left to go wrong are reserved bytes.
        let fields = AttestationReport::from_bytes(bytes).map_err(|_| SnpError::Reserved)?;
        let report = Self::new(fields)?;
        let same = bytes.get(..SIGNED_LENGTH) == Some(&report.signed);
        let unused = bytes.get(AFTER_SIGNATURE..).unwrap_or_default();
        if !same || unused.iter().any(|byte| *byte != 0) {
            return Err(SnpError::Reserved);
        }
        Ok(report)
    }

    pub(super) fn reported_tcb(&self) -> SnpTcb {
        self.fields.reported_tcb.into()
    }
}

fn product(fields: &AttestationReport) -> Result<Option<SnpProduct>, SnpError> {
    let version = fields.version;
    match (
        version,
        fields.cpuid_fam_id,
        fields.cpuid_mod_id,
        fields.cpuid_step,
    ) {
        (2, None, None, None) => Ok(None),
        (3.., Some(family), Some(model), Some(_)) => SnpProduct::from_cpuid(family, model).map(Some),
        _ => Err(SnpError::FieldOfOtherVersion {
            version,
            member: "processor family, model and stepping",
        }),
    }
}

fn signed_bytes(report: &AttestationReport) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIGNED_LENGTH);
    let mut put = |field: &[u8]| bytes.extend_from_slice(field);
    put(&report.version.to_le_bytes()); // 0x000
    put(&report.guest_svn.to_le_bytes()); // 0x004
    put(&u64::from(report.policy).to_le_bytes()); // 0x008
    put(&report.family_id); // 0x010
    put(&report.image_id); // 0x020
    put(&report.vmpl.to_le_bytes()); // 0x030
    put(&report.sig_algo.to_le_bytes()); // 0x034
    put(&tcb(report.current_tcb)); // 0x038
    put(&u64::from(report.plat_info).to_le_bytes()); // 0x040
    put(&u32::from(report.key_info).to_le_bytes()); // 0x048
    put(&[0; 4]); // 0x04c, reserved
    put(&report.report_data); // 0x050
    put(&report.measurement); // 0x090
    put(&report.host_data); // 0x0c0
    put(&report.id_key_digest); // 0x0e0
    put(&report.author_key_digest); // 0x110
    put(&report.report_id); // 0x140
    put(&report.report_id_ma); // 0x160
    put(&tcb(report.reported_tcb)); // 0x180
    put(&[report.cpuid_fam_id, report.cpuid_mod_id, report.cpuid_step].map(Option::unwrap_or_default)); // 0x188
    put(&[0; 21]); // 0x18b, reserved
    put(&report.chip_id); // 0x1a0
    put(&tcb(report.committed_tcb)); // 0x1e0
    put(&firmware(report.current)); // 0x1e8
    put(&firmware(report.committed)); // 0x1ec
    put(&tcb(report.launch_tcb)); // 0x1f0
    put(&report.launch_mit_vector.unwrap_or_default().to_le_bytes()); // 0x1f8
    put(&report.current_mit_vector.unwrap_or_default().to_le_bytes()); // 0x200
    bytes.resize(SIGNED_LENGTH, 0); // 0x208, reserved
    bytes
}

fn tcb(tcb: TcbVersion) -> [u8; 8] {
    SnpTcb::from(tcb).to_bytes()
}

fn firmware(version: Version) -> [u8; 4] {
    [version.build, version.minor, version.major, 0]
}
