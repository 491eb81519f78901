//! SEV-SNP: the report of AMD's firmware, in the members of the `sev` library.

use serde_json::{Value, json};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

use super::entry::{Report, TsmError};
use super::{ReportData, certificates, check_init_data};

/// Bytes of a report (AMD 56860, table "ATTESTATION_REPORT structure").
const LENGTH: usize = 0x4a0;

/// The evidence that an Attestation Service reads.
pub(super) fn evidence(
    report: &Report,
    report_data: &ReportData,
    init_data: Option<&[u8]>,
) -> Result<Value, TsmError> {
    if report.report.len() != LENGTH {
        return Err(TsmError::Malformed("it has not the length of a report"));
    }
    let fields = AttestationReport::from_bytes(&report.report)
        .map_err(|_| TsmError::Malformed("it is of no version that is known here"))?;
    if fields.report_data != *report_data {
        return Err(TsmError::OtherReportData);
    }
    check_init_data("snp", init_data, &fields.host_data)?;
    let chain = match &report.auxiliary[..] {
        // The host has no certificates for this guest: the server gets them elsewhere.
        [] => Value::Null,
        table => certificates::of(table)?
            .into_iter()
            .map(|(kind, data)| json!({"cert_type": kind, "data": data}))
            .collect(),
    };
    let fields = serde_json::to_value(fields).map_err(|_| TsmError::Malformed("it has no JSON form"))?;
    Ok(json!({"attestation_report": fields, "cert_chain": chain}))
}
