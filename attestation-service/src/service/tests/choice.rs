//! Which policy judges a guest.

use simulated_tee::tpm;

use super::snp::{guest, init_digest, snp};
use super::*;

/// A service that trusts the platform and has two policies to tell apart.
async fn with_policy_map(platform: &Platform, map: Value) -> Fixture {
    let fixture = Fixture::with(Some(platform), |config| {
        config.policy_map = serde_json::from_value(map).unwrap();
    })
    .await;
    for (id, hardware) in [("shop_cpu", 2), ("lax_cpu", 3)] {
        let rego = format!("package policy\ntrust_claims := {{\"hardware\": {hardware}}}\n");
        fixture
            .service
            .set_policy(PolicyChange::new(id, &rego))
            .await
            .unwrap();
    }
    fixture
}

#[tokio::test]
async fn the_measured_init_data_chooses_the_policy_whatever_is_asked_for() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let guest = guest(&platform, &platform.vcek_chain());
    for entry in [
        json!({"policy_id": "shop", "init_data": hex::encode(init_digest())}),
        json!({"policy_id": "shop", "claim": "/name", "value": "value"}),
    ] {
        let fixture = with_policy_map(&platform, json!([entry])).await;
        for policy_ids in [vec![], vec!["lax".to_owned()]] {
            let items = snp(&guest);
            let token = fixture
                .service
                .evaluate(AttestationRequest { items, policy_ids })
                .await
                .unwrap();
            let cpu = &claims(token.as_str())["submods"]["cpu0"];
            assert_eq!(cpu["ear.appraisal-policy-id"], "shop");
            assert_eq!(cpu["ear.trustworthiness-vector"], json!({"hardware": 2}));
            let policy = fixture.service.get_policy("shop_cpu", None).await.unwrap();
            assert_eq!(cpu["ear.trustee.policy-digest"], policy.digest);
        }
    }
}

#[tokio::test]
async fn a_guest_with_other_init_data_is_judged_by_the_policy_that_is_asked_for() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let map = json!([
        {"policy_id": "shop", "init_data": "ab".repeat(32)},
        {"policy_id": "shop", "claim": "/name", "value": "other"},
    ]);
    let fixture = with_policy_map(&platform, map).await;
    let request = AttestationRequest {
        items: snp(&guest(&platform, &platform.vcek_chain())),
        policy_ids: vec!["lax".to_owned()],
    };
    let token = fixture.service.evaluate(request).await.unwrap();
    assert_eq!(
        claims(token.as_str())["submods"]["cpu0"]["ear.appraisal-policy-id"],
        "lax"
    );
}

#[tokio::test]
async fn a_policy_of_the_map_that_is_not_there_is_the_operators_mistake_and_gives_no_token() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let map = json!([{"policy_id": "missing", "claim": "/name", "value": "value"}]);
    let fixture = with_policy_map(&platform, map).await;
    let items = snp(&guest(&platform, &platform.vcek_chain()));
    let error = fixture.evaluate(items).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Operator);
    assert!(text(&error).contains("missing_cpu"), "{}", text(&error));
}

/// Of guests that were started as [`INIT_DATA`] says.
fn for_the_shop() -> Value {
    json!([{"policy_id": "shop", "claim": "/name", "value": "value"}])
}

#[tokio::test]
async fn a_tpm_that_nobody_vouches_for_chooses_no_policy_by_what_it_says_was_measured() {
    let tpm = simulated_tee::guest("tpm").unwrap().unwrap();
    let mut evidence = tpm.evidence(&report_data(), Some(&init_digest())).unwrap();
    for (vouched, id) in [(true, "shop"), (false, "default")] {
        if !vouched {
            evidence
                .as_object_mut()
                .unwrap()
                .remove("ak_certificates")
                .unwrap();
        }
        let fixture = Fixture::with(None, |config| {
            let root = std::env::temp_dir().join(format!("trustee-ak-root-{}.pem", std::process::id()));
            std::fs::write(&root, tpm::Authority::known().unwrap().pem()).unwrap();
            config.policy_map = serde_json::from_value(for_the_shop()).unwrap();
            config.verifier_config.tpm_verifier.ak_roots = vec![root];
        })
        .await;
        let rego = "package policy\ntrust_claims := {\"hardware\": 2}\n";
        let change = PolicyChange::new("shop_cpu", rego);
        fixture.service.set_policy(change).await.unwrap();
        let mut item = request(Tee::Tpm, &evidence);
        item.init_data = InitData::Toml(INIT_DATA.to_owned());
        let token = fixture.evaluate(vec![item]).await.unwrap();
        assert_eq!(token["submods"]["cpu0"]["ear.appraisal-policy-id"], id);
    }
}

#[tokio::test]
async fn a_device_in_front_of_the_machine_does_not_choose_for_it() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = with_policy_map(&platform, for_the_shop()).await;
    let rego = "package policy\ntrust_claims := {\"hardware\": 2}\n";
    let change = PolicyChange::new("shop_gpu", rego);
    fixture.service.set_policy(change).await.unwrap();
    let mut items = vec![request(Tee::SampleDevice, &sample_evidence())];
    items.extend(snp(&guest(&platform, &platform.vcek_chain())));
    let token = fixture.evaluate(items).await.unwrap();
    assert_eq!(token["submods"]["cpu0"]["ear.appraisal-policy-id"], "shop");
}

#[tokio::test]
async fn another_machine_in_front_does_not_choose_either() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = with_policy_map(&platform, for_the_shop()).await;
    let sample = request(Tee::Sample, &sample_evidence());
    let machine = snp(&guest(&platform, &platform.vcek_chain()));
    for items in [
        [vec![sample.clone()], machine.clone()].concat(),
        [machine, vec![sample]].concat(),
    ] {
        let error = fixture.evaluate(items).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Attester);
        assert!(matches!(error, EvaluateError::MachinesDisagree), "{error}");
    }
}
