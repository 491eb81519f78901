//! What the storage holds, whole or damaged.

use super::*;

#[tokio::test]
async fn a_damaged_record_serves_nothing_and_takes_nothing() {
    let mut setup = Setup::new().await;
    setup
        .register(&dated(&setup.one, json!(1), NOW - 9))
        .await
        .unwrap();
    std::fs::write(setup.dir.path().join("reference_value_record/svn"), "{").unwrap();
    setup.restart().await;
    setup.rvps.query("svn").unwrap_err();
    assert!(matches!(
        setup.register(&dated(&setup.one, json!(2), NOW)).await,
        Err(RegisterError::Damaged { .. })
    ));
}

#[tokio::test]
async fn a_registration_that_was_interrupted_is_completed_by_the_same_message() {
    let mut setup = Setup::new().await;
    let message = dated(&setup.one, json!(1), NOW - 9);
    setup.register(&message).await.unwrap();
    // As if the process had ended between the record and the value.
    std::fs::remove_file(setup.dir.path().join("reference_value/svn")).unwrap();
    setup.restart().await;
    assert_eq!(setup.value("svn"), None);
    assert_eq!(setup.register(&message).await.unwrap(), 0);
    assert_eq!(setup.value("svn"), Some(json!(1)));
}

#[tokio::test]
async fn the_same_unsigned_value_again_renews_it_without_a_new_version() {
    let setup = Setup::with(|config| config.trust_anchors.clear()).await;
    let message = sample(&json!({"svn": 1}));
    setup.register(&message).await.unwrap();
    setup.clock.advance(3600);
    setup.register(&message).await.unwrap();
    let overview = setup.rvps.overview("svn").await.unwrap();
    let [version] = overview.record.versions() else {
        panic!("{overview:?}");
    };
    assert_eq!((version.number, version.renewed_at), (1, Some(NOW + 3600)));
    assert_eq!(overview.current.unwrap().expires_at(), NEXT_YEAR + 3600);
}

#[tokio::test]
async fn large_values_have_a_short_history_and_too_large_ones_none() {
    let setup = Setup::with(|config| {
        config.trust_anchors.clear();
        config.history_per_value = None;
    })
    .await;
    let large = |letter: &str| sample(&json!({"svn": letter.repeat(400_000)}));
    for letter in ["a", "b", "c", "d", "e"] {
        setup.register(&large(letter)).await.unwrap();
    }
    let record = setup.rvps.overview("svn").await.unwrap().record;
    let numbers: Vec<_> = record.versions().iter().map(|version| version.number).collect();
    assert_eq!(numbers, [4, 5]);
    let refused = setup
        .register(&sample(&json!({"svn": "x".repeat(1 << 20)})))
        .await;
    assert!(matches!(refused, Err(RegisterError::TooLarge(_))), "{refused:?}");
    assert_eq!(setup.value("svn"), Some(json!("e".repeat(400_000))));
}

#[tokio::test]
async fn values_of_storage_without_records_are_served_and_can_be_managed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("reference_value")).unwrap();
    let stored = r#"{"version":"0.1.0","name":"svn","expiration":"2027-08-21T10:00:00Z","value":["1","2"]}"#;
    std::fs::write(dir.path().join("reference_value/svn"), stored).unwrap();
    let config = Config {
        storage: on_disk(dir.path()),
        ..Config::default()
    };
    let rvps = open(&config, &Arc::new(ManualClock::new(NOW))).await;
    let overview = rvps.overview("svn").await.unwrap();
    assert_eq!(
        (overview.current.unwrap().json(), overview.record.versions().len()),
        (r#"["1","2"]"#, 0)
    );
    let caller = Caller::local();
    let left = rvps
        .revoke("svn", RevokeWhat::Element(json!("1")), None, &caller)
        .await;
    assert_eq!(left.unwrap(), Some(json!(["2"])));
    rvps.delete("svn", None, true, &caller).await.unwrap();
    assert_eq!(ids(&rvps), Vec::<String>::new());
}

#[test]
fn dangerous_and_contradictory_rules_are_errors() {
    use crate::RulesError;
    let rules = |unsigned: &[&str], history| {
        let config = Config {
            trust_anchors: vec![TrustAnchorConfig::default()],
            insecure_allow_unsigned: Some(AllowUnsigned::Types(
                unsigned.iter().map(|kind| (*kind).to_owned()).collect(),
            )),
            history_per_value: history,
            ..Config::default()
        };
        Rules::new(&config).err().expect("they are refused")
    };
    assert!(matches!(rules(&["rim"], None), RulesError::UnknownType { .. }));
    assert!(matches!(
        rules(&["in-toto"], None),
        RulesError::AlwaysSigned("in-toto")
    ));
    assert!(matches!(rules(&[], Some(0)), RulesError::NoHistory));
}
