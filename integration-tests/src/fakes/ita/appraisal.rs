//! What the fake service finds: every quote is good, if it is bound to the data that came with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daemon::clock::{Clock, SystemClock};
use ring::digest::{Algorithm, SHA256, SHA512, digest};
use serde_json::{Value, json};

use super::ISSUER;

/// The policy that every guest of this fake matches.
pub const MATCHING_POLICY: &str = "6b0f6f30-0000-4000-8000-000000000001";

/// A quote that says what this service looks at, with zeros elsewhere.
pub fn quote(tee: &str, report_data: &[u8]) -> Vec<u8> {
    let (version, at) = match tee {
        "sgx" => (3, SGX_REPORT_DATA),
        _ => (4, TDX_REPORT_DATA),
    };
    let mut quote = vec![0; at + 64];
    if let Some(first) = quote.first_mut() {
        *first = version;
    }
    if tee != "sgx" {
        fill(&mut quote, TDX_MRTD, &[0x5a; 48]);
    }
    fill(&mut quote, at, report_data);
    quote
}

/// The claims of a token, or why there is none.
pub(super) fn claims(azure: bool, body: &Value) -> Result<Value, &'static str> {
    let now = SystemClock.now();
    let mut claims = json!({
        "ver": "2.0.0",
        "iss": ISSUER,
        "jti": "7e615321-fd9b-4e2e-9d1c-0a5a5f3b9a01",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "eat_profile": format!("{ISSUER}/eat_profile.html"),
        "intuse": "generic",
    });
    let found = match (body.get("tdx"), body.get("sgx")) {
        (Some(tdx), None) => ("tdx", self::tdx(tdx, azure)?),
        (None, Some(sgx)) => ("sgx", self::sgx(sgx)?),
        _ => return Err("Invalid request: evidence of one CPU is needed"),
    };
    let mut tee = found.1;
    policies(body, &mut tee)?;
    if let Some(gpu) = body.get("nvgpu") {
        let nonce = gpu.get("gpu_nonce").cloned().unwrap_or_default();
        claims["nvgpu"] = json!({"x-nvidia-overall-att-result": true, "eat_nonce": nonce});
    }
    claims[found.0] = tee;
    Ok(claims)
}

fn tdx(evidence: &Value, azure: bool) -> Result<Value, &'static str> {
    let quote = bytes(evidence, "quote")?;
    let runtime = bytes(evidence, "runtime_data")?;
    // On Azure the TD's report holds the hash of the paravisor's data, and that the hash of the guest's.
    let hash = if azure { &SHA256 } else { &SHA512 };
    bound(&quote, TDX_REPORT_DATA, hash, &runtime)?;
    let runtime: Value = serde_json::from_slice(&runtime).map_err(|_| "Invalid runtime data")?;
    let mut claims = json!({
        "attester_type": "TDX",
        "attester_tcb_status": "UpToDate",
        "attester_tcb_date": "2025-08-13T00:00:00Z",
        "attester_advisory_ids": [],
        "dbgstat": "disabled",
        "tdx_is_debuggable": false,
        "tdx_mrtd": hex::encode(field(&quote, TDX_MRTD, 48)),
        "tdx_mrconfigid": hex::encode(field(&quote, TDX_CONFIG_ID, 48)),
        "tdx_report_data": hex::encode(field(&quote, TDX_REPORT_DATA, 64)),
        "attester_runtime_data": runtime,
    });
    if azure {
        let user = bytes(evidence, "user_data")?;
        let named = claims["attester_runtime_data"]["user-data"]
            .as_str()
            .unwrap_or_default();
        let named = hex::decode(named).unwrap_or_default();
        if !named.starts_with(digest(&SHA256, &user).as_ref()) {
            return Err("User data hash mismatch");
        }
        claims["attester_user_data"] = serde_json::from_slice(&user).map_err(|_| "Invalid user data")?;
    }
    Ok(claims)
}

fn sgx(evidence: &Value) -> Result<Value, &'static str> {
    let quote = bytes(evidence, "quote")?;
    let runtime = bytes(evidence, "runtime_data")?;
    bound(&quote, SGX_REPORT_DATA, &SHA256, &runtime)?;
    let runtime: Value = serde_json::from_slice(&runtime).map_err(|_| "Invalid runtime data")?;
    Ok(json!({
        "attester_type": "SGX",
        "attester_tcb_status": "UpToDate",
        "dbgstat": "disabled",
        "sgx_is_debuggable": false,
        "attester_runtime_data": runtime,
    }))
}

/// Sorts the policies that were asked for; one policy matches.
fn policies(body: &Value, claims: &mut Value) -> Result<(), &'static str> {
    let asked = body
        .get("policy_ids")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let named = |id: Value| json!({"id": id, "version": "v1"});
    let (matched, unmatched): (Vec<Value>, Vec<Value>) =
        asked.into_iter().partition(|id| id == MATCHING_POLICY);
    if !unmatched.is_empty() && body.get("policy_must_match") == Some(&Value::Bool(true)) {
        return Err("Policies not matched");
    }
    for (name, ids) in [
        ("policy_ids_matched", matched),
        ("policy_ids_unmatched", unmatched),
    ] {
        if !ids.is_empty() {
            claims[name] = ids.into_iter().map(named).collect();
        }
    }
    Ok(())
}

fn bound(quote: &[u8], at: usize, hash: &'static Algorithm, data: &[u8]) -> Result<(), &'static str> {
    let digest = digest(hash, data);
    let mut expected = digest.as_ref().to_vec();
    expected.resize(64, 0);
    match field(quote, at, 64) == expected {
        true => Ok(()),
        false => Err("Runtime data hash mismatch"),
    }
}

fn bytes(evidence: &Value, name: &str) -> Result<Vec<u8>, &'static str> {
    let text = evidence
        .get(name)
        .and_then(Value::as_str)
        .ok_or("Invalid request")?;
    STANDARD.decode(text).map_err(|_| "Invalid request: not base64")
}

fn field(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    bytes.get(at..at + length).unwrap_or_default()
}

fn fill(bytes: &mut [u8], at: usize, content: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + content.len()) {
        place.copy_from_slice(content);
    }
}

/// Where report data is in a quote of an SGX enclave (version 3) and of a TD (version 4).
const SGX_REPORT_DATA: usize = 48 + 320;
const TDX_REPORT_DATA: usize = 48 + 520;
/// The other fields of a TD that it repeats.
const TDX_MRTD: usize = 48 + 136;
const TDX_CONFIG_ID: usize = 48 + 184;
