use super::*;
use serde_json::json;
use simulated_tee::SimulatedGuest;
use simulated_tee::cca::Platform;
use verifier::cca::{CcaOptions, CcaVerifier};
use verifier::{Endorsements, EvidenceVerifier, ExpectedBinding, Fault, UnverifiedEvidence, VerifyError};

fn config(directory: &Path) -> VerifierConfig {
    VerifierConfig {
        cca_verifier: Some(CcaVerifierConfig::Local {
            ta_store: directory.join("ta.json"),
            rv_store: directory.join("rv.json"),
        }),
        ..VerifierConfig::default()
    }
}

fn verdict(stores: &CcaStores) -> Result<(), VerifyError> {
    let evidence = Platform::new().unwrap().evidence(&[7; 48], None).unwrap();
    let verifier = CcaVerifier::new(CcaOptions {
        stores: stores.clone(),
    });
    let parsed = verifier
        .parse(UnverifiedEvidence::new(evidence.to_string().as_bytes()))
        .unwrap();
    let expected = ExpectedBinding {
        report_data: Some(vec![7; 48]),
        init_data: None,
    };
    parsed.verify(&expected, &Endorsements::new(), 0).map(drop)
}

fn is_believed(stores: &CcaStores) -> bool {
    verdict(stores).is_ok()
}

#[tokio::test]
async fn changed_files_are_read_again_and_bad_ones_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files {
        ta_store: directory.path().join("ta.json"),
        rv_store: directory.path().join("rv.json"),
    };
    let stores = CcaStores::default();
    let following = CcaStores::clone(&stores);
    let (ta_store, rv_store) = (files.ta_store.clone(), files.rv_store.clone());
    let origin = Origin::Configuration(files);
    let seen = Seen(Ok(None));
    let task = tokio::spawn(origin.follow(following, seen, Duration::from_millis(5)));
    assert!(!is_believed(&stores));
    std::fs::write(&ta_store, Platform::new().unwrap().trust_anchors().to_string()).unwrap();
    std::fs::write(&rv_store, Platform::reference_values().to_string()).unwrap();
    until(|| is_believed(&stores)).await;
    std::fs::write(&ta_store, "{").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(is_believed(&stores));
    std::fs::write(&ta_store, json!([]).to_string()).unwrap();
    until(|| !is_believed(&stores)).await;
    drop(stores);
    task.await.unwrap();
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never happens");
}

#[tokio::test]
async fn files_that_are_missing_or_malformed_keep_the_service_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    assert!(matches!(stores(&config), Err(StartError::File { .. })));
    std::fs::write(directory.path().join("ta.json"), "[]").unwrap();
    std::fs::write(directory.path().join("rv.json"), "[1]").unwrap();
    let Err(StartError::Config(reason)) = stores(&config) else {
        panic!("it starts")
    };
    assert!(reason.contains("reference values"), "{reason}");
    std::fs::write(directory.path().join("rv.json"), "{}").unwrap();
    assert!(stores(&config).is_ok());
}

#[tokio::test]
async fn a_remote_verifier_is_refused_with_what_to_do_instead() {
    let config = VerifierConfig {
        cca_verifier: Some(CcaVerifierConfig::Remote {
            address: "https://veraison.example".to_owned(),
            ca_cert: None,
        }),
        ..VerifierConfig::default()
    };
    let Err(StartError::Config(reason)) = stores(&config) else {
        panic!("it starts")
    };
    assert!(
        reason.contains("not supported") && reason.contains("`local`"),
        "{reason}"
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_file_of_earlier_versions_refuses_realms_alone_until_it_is_right() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let origin = Origin::File(CcaFile::named(path("config.json")));
    let stores = CcaStores::default();
    let refused_for = |expected: &[&str]| {
        origin.look().apply(&stores);
        let error = verdict(&stores).unwrap_err();
        assert_eq!(error.class(), Fault::Operator, "{error}");
        let text = error.to_string();
        assert!(expected.iter().all(|words| text.contains(words)), "{text}");
    };
    refused_for(&["config.json", "No such file"]);
    std::fs::write(path("config.json"), "{").unwrap();
    refused_for(&["config.json", "EOF"]);
    let remote = json!({"cca-verifier": {"type": "remote", "address": "https://veraison.example"}});
    std::fs::write(path("config.json"), remote.to_string()).unwrap();
    refused_for(&["config.json", "not supported", "type `local`"]);
    let local = json!({"cca-verifier": {
        "type": "local", "ta-store": path("ta.json"), "rv-store": path("rv.json"),
    }});
    std::fs::write(path("config.json"), local.to_string()).unwrap();
    refused_for(&["ta.json", "No such file"]);

    let seen = origin.look();
    let task = tokio::spawn(origin.follow(stores.clone(), seen, Duration::from_millis(5)));
    std::fs::write(
        path("ta.json"),
        Platform::new().unwrap().trust_anchors().to_string(),
    )
    .unwrap();
    std::fs::write(path("rv.json"), Platform::reference_values().to_string()).unwrap();
    until(|| is_believed(&stores)).await;
    std::fs::write(path("config.json"), remote.to_string()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(is_believed(&stores), "what was read stays in force");
    drop(stores);
    task.await.unwrap();
}
