//! Evidence of real hardware through the Attestation Service's gRPC interface.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::individual_attestation_request::RuntimeData;
use protos::attestation::{AttestationRequest, IndividualAttestationRequest};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::guest::{claims, cpu_status};
use crate::stack::TestStack;

/// The evidence, or `None` on a machine that has only this project.
fn genoa() -> Option<Value> {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/snp/genoa-v3-evidence.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            eprintln!("skipped: {} is not there", file.display());
            None
        }
    }
}

async fn evaluate(
    stack: &TestStack,
    evidence: &Value,
    runtime_data: Option<RuntimeData>,
) -> Result<String, Status> {
    let mut client = AttestationServiceClient::connect(stack.attestation.clone())
        .await
        .unwrap();
    let request = AttestationRequest {
        verification_requests: vec![IndividualAttestationRequest {
            tee: "snp".to_owned(),
            evidence: URL_SAFE_NO_PAD.encode(evidence.to_string()),
            runtime_data,
            init_data: None,
            runtime_data_hash_algorithm: String::new(),
        }],
        policy_ids: vec!["default".to_owned()],
        explain: false,
    };
    let reply = client.attestation_evaluate(request).await?;
    Ok(reply.into_inner().attestation_token)
}

#[tokio::test]
async fn a_real_genoa_report_is_appraised_before_and_after_it_is_vouched_for() {
    let Some(evidence) = genoa() else { return };
    let stack = TestStack::start().await;
    let token = evaluate(&stack, &evidence, None).await.unwrap();
    assert_eq!(cpu_status(&token), "contraindicated");
    let annotated = &claims(&token)["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
    let snp = &annotated["snp"];
    assert_eq!(snp["policy_debug_allowed"], false);
    let measurement = snp["measurement"].as_str().unwrap();
    assert!(measurement.starts_with("6a6519d757e68c2e"), "{measurement}");

    stack
        .register(&json!({
            "snp_launch_measurement": [measurement],
            "snp_bootloader": [snp["reported_tcb_bootloader"]],
            "snp_tee_svn": [snp["reported_tcb_tee"]],
            "snp_snp_svn": [snp["reported_tcb_snp"]],
            "snp_microcode": [snp["reported_tcb_microcode"]],
        }))
        .await;
    let token = evaluate(&stack, &evidence, None).await.unwrap();
    assert_eq!(cpu_status(&token), "affirming");
}

#[tokio::test]
async fn a_real_report_with_one_byte_changed_or_other_report_data_is_refused() {
    let Some(evidence) = genoa() else { return };
    let stack = TestStack::start().await;
    for field in ["measurement", "report_data", "chip_id", "host_data"] {
        let mut changed = evidence.clone();
        let byte = &mut changed["attestation_report"][field][3];
        *byte = json!(byte.as_u64().unwrap() ^ 1);
        let refused = evaluate(&stack, &changed, None).await.unwrap_err();
        assert_eq!(refused.code(), Code::Aborted, "{field}: {refused}");
        assert!(
            refused.message().starts_with("Attestation evaluation failed:"),
            "{refused}"
        );
    }
    let raw = RuntimeData::RawRuntimeData(URL_SAFE_NO_PAD.encode([7; 64]));
    let refused = evaluate(&stack, &evidence, Some(raw)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    assert!(refused.message().contains("report data"), "{refused}");
}
