use super::*;

#[tokio::test]
async fn sample_evidence_is_contraindicated_until_its_values_are_registered() {
    let fixture = Fixture::new().await;
    let items = || vec![request(Tee::Sample, &sample_evidence())];
    let before = fixture.evaluate(items()).await.unwrap();
    assert_eq!(before["submods"]["cpu0"]["ear.status"], "contraindicated");
    fixture.register(good_values()).await;
    let after = fixture.evaluate(items()).await.unwrap();
    let cpu = &after["submods"]["cpu0"];
    assert_eq!(cpu["ear.status"], "affirming");
    assert_eq!(cpu["ear.appraisal-policy-id"], "default");
    assert_eq!(
        cpu["ear.veraison.annotated-evidence"]["runtime_data_claims"],
        serde_json::from_str::<Value>(RUNTIME_DATA).unwrap()
    );
    assert_eq!(cpu["ear.trustee.identifiers"], json!({"validated": {}}));
    assert_eq!((&after["iat"], &after["exp"]), (&json!(NOW), &json!(NOW + 300)));
}

#[tokio::test]
async fn one_flipped_bit_in_the_binding_is_refused_and_named() {
    let fixture = Fixture::new().await;
    for bit in [0, 7, 200, 383] {
        let mut flipped = report_data();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let evidence = json!({"svn": "1", "report_data": STANDARD.encode(flipped)});
        let error = fixture
            .evaluate(vec![request(Tee::Sample, &evidence)])
            .await
            .unwrap_err();
        assert_eq!(error.fault(), Fault::Attester);
        assert!(text(&error).contains("report data"), "{}", text(&error));
    }
}

#[tokio::test]
async fn a_changed_nonce_or_key_is_refused() {
    let fixture = Fixture::new().await;
    for (from, to) in [("\"n\"", "\"m\""), ("\"EC\"", "\"RSA\""), ("\"\"", "\"x\"")] {
        let mut item = request(Tee::Sample, &sample_evidence());
        item.runtime_data = RuntimeData::Structured(RUNTIME_DATA.replace(from, to));
        let error = fixture.evaluate(vec![item]).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Attester, "{to}");
    }
}

#[tokio::test]
async fn another_hash_than_the_attester_used_is_refused() {
    let fixture = Fixture::new().await;
    for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha512, HashAlgorithm::Sm3] {
        let item = IndividualRequest {
            hash,
            ..request(Tee::Sample, &sample_evidence())
        };
        assert!(fixture.evaluate(vec![item]).await.is_err());
    }
}

#[tokio::test]
async fn raw_runtime_data_is_compared_as_it_is_and_gives_no_claims() {
    let fixture = Fixture::new().await;
    let mut item = request(Tee::Sample, &sample_evidence());
    item.runtime_data = RuntimeData::Raw(report_data());
    let claims = fixture.evaluate(vec![item]).await.unwrap();
    let evidence = &claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
    assert_eq!(evidence["runtime_data_claims"], Value::Null);
    assert!(evidence.as_object().unwrap().contains_key("runtime_data_claims"));
}

#[tokio::test]
async fn without_runtime_data_the_comparison_is_skipped() {
    let fixture = Fixture::new().await;
    let mut item = request(Tee::Sample, &json!({"svn": "1", "report_data": "AAAA"}));
    item.runtime_data = RuntimeData::None;
    assert!(fixture.evaluate(vec![item]).await.is_ok());
}

#[tokio::test]
async fn devices_are_appraised_beside_the_machine_and_one_that_fails_fails_all() {
    let fixture = Fixture::new().await;
    let evidence = json!({"svn": "2", "report_data": STANDARD.encode(report_data())});
    let device = || request(Tee::SampleDevice, &evidence);
    let machine = || request(Tee::Sample, &sample_evidence());
    let claims = fixture
        .evaluate(vec![machine(), device(), device()])
        .await
        .unwrap();
    let names: Vec<&String> = claims["submods"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["cpu0", "gpu0", "gpu1"]);

    let stray = request(Tee::SampleDevice, &json!({"svn": "2", "report_data": "AAAA"}));
    assert!(fixture.evaluate(vec![machine(), stray]).await.is_err());
}

#[tokio::test]
async fn requests_that_make_no_sense_are_the_callers_fault() {
    let fixture = Fixture::new().await;
    let sample = || request(Tee::Sample, &sample_evidence());
    let mut bad_runtime_data = sample();
    bad_runtime_data.runtime_data = RuntimeData::Structured("{".to_owned());
    let mut bad_init_data = sample();
    bad_init_data.init_data = InitData::Toml("version = 1".to_owned());
    for (items, words) in [
        (vec![], "No verification requests provided."),
        (vec![sample(); MAX_ITEMS + 1], "verification requests"),
        (vec![request(Tee::Se, &json!({}))], "no verifier for TEE `se`"),
        (vec![bad_runtime_data], "parse runtime data"),
        (vec![bad_init_data], "parse init data"),
    ] {
        let error = fixture.evaluate(items).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Request, "{words}");
        assert!(text(&error).contains(words), "{}", text(&error));
    }
    for id in ["../default", "", "a/b"] {
        let request = AttestationRequest {
            items: vec![sample()],
            policy_ids: vec![id.to_owned()],
        };
        let error = fixture.service.evaluate(request).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Request, "{id}");
    }
}

#[tokio::test]
async fn a_policy_that_is_missing_or_fails_is_the_operators_fault() {
    let fixture = Fixture::new().await;
    let strict = || AttestationRequest {
        items: vec![request(Tee::Sample, &sample_evidence())],
        policy_ids: vec!["strict".to_owned(), "ignored".to_owned()],
    };
    let error = fixture.service.evaluate(strict()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Operator);
    assert!(
        text(&error).contains("Policy `strict_cpu.rego` not found"),
        "{}",
        text(&error)
    );

    for rule in [
        "trust_claims := {}",
        "trust_claims := {\"hardware\": 1000}",
        "trust_claims := {\"magic\": 2}",
    ] {
        let rego = format!("package policy\nimport rego.v1\n{rule}\n");
        fixture
            .service
            .set_policy(PolicyChange::new("strict_cpu", &rego))
            .await
            .unwrap();
        let error = fixture.service.evaluate(strict()).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Operator, "{rule}");
    }

    let rego = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n";
    fixture
        .service
        .set_policy(PolicyChange::new("strict_cpu", rego))
        .await
        .unwrap();
    let token = fixture.service.evaluate(strict()).await.unwrap();
    let cpu = &claims(token.as_str())["submods"]["cpu0"];
    assert_eq!(
        (&cpu["ear.status"], &cpu["ear.appraisal-policy-id"]),
        (&json!("affirming"), &json!("strict"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_policy_that_never_ends_is_stopped_and_stalls_nobody() {
    let fixture = Fixture::new().await;
    let rego = "package policy\nimport rego.v1\n\
        many := numbers.range(1, 2000)\n\
        trust_claims := {\"hardware\": count([1 | some a in many; some b in many; some c in many; a + b == c])}\n";
    fixture
        .service
        .set_policy(PolicyChange::new("default_cpu", rego))
        .await
        .unwrap();
    let service = Arc::clone(&fixture.service);
    let items = vec![request(Tee::Sample, &sample_evidence())];
    let policy_ids = Vec::new();
    let evaluation =
        tokio::spawn(async move { service.evaluate(AttestationRequest { items, policy_ids }).await });
    // The one thread that serves stays free all the while.
    let mut longest = Duration::ZERO;
    while !evaluation.is_finished() {
        let before = std::time::Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        longest = longest.max(before.elapsed());
    }
    assert_eq!(evaluation.await.unwrap().unwrap_err().fault(), Fault::Operator);
    assert!(longest < Duration::from_millis(200), "{longest:?}");
}

/// A policy that runs into its limits, in a service that has one turn to give.
async fn busy_for_a_while() -> Fixture {
    let mut fixture = Fixture::new().await;
    let service = Arc::get_mut(&mut fixture.service).unwrap();
    service.processors = Turns::new(1, 0, PATIENCE);
    let rego = "package policy\nimport rego.v1\n\
        many := numbers.range(1, 2000)\n\
        trust_claims := {\"hardware\": count([1 | some a in many; some b in many; a + b == 1])}\n";
    fixture
        .service
        .set_policy(PolicyChange::new("default_cpu", rego))
        .await
        .unwrap();
    fixture
}

#[tokio::test]
async fn whoever_goes_away_does_not_make_room_before_the_work_is_done() {
    let fixture = busy_for_a_while().await;
    let evaluate = || fixture.evaluate(vec![request(Tee::Sample, &sample_evidence())]);
    let begun = tokio::time::timeout(Duration::from_millis(1), evaluate()).await;
    assert!(begun.is_err(), "{begun:?}");
    let error = evaluate().await.unwrap_err();
    assert!(matches!(error, EvaluateError::Overloaded), "{error}");
    assert_eq!(error.fault(), Fault::Dependency);
}

/// A service that has no turns to give, and a policy that takes next to no time and is known for it.
async fn without_turns() -> Fixture {
    let mut fixture = Fixture::new().await;
    let rego = "package policy\ntrust_claims := {\"hardware\": 2}\n";
    fixture
        .service
        .set_policy(PolicyChange::new("default_cpu", rego))
        .await
        .unwrap();
    let policy = fixture.service.policies.compiled("default_cpu").await.unwrap();
    while policy.pace.is_out() {
        fixture
            .evaluate(vec![request(Tee::Sample, &sample_evidence())])
            .await
            .unwrap();
    }
    Arc::get_mut(&mut fixture.service).unwrap().processors = Turns::new(0, 0, PATIENCE);
    fixture
}

#[tokio::test]
async fn cheap_evidence_needs_no_turn_once_its_policy_has_shown_that_it_is_quick() {
    let fixture = without_turns().await;
    let items = vec![request(Tee::Sample, &sample_evidence())];
    let claims = fixture.evaluate(items).await.unwrap();
    assert_eq!(claims["submods"]["cpu0"]["ear.status"], "affirming");
}

#[tokio::test]
async fn a_policy_that_nothing_is_known_of_needs_a_turn() {
    let fixture = without_turns().await;
    let rego = "package policy\ntrust_claims := {\"hardware\": 3}\n";
    fixture
        .service
        .set_policy(PolicyChange::new("default_cpu", rego))
        .await
        .unwrap();
    let items = vec![request(Tee::Sample, &sample_evidence())];
    let error = fixture.evaluate(items).await.unwrap_err();
    assert!(matches!(error, EvaluateError::Overloaded), "{error}");
}

#[tokio::test]
async fn a_large_request_waits_for_its_turn_before_anything_of_it_is_looked_at() {
    let fixture = without_turns().await;
    let small = request(Tee::Sample, &sample_evidence());
    let (mut evidence, mut runtime_data, mut init_data) = (small.clone(), small.clone(), small);
    evidence.evidence = vec![b'['; 20_000];
    runtime_data.runtime_data = RuntimeData::Structured("[".repeat(20_000));
    init_data.init_data = InitData::Toml("[".repeat(20_000));
    for mut large in [evidence, runtime_data, init_data] {
        let error = fixture.evaluate(vec![large.clone()]).await.unwrap_err();
        assert!(matches!(error, EvaluateError::Overloaded), "{error}");
        // A small one of the same is found to be nonsense at once.
        large.evidence.truncate(2000);
        large.runtime_data = RuntimeData::Structured("[".repeat(2000));
        large.init_data = InitData::Toml("[".repeat(2000));
        let error = fixture.evaluate(vec![large]).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Request, "{error}");
    }
}

#[tokio::test]
async fn evidence_with_a_signature_to_verify_needs_a_turn() {
    let fixture = without_turns().await;
    let platform = Platform::new(Generation::Milan).unwrap();
    let report = platform.report().report_data(&report_data()).sign().unwrap();
    let evidence = evidence(&report, &platform.vcek_chain()).unwrap();
    let error = fixture
        .evaluate(vec![request(Tee::Snp, &evidence)])
        .await
        .unwrap_err();
    assert!(matches!(error, EvaluateError::Overloaded), "{error}");
}

#[tokio::test]
async fn a_terse_token_leaves_out_the_evidence_of_devices() {
    let fixture = Fixture::with(None, |config| {
        config.attestation_token_broker.verbose_token = false
    })
    .await;
    let claims = fixture
        .evaluate(vec![request(Tee::Sample, &sample_evidence())])
        .await
        .unwrap();
    let evidence = &claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
    assert_eq!(
        evidence["runtime_data_claims"],
        json!({"nonce": "n", "tee-pubkey": {"kty": "EC"}})
    );
}

#[tokio::test]
async fn only_secure_execution_has_a_challenge_of_its_own() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.service.challenge("snp", "{}").await.unwrap(), "");
    for tee in ["se", "nonsense", ""] {
        let error = fixture.service.challenge(tee, "{}").await.unwrap_err();
        assert_eq!(error.fault(), Fault::Request, "{tee}");
    }
}

#[tokio::test]
async fn whoever_has_a_tee_without_verifier_is_told_what_to_do() {
    let fixture = Fixture::new().await;
    for (tee, page) in [
        (Tee::Se, "docs/tees/se.md"),
        (Tee::HygonDcu, "docs/tees/hygondcu.md"),
        (Tee::NvidiaDpu, "docs/tees/nvidia-dpu.md"),
    ] {
        let error = fixture
            .evaluate(vec![request(tee, &json!({}))])
            .await
            .unwrap_err();
        assert_eq!(error.fault(), Fault::Request);
        let words = text(&error);
        assert!(words.contains(&format!("no verifier for TEE `{tee}`")), "{words}");
        assert!(words.contains(page) && words.contains("over gRPC"), "{words}");
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(page);
        assert!(page.is_file(), "{}", page.display());
    }
    let challenge = fixture.service.challenge("se", "{}").await.unwrap_err();
    assert!(text(&challenge).contains("docs/tees/se.md"));
}

#[tokio::test]
async fn without_its_rvps_evidence_is_not_appraised() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let fixture = Fixture::with(None, |config| {
        config.rvps_config = crate::config::RvpsConfig::GrpcRemote {
            address: nobody.to_string(),
            tls: None,
            max_stale_seconds: 30,
            remember_seconds: 3,
            insecure_forward_for_anyone: false,
        };
    })
    .await;
    let error = fixture
        .evaluate(vec![request(Tee::Sample, &sample_evidence())])
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Dependency);
    assert!(!fixture.service.is_ready());
}
