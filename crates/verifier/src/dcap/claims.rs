//! What a policy gets to see of the platform behind a quote. The tables in docs/tees/tdx.md and docs/tees/sgx.md
//! list the same names.

use super::collateral::Collateral;
use dcap_qvl::{PckCertFlag, QuoteClaims, TcbStatus};
use der::DateTime;
use serde_json::{Map, Value};
use std::time::Duration;

/// The claims by name. Dates are of RFC 3339 in UTC.
///
/// `now` is later than `time`, at which the quote was verified, if a piece of the collateral is expired.
pub(super) fn of(
    verified: &QuoteClaims,
    collateral: &Collateral<'_>,
    time: i64,
    now: i64,
) -> Map<String, Value> {
    let mut claims = Claims(Map::new());
    tcb(&mut claims, verified);
    current_tcb(&mut claims, verified);
    claims.put("collateral_expiration_status", if time < now { "1" } else { "0" });
    claims.put_date("earliest_issue_date", Some(verified.earliest_issue_date));
    claims.put_date("latest_issue_date", Some(verified.latest_issue_date));
    claims.put_date(
        "earliest_expiration_date",
        Some(verified.earliest_expiration_date),
    );
    platform(&mut claims, verified);
    for (name, fetched_at) in collateral.fetched {
        if let Some(fetched_at) = fetched_at {
            claims.put(name, now.saturating_sub(fetched_at).max(0));
        }
    }
    claims.0
}

fn tcb(claims: &mut Claims, verified: &QuoteClaims) {
    claims.put("tcb_status", verified.tcb.status.to_string());
    claims.put("advisory_ids", verified.tcb.advisory_ids.clone());
    claims.put("tcb_eval_num", verified.tcb.eval_data_number);
    claims.put_date("tcb_date", Some(verified.platform.tcb_date_tag));
}

/// From TDX 1.5 on, of the module that runs now; what is above is of the one that started the TD.
fn current_tcb(claims: &mut Claims, verified: &QuoteClaims) {
    let Some(current) = &verified.platform.current_tcb_level else {
        return;
    };
    let qe = &verified.qe.tcb_level;
    let mut advisories = current.advisory_ids.clone();
    advisories.extend(
        qe.advisory_ids
            .iter()
            .filter(|id| !current.advisory_ids.contains(id))
            .cloned(),
    );
    claims.put(
        "tcb_status_current",
        converge(current.tcb_status, qe.tcb_status).to_string(),
    );
    claims.put("advisory_ids_current", advisories);
    let date = current.tcb_date.parse::<DateTime>().ok();
    claims.put_date(
        "tcb_date_current",
        date.map(|date| date.unix_duration().as_secs()),
    );
}

/// What an old quoting enclave makes of the platform's status, as in Intel's own library.
fn converge(platform: TcbStatus, qe: TcbStatus) -> TcbStatus {
    match (qe, platform) {
        (TcbStatus::OutOfDate, TcbStatus::UpToDate | TcbStatus::SWHardeningNeeded) => TcbStatus::OutOfDate,
        (
            TcbStatus::OutOfDate,
            TcbStatus::ConfigurationNeeded | TcbStatus::ConfigurationAndSWHardeningNeeded,
        ) => TcbStatus::OutOfDateConfigurationNeeded,
        _ => platform,
    }
}

fn platform(claims: &mut Claims, verified: &QuoteClaims) {
    let platform = &verified.platform;
    claims.put("pck_crl_num", platform.pck_crl_num);
    claims.put("root_ca_crl_num", platform.root_ca_crl_num);
    claims.put("root_key_id", crate::digits::hex(&platform.root_key_id));
    claims.put("platform_provider_id", crate::digits::hex(&platform.pck.ppid));
    let sgx_type = match platform.pck.sgx_type {
        0 => "Standard".to_owned(),
        1 => "Scalable".to_owned(),
        2 => "Scalable with Integrity".to_owned(),
        other => format!("Unknown ({other})"),
    };
    claims.put("sgx_type", sgx_type);
    if platform.pck.sgx_type > 0 {
        claims.put_flag("is_dynamic_platform", platform.pck.dynamic_platform);
        claims.put_flag("is_cached_keys", platform.pck.cached_keys);
        claims.put_flag("is_smt_enabled", platform.pck.smt_enabled);
    }
}

struct Claims(Map<String, Value>);

impl Claims {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Seconds since the Unix epoch. A date that has no text is left out.
    fn put_date(&mut self, name: &str, seconds: Option<u64>) {
        let date =
            seconds.and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok());
        if let Some(date) = date {
            self.put(name, date.to_string());
        }
    }

    fn put_flag(&mut self, name: &str, flag: PckCertFlag) {
        match flag {
            PckCertFlag::True => self.put(name, true),
            PckCertFlag::False => self.put(name, false),
            PckCertFlag::Undefined => {}
        }
    }
}
