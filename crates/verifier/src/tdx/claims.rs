//! What a policy gets to see of a TD. The table in docs/tees/tdx.md lists the same names.

use crate::dcap::{Body, Header, TdReport};
use serde_json::{Map, Value, json};

/// Bits of the attributes of a TD (TDX Module ABI, table 3.23), by claim.
const ATTRIBUTES: [(&str, u32); 5] = [
    ("debug", 0),
    ("septve_disable", 28),
    ("protection_keys", 30),
    ("key_locker", 31),
    ("perfmon", 63),
];

/// The members `quote` and `td_attributes`. Byte strings are lower-case hex, numbers too, in the order of their
/// bytes in the quote: little-endian.
pub(crate) fn quote_claims(header: &Header, body: &Body) -> Map<String, Value> {
    let Body::Td { report, kind } = body else {
        return Map::new();
    };
    let mut quote = Map::new();
    quote.insert("header".to_owned(), header_claims(header));
    quote.insert("body".to_owned(), Value::Object(body_claims(report)));
    if let Some((body_type, size)) = kind {
        quote.insert(
            "type".to_owned(),
            crate::digits::hex(body_type.to_le_bytes()).into(),
        );
        quote.insert("size".to_owned(), crate::digits::hex(size.to_le_bytes()).into());
    }
    let attributes = u64::from_le_bytes(report.td_attributes);
    let attributes = ATTRIBUTES.map(|(name, bit)| (name.to_owned(), Value::Bool(attributes >> bit & 1 == 1)));
    let mut claims = Map::new();
    claims.insert("quote".to_owned(), Value::Object(quote));
    claims.insert(
        "td_attributes".to_owned(),
        Value::Object(attributes.into_iter().collect()),
    );
    claims
}

fn header_claims(header: &Header) -> Value {
    json!({
        "version": crate::digits::hex(header.version.to_le_bytes()),
        "att_key_type": crate::digits::hex(header.att_key_type.to_le_bytes()),
        "tee_type": crate::digits::hex(header.tee_type.to_le_bytes()),
        "reserved": crate::digits::hex(header.svns),
        "vendor_id": crate::digits::hex(header.vendor_id),
        "user_data": crate::digits::hex(header.user_data),
    })
}

fn body_claims(report: &TdReport) -> Map<String, Value> {
    let [rtmr_0, rtmr_1, rtmr_2, rtmr_3] = &report.rtmrs;
    let mut fields: Vec<(&str, &[u8])> = vec![
        ("tcb_svn", &report.tee_tcb_svn),
        ("mr_seam", &report.mr_seam),
        ("mrsigner_seam", &report.mrsigner_seam),
        ("seam_attributes", &report.seam_attributes),
        ("td_attributes", &report.td_attributes),
        ("xfam", &report.xfam),
        ("mr_td", &report.mr_td),
        ("mr_config_id", &report.mr_config_id),
        ("mr_owner", &report.mr_owner),
        ("mr_owner_config", &report.mr_owner_config),
        ("rtmr_0", rtmr_0),
        ("rtmr_1", rtmr_1),
        ("rtmr_2", rtmr_2),
        ("rtmr_3", rtmr_3),
        ("report_data", &report.report_data),
    ];
    if let Some(more) = &report.td_1_5 {
        fields.push(("tee_tcb_svn2", &more.tee_tcb_svn2));
        fields.push(("mr_servicetd", &more.mr_servicetd));
    }
    let vmid = report
        .td_1_5_ex
        .as_ref()
        .map(|more| [more.vmid])
        .unwrap_or_default();
    if let Some(more) = &report.td_1_5_ex {
        fields.push(("vmid", &vmid));
        fields.push(("td_id", &more.td_id));
        fields.push(("dev_info", &more.dev_info));
        fields.push(("init_servicetd_hash", &more.init_servicetd_hash));
        fields.push(("init_servicetd_attributes", &more.init_servicetd_attributes));
        fields.push(("init_cpu_svn", &more.init_cpu_svn));
        fields.push(("init_tee_tcb_svn", &more.init_tee_tcb_svn));
        fields.push(("init_tee_fmspc", &more.init_tee_fmspc));
        fields.push(("cur_servicetd_hash", &more.cur_servicetd_hash));
        fields.push(("cur_servicetd_attributes", &more.cur_servicetd_attributes));
    }
    fields
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), crate::digits::hex(bytes).into()))
        .collect()
}
