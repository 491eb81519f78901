//! NVIDIA devices, and what NVIDIA's service says of them.

use std::sync::LazyLock;

use verifier::nvidia::{NRAS_ISSUER, NvidiaMode, NvidiaOptions, NvidiaVerifier};
use verifier::{
    EndorsementId, Endorsements, EvidenceVerifier, ExpectedBinding, ParsedEvidence, UnverifiedEvidence,
};

/// Evidence of NVIDIA devices as JSON, judged here and by the service.
pub fn nvidia_evidence(data: &[u8]) {
    for verifier in NVIDIA.iter() {
        if let Ok(parsed) = verifier.parse(UnverifiedEvidence::new(data)) {
            let _ = parsed.endorsements_for();
            refuse(&*parsed, &Endorsements::new());
        }
    }
}

/// The bytes as what is behind the request of a report; then a chain that is none.
pub fn spdm_report(data: &[u8]) {
    let mut report = vec![0x11, 0xe0, 0x01, 0xff];
    report.extend([1; 32]);
    report.extend([0, 0x11, 0x60, 0, 0]);
    report.extend(data);
    let text: String = report.iter().map(|byte| format!("{byte:02x}")).collect();
    let chain = String::from_utf8_lossy(data);
    let device = serde_json::json!({"arch": "HOPPER", "evidence": text, "certificate": chain});
    nvidia_evidence(
        serde_json::json!({"device_evidence_list": [device]})
            .to_string()
            .as_bytes(),
    );
}

/// The bytes as the answer of NVIDIA's service, and as its key set.
pub fn nras_answer(data: &[u8]) {
    let evidence = serde_json::json!({"device_evidence_list": [{
        "arch": "HOPPER", "evidence": format!("11e001ff{}00", "01".repeat(32)), "certificate": "",
    }]});
    let text = evidence.to_string();
    let [_, remote] = &*NVIDIA;
    let Ok(parsed) = remote.parse(UnverifiedEvidence::new(text.as_bytes())) else {
        return;
    };
    for keys in [KEYS.as_bytes(), data] {
        let endorsements = parsed.endorsements_for().into_iter().map(|id| {
            let bytes = if id == EndorsementId::NrasKeys { keys } else { data };
            (id, bytes.to_vec())
        });
        refuse(&*parsed, &endorsements.collect());
    }
}

/// One that judges devices itself, and one that believes NVIDIA's service.
static NVIDIA: LazyLock<[NvidiaVerifier; 2]> = LazyLock::new(|| {
    let remote = NvidiaMode::Remote {
        issuers: vec![NRAS_ISSUER.to_owned()],
    };
    [NvidiaMode::Local, remote].map(|mode| {
        NvidiaVerifier::new(NvidiaOptions {
            mode,
            extra_roots: Vec::new(),
        })
    })
});

/// A key set in form.
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-384","kid":"a","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;

/// Nothing that a fuzzer makes is signed by NVIDIA.
fn refuse(parsed: &dyn ParsedEvidence, endorsements: &Endorsements) {
    let binding = ExpectedBinding {
        report_data: Some(vec![1; 48]),
        init_data: None,
    };
    assert!(parsed.verify(&binding, endorsements, 1_800_000_000).is_err());
}
