//! What comes beside the token when it is asked for.

use serde_json::{Value, json};

use super::*;

async fn answer(channel: &Channel, explain: bool) -> AttestationResponse {
    let request = AttestationRequest {
        verification_requests: vec![item()],
        policy_ids: Vec::new(),
        explain,
    };
    let mut client = AttestationServiceClient::new(channel.clone());
    client.attestation_evaluate(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_result_is_explained_to_whoever_asks_and_to_nobody_else() {
    let (_server, channel) = plain().await;
    assert_eq!(answer(&channel, false).await.explanation, None);

    let explained = answer(&channel, true).await;
    let payload = explained.attestation_token.split('.').nth(1).unwrap();
    let token: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let explanation: Value = serde_json::from_str(&explained.explanation.unwrap()).unwrap();
    let (token, cpu) = (&token["submods"]["cpu0"], &explanation["submods"]["cpu0"]);
    assert_eq!(cpu["status"], token["ear.status"]);
    assert_eq!(cpu["policy"]["id"], "default_cpu");
    for claim in cpu["claims"].as_array().unwrap() {
        let name = claim["claim"].as_str().unwrap();
        assert_eq!(
            claim["value"], token["ear.trustworthiness-vector"][name],
            "{name}"
        );
    }
    let executables = cpu["claims"]
        .as_array()
        .unwrap()
        .iter()
        .find(|claim| claim["claim"] == "executables")
        .unwrap();
    assert_eq!(
        (&executables["value"], &executables["tier"]),
        (&json!(33), &json!("warning"))
    );
    let failed = &executables["better"][0]["failed"][0];
    assert_eq!(
        failed["seen"],
        json!([{"what": "input.sample.launch_digest", "values": ["abcde"]}])
    );
    assert_eq!(
        failed["allowed"],
        json!([{"reference_value": "launch_digest", "registered": false, "values": []}])
    );
}

#[tokio::test]
async fn the_digest_is_that_of_the_policy_that_decided() {
    let (_server, channel) = plain().await;
    let explanation: Value =
        serde_json::from_str(&answer(&channel, true).await.explanation.unwrap()).unwrap();
    let policy = AttestationManagementServiceClient::new(channel)
        .get_attestation_policy(GetPolicyRequest {
            policy_id: "default_cpu".to_owned(),
            version: None,
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(explanation["submods"]["cpu0"]["policy"]["digest"], policy.digest);
}

#[tokio::test]
async fn a_trial_over_the_wire_stores_nothing() {
    let (_server, channel) = plain().await;
    let mut client = AttestationManagementServiceClient::new(channel.clone());
    let claims = AppraisedClaims {
        policy_id: "default_cpu".to_owned(),
        claims: r#"{"sample": {"svn": "1"}}"#.to_owned(),
    };
    let request = |policy: &str, values: &str| TryPoliciesRequest {
        policies: [("default_cpu".to_owned(), policy.to_owned())].into(),
        reference_values: values.to_owned(),
        claims: vec![claims.clone()],
        explain_affirming: false,
    };
    let policy = "package policy\ntrust_claims := {\"hardware\": 2}";
    let answer = client
        .try_policies(request(policy, ""))
        .await
        .unwrap()
        .into_inner();
    let [
        TriedClaims {
            now: Some(now),
            then: Some(then),
        },
    ] = &answer.appraisals[..]
    else {
        panic!("{answer:?}");
    };
    assert!(now.submodule.contains("contraindicated"), "{now:?}");
    let submodule: Value = serde_json::from_str(&then.submodule).unwrap();
    let digest = policy::AppraisalPolicy::compile(policy)
        .unwrap()
        .digest()
        .to_owned();
    assert_eq!(
        submodule,
        json!({
            "ear.status": "affirming", "ear.trustworthiness-vector": {"hardware": 2},
            "ear.trustee.policy-digest": digest,
        })
    );
    assert_ne!(policy, {
        let policy_id = "default_cpu".to_owned();
        let stored = client
            .get_attestation_policy(GetPolicyRequest {
                policy_id,
                version: None,
            })
            .await;
        stored.unwrap().into_inner().policy
    });
    for (policy, values) in [("no policy", ""), (policy, "[]"), (policy, "{")] {
        let status = client.try_policies(request(policy, values)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
}

#[tokio::test]
async fn refused_evidence_comes_with_the_check_that_failed_to_whoever_asks_and_to_nobody_else() {
    let (_server, channel) = plain().await;
    let mut client = AttestationServiceClient::new(channel);
    for explain in [false, true] {
        let request = AttestationRequest {
            verification_requests: vec![IndividualAttestationRequest {
                runtime_data: Some(RuntimeData::StructuredRuntimeData("{\"b\":2}".to_owned())),
                ..item()
            }],
            policy_ids: Vec::new(),
            explain,
        };
        let status = client.attestation_evaluate(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        let check = status.metadata().get_bin(protos::FAILED_CHECK);
        assert_eq!(check.is_some(), explain);
        if let Some(check) = check {
            let check: Value = serde_json::from_slice(&check.to_bytes().unwrap()).unwrap();
            assert_eq!(
                (&check["tee"], &check["check"]),
                (&json!("sample"), &json!("report-data-mismatch"))
            );
            assert_eq!(check["fault"], "attester");
            assert!(check["advice"].as_str().unwrap().len() < 1000);
        }
    }
}
