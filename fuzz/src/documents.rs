//! Documents that an operator or a guest's owner wrote.

use attestation_service::parsers;

/// An init-data document, and its entries.
pub fn init_data(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = parsers::init_data(text);
    let entry = text.replace("'''", "");
    for name in ["aa.toml", "cdh.toml", "policy.rego"] {
        let document = format!(
            "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"{name}\" = '''\npolicy_data := {{{entry}'''\n"
        );
        let _ = parsers::init_data(&document);
        let _ = parsers::init_data(&document.replace("policy_data := {", ""));
    }
}

/// A bundle of endorsements: the bytes as the file, and as an entry of one that is otherwise well formed.
pub fn endorsement_bundle(data: &[u8]) {
    let _ = parsers::endorsement_bundle(data);
    let text = String::from_utf8_lossy(data);
    for id in [
        "dcap-tcb-info.tdx.00806F050000",
        "dcap-root-crl",
        "snp-crl.Milan",
        "snp-vlek-crl.Milan",
        &text,
    ] {
        let bundle = serde_json::json!({
            "format": "trustee-endorsements", "version": 1, "created_at": "2026-01-01T00:00:00Z",
            "entries": [{
                "id": id, "source": text, "fetched_at": 0, "bytes": super::base64(data), "issuer_chain": text,
            }],
        });
        let _ = parsers::endorsement_bundle(bundle.to_string().as_bytes());
    }
}

/// A file of Intel's collateral: the bytes as the file, and as the documents, lists and chains of one.
pub fn collateral_file(data: &[u8]) {
    let _ = parsers::collateral_file(data);
    let text = String::from_utf8_lossy(data);
    let file = serde_json::json!({"collaterals": {
        "tcbinfos": [{"fmspc": "00806F050000", "tdx_tcbinfo": text, "sgx_tcbinfo_early": {"tcbInfo": text}}],
        "qeidentity": text, "pckcacrl": {"processorCrl": text, "platformCrl": "00"}, "rootcacrl": text,
        "certificates": {
            "TCB-Info-Issuer-Chain": text, "SGX-Enclave-Identity-Issuer-Chain": text,
            "SGX-PCK-Certificate-Issuer-Chain": {"PROCESSOR": text, "PLATFORM": text},
        },
    }});
    let _ = parsers::collateral_file(file.to_string().as_bytes());
}
