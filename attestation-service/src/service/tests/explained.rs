//! What is remembered of explanations never outlives what it is about.

use super::*;

/// An explanation; another, if a busy machine left it no time.
async fn explanation(fixture: &Fixture) -> Value {
    for _ in 0..50 {
        let request = AttestationRequest {
            items: vec![request(Tee::Sample, &sample_evidence())],
            policy_ids: Vec::new(),
        };
        let explained = fixture.service.evaluate_explained(request).await.unwrap();
        let explanation: Value = serde_json::from_str(&explained.explanation.unwrap()).unwrap();
        let submodule = explanation["submods"]["cpu0"].clone();
        if submodule.get("incomplete").is_none() {
            return submodule;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("every explanation was incomplete");
}

async fn expected(fixture: &Fixture) -> String {
    let claims = explanation(fixture).await["claims"].as_array().unwrap().clone();
    let executables = claims
        .into_iter()
        .find(|claim| claim["claim"] == "executables")
        .unwrap();
    let expected = &executables["better"][0]["failed"][0]["expected"];
    expected.as_str().unwrap_or("nothing").to_owned()
}

#[tokio::test]
async fn an_explanation_follows_the_reference_values_and_the_policy() {
    let fixture = Fixture::new().await;
    let unregistered = "a value registered as `launch_digest`, but there is none, or it has expired";
    for _ in 0..3 {
        assert_eq!(expected(&fixture).await, unregistered);
    }
    fixture.register(json!({"launch_digest": ["other"]})).await;
    for _ in 0..3 {
        assert_eq!(
            expected(&fixture).await,
            "the reference value `launch_digest`: \"other\""
        );
    }
    fixture.register(json!({"launch_digest": ["abcde"]})).await;
    assert_eq!(expected(&fixture).await, "nothing");
}
