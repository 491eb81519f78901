//! TDX: a quote of Intel's quoting enclave, and the event log of the measured boot.

use std::io::ErrorKind;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::entry::{Report, TsmError, read};
use super::{ReportData, check_init_data};

/// Bytes before the body of a quote of version 4, and of version 5 (Intel TDX DCAP Quoting Library API, A.3).
const BODY_V4: usize = 48;
const BODY_V5: usize = 54;
/// Where a TD report's MRCONFIGID and REPORTDATA are in the body.
const MR_CONFIG_ID: usize = 184;
const REPORT_DATA: usize = 520;

/// Largest event log that is read, in bytes. Firmware sets 64 KiB aside for it.
const MAX_EVENT_LOG: u64 = 512 * 1024;

/// The evidence that an Attestation Service reads.
pub(super) fn evidence(
    report: &Report,
    report_data: &ReportData,
    init_data: Option<&[u8]>,
    event_log: &Path,
) -> Result<Value, TsmError> {
    let quote = &report.report;
    let body = match quote
        .first_chunk::<2>()
        .map(|version| u16::from_le_bytes(*version))
    {
        Some(4) => quote.get(BODY_V4..),
        Some(5) => quote.get(BODY_V5..),
        _ => None,
    };
    let body = body.ok_or(TsmError::Malformed("it is no quote of version 4 or 5"))?;
    let too_short = TsmError::Malformed("it has not the length of a quote");
    let Some(held) = body.get(REPORT_DATA..).and_then(<[u8]>::first_chunk::<64>) else {
        return Err(too_short);
    };
    if held != report_data {
        return Err(TsmError::OtherReportData);
    }
    let config = body.get(MR_CONFIG_ID..).and_then(<[u8]>::first_chunk::<48>);
    check_init_data("tdx", init_data, config.ok_or(too_short)?)?;
    let log = match read(event_log, MAX_EVENT_LOG) {
        Ok(log) if log.is_empty() => None,
        Ok(log) => Some(STANDARD.encode(log)),
        // Firmware without a measured boot has none, and a policy that wants one will say so.
        Err(TsmError::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(json!({"quote": STANDARD.encode(quote), "cc_eventlog": log}))
}
