//! What is tried changes nothing, and shows what it would change.

use super::*;
use crate::service::{MAX_TRIED, PolicyTrial, TrialError, Tried, TriedClaims};

fn claims(count: usize) -> Vec<TriedClaims> {
    let claims = json!({"sample": {"svn": "1", "launch_digest": "ab", "debug": false,
        "platform_version": {"major": 1, "minor": 2}}});
    let each = TriedClaims {
        policy_id: "default_cpu".to_owned(),
        claims: claims.to_string(),
    };
    vec![each; count]
}

fn statuses(tried: &[Tried]) -> Vec<(String, String)> {
    let status = |result: &crate::service::TriedResult| match result {
        Ok(appraisal) => {
            let submodule = Value::Object(appraisal.submodule.clone());
            submodule["ear.status"].as_str().unwrap().to_owned()
        }
        Err(reason) => reason.clone(),
    };
    tried
        .iter()
        .map(|each| (status(&each.now), status(&each.then)))
        .collect()
}

fn pair(now: &str, then: &str) -> (String, String) {
    (now.to_owned(), then.to_owned())
}

#[tokio::test]
async fn a_policy_that_is_tried_says_what_it_would_make_of_old_claims() {
    let fixture = Fixture::new().await;
    let trial = PolicyTrial {
        policies: [(
            "default_cpu".to_owned(),
            "package policy\ntrust_claims := {\"hardware\": 2}".to_owned(),
        )]
        .into(),
        claims: claims(2),
        ..PolicyTrial::default()
    };
    let tried = fixture.service.try_out(trial.clone()).await.unwrap();
    assert_eq!(
        statuses(&tried),
        [
            pair("contraindicated", "affirming"),
            pair("contraindicated", "affirming")
        ]
    );
    // And again: the first time has stored nothing.
    let tried = fixture.service.try_out(trial).await.unwrap();
    assert_eq!(statuses(&tried)[0], pair("contraindicated", "affirming"));
    assert_ne!(
        fixture
            .service
            .get_policy("default_cpu", None)
            .await
            .unwrap()
            .text,
        "package policy\ntrust_claims := {\"hardware\": 2}"
    );
}

#[tokio::test]
async fn reference_values_that_are_tried_count_instead_of_the_registered_ones() {
    let fixture = Fixture::new().await;
    let good =
        json!({"svn": ["1"], "launch_digest": ["ab"], "major_version": [1], "minimum_minor_version": [1]});
    let Value::Object(reference_values) = good.clone() else {
        unreachable!()
    };
    let trial = PolicyTrial {
        reference_values,
        claims: claims(1),
        ..PolicyTrial::default()
    };
    let tried = fixture.service.try_out(trial).await.unwrap();
    assert_eq!(statuses(&tried), [pair("contraindicated", "affirming")]);
    assert_eq!(fixture.service.query_reference_value("svn").await.unwrap(), None);

    fixture.register(good).await;
    let trial = PolicyTrial {
        reference_values: [("launch_digest".to_owned(), Value::Null)].into_iter().collect(),
        claims: claims(1),
        ..PolicyTrial::default()
    };
    let tried = fixture.service.try_out(trial).await.unwrap();
    assert_eq!(statuses(&tried), [pair("affirming", "warning")]);
    let then = tried[0].then.as_ref().unwrap();
    let explanation = then.explanation.as_deref().unwrap();
    assert!(
        explanation.contains("a value registered as `launch_digest`"),
        "{explanation}"
    );
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused_and_what_cannot_be_appraised_is_a_result() {
    let fixture = Fixture::new().await;
    let broken = PolicyTrial {
        policies: [("default_cpu".to_owned(), "package policy\nx :=".to_owned())].into(),
        claims: claims(1),
        ..PolicyTrial::default()
    };
    let error = fixture.service.try_out(broken).await.unwrap_err();
    assert!(matches!(&error, TrialError::Policy { id, .. } if id == "default_cpu"));
    assert_eq!(error.fault(), Fault::Request);

    let many = PolicyTrial {
        claims: claims(MAX_TRIED + 1),
        ..PolicyTrial::default()
    };
    let error = fixture.service.try_out(many).await.unwrap_err();
    assert!(matches!(error, TrialError::TooMany(_)));

    let mut odd = claims(2);
    odd[0].policy_id = "none_cpu".to_owned();
    odd[1].claims = "{".to_owned();
    let trial = |claims: &[TriedClaims]| PolicyTrial {
        claims: claims.to_vec(),
        ..PolicyTrial::default()
    };
    let error = fixture.service.try_out(trial(&odd)).await.unwrap_err();
    assert!(matches!(error, TrialError::Claims(1, _)));
    let tried = fixture.service.try_out(trial(&odd[..1])).await.unwrap();
    let missing = "Policy `none_cpu.rego` not found";
    assert_eq!(statuses(&tried), [pair(missing, missing)]);
}

#[tokio::test]
async fn affirming_results_are_explained_if_that_is_asked_for_and_not_at_any_length() {
    let fixture = Fixture::new().await;
    let many = |conditions: usize| {
        let condition = "\tinput.sample.long == concat(\"\", [input.sample.long, \"\"])\n".repeat(conditions);
        let names = policy::ar4si::TrustClaim::ALL.map(policy::ar4si::TrustClaim::as_str);
        let claims: Vec<String> = names
            .iter()
            .map(|name| format!("\"{name}\": {}", name.replace('-', "_")))
            .collect();
        let rules = names.map(|name| format!("{} := 2 if {{\n{condition}}}\n", name.replace('-', "_")));
        format!(
            "package policy\nimport rego.v1\ntrust_claims := {{{}}}\n{}",
            claims.join(", "),
            rules.join("")
        )
    };
    let explained = async |conditions: usize, explain_affirming: bool| {
        let trial = PolicyTrial {
            policies: [("default_cpu".to_owned(), many(conditions))].into(),
            claims: vec![TriedClaims {
                policy_id: "default_cpu".to_owned(),
                claims: json!({"sample": {"long": "y".repeat(4096)}}).to_string(),
            }],
            explain_affirming,
            ..PolicyTrial::default()
        };
        let mut tried = fixture.service.try_out(trial).await.unwrap();
        let text = tried.remove(0).then.unwrap().explanation.unwrap();
        let explanation: Value = serde_json::from_str(&text).unwrap();
        (text.len(), explanation)
    };
    let (_, plain) = explained(1, false).await;
    assert!(plain["claims"][0].get("rule").is_none(), "{plain}");
    let (_, whole) = explained(1, true).await;
    assert_eq!(
        whole["claims"][0]["held"][0]["seen"][0]["what"],
        "input.sample.long"
    );
    assert!(whole.get("incomplete").is_none(), "{whole}");
    let (length, cut) = explained(14, true).await;
    assert!(length < 64 * 1024, "{length}");
    assert_eq!(cut["incomplete"], "the explanation is too long");
    assert_eq!(cut["claims"][0]["value"], 2);
}
