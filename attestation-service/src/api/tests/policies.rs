//! The history of policies over the wire.

use protos::attestation::{
    DeletePolicyRequest, PolicyAuthor, PolicyHistoryRequest, PolicyVersion, RollBackPolicyRequest,
};

use super::*;

fn by_alice() -> Option<PolicyAuthor> {
    Some(PolicyAuthor {
        how: "role".to_owned(),
        name: "alice".to_owned(),
    })
}

fn setting(id: &str, rego: &str) -> SetPolicyRequest {
    SetPolicyRequest {
        policy_id: id.to_owned(),
        policy: URL_SAFE_NO_PAD.encode(rego),
        author: by_alice(),
        strict: false,
    }
}

#[tokio::test]
async fn a_policy_has_a_history_and_a_way_back() {
    let (_server, channel) = plain().await;
    let mut client = AttestationServiceClient::new(channel.clone());
    let mut management = AttestationManagementServiceClient::new(channel);
    for (number, rego) in [
        (1, "package policy\ntrust_claims := {\"hardware\": 2}\n"),
        (
            2,
            "package policy\ntrust_claims := {\"hardware\": input.nosuch}\n",
        ),
    ] {
        let set = client
            .set_attestation_policy(setting("a_cpu", rego))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(set.version.unwrap().number, number);
        assert_eq!(set.warnings.len(), usize::from(number == 2), "{:?}", set.warnings);
    }
    let request = RollBackPolicyRequest {
        policy_id: "a_cpu".to_owned(),
        version: 1,
        author: None,
    };
    management
        .roll_back_attestation_policy(request.clone())
        .await
        .unwrap();
    let request = DeletePolicyRequest {
        policy_id: "a_cpu".to_owned(),
        author: by_alice(),
    };
    let deleted = management
        .delete_attestation_policy(request.clone())
        .await
        .unwrap();
    assert!(!deleted.into_inner().restored);

    let history = PolicyHistoryRequest {
        policy_id: "a_cpu".to_owned(),
    };
    let versions = management.get_attestation_policy_history(history).await.unwrap();
    let told: Vec<_> = versions
        .into_inner()
        .versions
        .into_iter()
        .map(
            |PolicyVersion {
                 number,
                 event,
                 to,
                 by,
                 ..
             }| (number, event, to, by.unwrap().how),
        )
        .collect();
    let expected = [
        (4, "deleted", None, "role"),
        (3, "rolled-back", Some(1), "anyone"),
        (2, "set", None, "role"),
        (1, "set", None, "role"),
    ];
    let expected = expected.map(|(number, event, to, how)| (number, event.to_owned(), to, how.to_owned()));
    assert_eq!(told, expected);

    let error = management.delete_attestation_policy(request).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    let shipped = DeletePolicyRequest {
        policy_id: "default_cpu".to_owned(),
        author: None,
    };
    let error = management.delete_attestation_policy(shipped).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error.message().contains("cannot be deleted"),
        "{}",
        error.message()
    );
    for version in [5, u64::MAX] {
        let request = GetPolicyRequest {
            policy_id: "a_cpu".to_owned(),
            version: Some(version),
        };
        let error = management.get_attestation_policy(request).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_strict_check_and_a_strange_author_are_refused() {
    let (_server, channel) = plain().await;
    let mut client = AttestationServiceClient::new(channel);
    let doubtful = setting(
        "a_cpu",
        "package policy\ntrust_claims := {\"hardware\": input.nosuch}\n",
    );
    let strict = SetPolicyRequest {
        strict: true,
        ..doubtful.clone()
    };
    let error = client.set_attestation_policy(strict).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("input.nosuch"), "{}", error.message());
    for name in ["a\nb".to_owned(), "x".repeat(300)] {
        let how = "role".to_owned();
        let strange = SetPolicyRequest {
            author: Some(PolicyAuthor { how, name }),
            ..doubtful.clone()
        };
        let error = client.set_attestation_policy(strange).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }
    client.set_attestation_policy(doubtful).await.unwrap();
}
