//! What a guest does.

use super::*;

#[tokio::test]
async fn a_sample_guest_that_is_denied_hears_that_it_is_one() {
    let kbs = FakeKbs::start().await;
    for (flags, sample) in [("--attester sample", true), ("", true)] {
        kbs.script_error("resource/", 403, "PolicyDeny", "Access denied by policy");
        let error = run_line(&kbs, &format!("{flags} get-resource --path a/b/c"), &[])
            .await
            .unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        assert_eq!(matches!(error, CliError::SampleDenied(_)), sample);
    }
}

#[cfg(feature = "simulated-tees")]
#[tokio::test]
async fn flags_of_the_simulated_platform_are_refused_beside_another_attester() {
    let kbs = FakeKbs::start().await;
    for flags in [
        "--snp-debug",
        "--attester sample --snp-measurement 00",
        "--attester simulated-tdx --snp-generation milan",
    ] {
        let error = run_line(&kbs, &format!("{flags} attest"), &[]).await.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--attester simulated-snp"), "{error}");
    }
    let simulated = run_line(&kbs, "--attester simulated-snp --snp-debug attest", &[]).await;
    assert!(simulated.is_ok(), "{simulated:?}");
}

#[tokio::test]
async fn a_guest_gets_its_secret_in_base64_and_its_token_as_it_is() {
    let kbs = FakeKbs::start().await;
    let secret = "dGhpcyBpcyB0aGUgY29udGVudCBvZiB0aGUgc2VjcmV0";
    let printed = run_line(&kbs, "get-resource --path kbs://host:1/default/test/one", &[])
        .await
        .unwrap();
    assert_eq!(printed, format!("{secret}\n"));
    assert_eq!(
        run_line(&kbs, "attest --attester sample", &[]).await.unwrap(),
        "h.p.s\n"
    );
    let printed = run_line(&kbs, "--output json get-resource --path default/test/one", &[])
        .await
        .unwrap();
    let value: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        value,
        json!({"uri": "kbs:///default/test/one", "resource": secret})
    );
    let init_data = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n";
    run_line(&kbs, "attest", &[init_data]).await.unwrap();
    assert_eq!(body(&kbs)["init-data"]["body"], init_data);
    assert_eq!(
        run_line(&kbs, "attest", &["no toml ["])
            .await
            .unwrap_err()
            .exit_code(),
        2
    );
}

#[tokio::test]
async fn a_token_needs_its_key() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let token = files.put("token", "h.p.s\n");
    let line = format!("get-resource --path a/b/c --attestation-token {token}");
    let error = run_line(&kbs, &line, &[]).await.unwrap_err();
    let expected = "if `--attestation-token` is set, `--tee_key_file` argument should also be set";
    assert!(error.to_string().starts_with(expected) && error.exit_code() == 2);

    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    kbs.seal_for(key.public_key().unwrap());
    let key = files.put("key", &key.to_pem().unwrap());
    assert!(
        run_line(&kbs, &format!("{line} --tee-key-file {key}"), &[])
            .await
            .is_ok()
    );
    assert_eq!(kbs.calls(), ["GET resource/a/b/c"]);
}

#[cfg(feature = "simulated-tees")]
#[tokio::test]
async fn a_simulated_guest_shows_what_was_asked_for() {
    let kbs = FakeKbs::start().await;
    let measurement = "07".repeat(48);
    let line = format!(
        "--attester simulated-snp --snp-generation genoa --snp-measurement {measurement} --snp-debug attest"
    );
    run_line(&kbs, &line, &[]).await.unwrap();
    let report = &body(&kbs)["tee-evidence"]["primary_evidence"]["attestation_report"];
    assert_eq!(report["measurement"], json!(vec![7; 48]));
    let error = run_line(&kbs, "--attester simulated-snp --snp-measurement 00 attest", &[])
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

#[tokio::test]
async fn devices_are_attested_beside_the_guest() {
    let kbs = FakeKbs::start().await;
    run_line(&kbs, "--attester sample --device sampledevice attest", &[])
        .await
        .unwrap();
    let devices = body(&kbs)["tee-evidence"]["additional_evidence"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(devices.starts_with("{\"sampledevice\":"), "{devices}");
    for text in [
        "abacus",
        "simulated-abacus",
        "simulated-nvidia:0",
        "simulated-nvidia:x",
        "",
    ] {
        assert!(text.parse::<super::args::DeviceKind>().is_err(), "{text}");
    }
}

#[cfg(feature = "simulated-tees")]
#[tokio::test]
async fn as_many_simulated_devices_are_attested_as_are_asked_for() {
    let kbs = FakeKbs::start().await;
    let line = "--attester sample --device simulated-nvidia:3 --device sampledevice attest";
    run_line(&kbs, line, &[]).await.unwrap();
    let devices = body(&kbs)["tee-evidence"]["additional_evidence"]
        .as_str()
        .unwrap()
        .to_owned();
    let devices: Value = serde_json::from_str(&devices).unwrap();
    assert_eq!(
        devices["nvidia"]["device_evidence_list"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(devices["sampledevice"]["svn"], "2");
}

#[tokio::test]
async fn evidence_is_kept_whatever_the_kbs_says_of_it_and_can_be_tried() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let file = files.put("evidence.json", "");
    for line in [
        "attest --attester sample",
        "get-resource --attester sample --path default/test/one",
    ] {
        std::fs::write(&file, "").unwrap();
        run_line(&kbs, line, &["--save-evidence", &file]).await.unwrap();
        let seen = kbs.seen();
        let sent = &seen.iter().rfind(|seen| seen.path == "attest").unwrap().body;
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(kept["tee"], "sample");
        assert_eq!(
            kept["attestation"],
            serde_json::from_slice::<Value>(sent).unwrap()
        );
        assert!(
            kept["attestation"]["runtime-data"]["tee-pubkey"]
                .get("d")
                .is_none()
        );
    }
    std::fs::write(&file, "").unwrap();
    kbs.script_error("attest", 401, "AttestationError", "no");
    run_line(&kbs, "attest --attester sample", &["--save-evidence", &file])
        .await
        .unwrap_err();
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(kept["tee"], "sample");

    kbs.script("policy-test", 200, r#"{"tried":1,"changed":0,"guests":[]}"#);
    run_line(&kbs, "policy test --explain --evidence", &[&file])
        .await
        .unwrap();
    assert_eq!(body(&kbs)["guests"], json!([{"name": file, "evidence": kept}]));
    let nowhere = run_line(
        &kbs,
        "attest --attester sample --save-evidence /no/such/dir/e.json",
        &[],
    );
    let error = nowhere.await.unwrap_err();
    assert!(matches!(error, CliError::NotSaved { .. }), "{error}");
}
