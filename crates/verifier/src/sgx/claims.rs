//! What a policy gets to see of an enclave. The table in docs/tees/sgx.md lists the same names.

use crate::dcap::{EnclaveReport, Header};
use serde_json::{Map, Value};

/// The members `header`, `body` and `debug`. Byte strings are lower-case hex, numbers too, in the order of their
/// bytes in the quote: little-endian.
pub(super) fn of(header: &Header, report: &EnclaveReport) -> Map<String, Value> {
    let [qe_low, qe_high, pce_low, pce_high] = header.svns;
    let header = object(&[
        ("version", &header.version.to_le_bytes()),
        ("att_key_type", &header.att_key_type.to_le_bytes()),
        ("att_key_data_0", &header.tee_type.to_le_bytes()),
        ("qe_svn", &[qe_low, qe_high]),
        ("pce_svn", &[pce_low, pce_high]),
        ("vendor_id", &header.vendor_id),
        ("user_data", &header.user_data),
    ]);
    let body = object(&[
        ("cpu_svn", &report.cpu_svn),
        ("misc_select", &report.misc_select),
        ("reserved1", &report.reserved1),
        ("isv_ext_prod_id", &report.isv_ext_prod_id),
        ("attributes.flags", &report.flags),
        ("attributes.xfrm", &report.xfrm),
        ("mr_enclave", &report.mr_enclave),
        ("reserved2", &report.reserved2),
        ("mr_signer", &report.mr_signer),
        ("reserved3", &report.reserved3),
        ("config_id", &report.config_id),
        ("isv_prod_id", &report.isv_prod_id),
        ("isv_svn", &report.isv_svn),
        ("config_svn", &report.config_svn),
        ("reserved4", &report.reserved4),
        ("isv_family_id", &report.isv_family_id),
        ("report_data", &report.report_data),
    ]);
    let debug = u64::from_le_bytes(report.flags) & DEBUG != 0;
    let members = [("header", header), ("body", body), ("debug", Value::Bool(debug))];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The bit of the attributes (Intel SDM volume 3D, table 37-3).
const DEBUG: u64 = 1 << 1;

fn object(fields: &[(&str, &[u8])]) -> Value {
    let members = fields
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), crate::digits::hex(bytes).into()));
    Value::Object(members.collect())
}
