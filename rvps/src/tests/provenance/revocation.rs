//! What is revoked or deleted.

use super::*;

#[tokio::test]
async fn what_is_revoked_is_never_served_again() {
    let mut setup = Setup::with(|config| config.trust_anchors.clear()).await;
    let (good, bad) = (
        sample(&json!({"svn": ["good"]})),
        sample(&json!({"svn": ["bad", "good"]})),
    );
    setup.register(&bad).await.unwrap();
    let mut watcher = setup.rvps.watch();
    assert_eq!(watcher.next().await.unwrap().changed.len(), 1);
    let element = RevokeWhat::Element(json!("bad"));
    let caller = Caller::local();
    let left = setup
        .rvps
        .revoke("svn", element, Some("a hole".to_owned()), &caller)
        .await;
    assert_eq!(left.unwrap(), Some(json!(["good"])));
    let told = tokio::time::timeout(Duration::from_secs(1), watcher.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.changed[0].value(), &json!(["good"]));
    assert_eq!(told.changed[0].expires_at(), NEXT_YEAR);

    assert_eq!(setup.refusal(&bad).await, Refusal::Revoked);
    assert_eq!(
        setup.refusal(&sample(&json!({"svn": "bad"}))).await,
        Refusal::Revoked
    );
    setup.register(&good).await.unwrap();
    // Everything in force, by its version.
    let number = setup
        .rvps
        .overview("svn")
        .await
        .unwrap()
        .record
        .versions()
        .last()
        .unwrap()
        .number;
    let left = setup
        .rvps
        .revoke("svn", RevokeWhat::Version(number), None, &caller)
        .await;
    assert_eq!(left.unwrap(), None);
    assert_eq!(setup.value("svn"), None);
    let told = tokio::time::timeout(Duration::from_secs(1), watcher.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.removed, ["svn"]);

    // Neither a deletion of the history nor a hand in storage, nor a restart, brings it back.
    setup.rvps.delete("svn", None, true, &caller).await.unwrap();
    assert_eq!(setup.refusal(&good).await, Refusal::Revoked);
    let stored = r#"{"version":"0.1.0","name":"svn","expiration":"2027-08-21T10:00:00Z","value":["bad"]}"#;
    std::fs::write(setup.dir.path().join("reference_value/svn"), stored).unwrap();
    setup.rvps.reload().await.unwrap();
    assert_eq!(setup.value("svn"), None);
    setup.restart().await;
    assert_eq!((setup.value("svn"), ids(&setup.rvps).len()), (None, 0));
    setup
        .register(&sample(&json!({"svn": ["better"]})))
        .await
        .unwrap();
    assert_eq!(setup.value("svn"), Some(json!(["better"])));
    let revoked = setup
        .rvps
        .overview("svn")
        .await
        .unwrap()
        .record
        .revoked()
        .to_vec();
    assert_eq!(
        (revoked.len(), &revoked[0].value, revoked[0].reason.as_deref()),
        (2, &json!("bad"), Some("a hole"))
    );
}

#[tokio::test]
async fn a_revoked_number_does_not_come_back_in_another_form() {
    let setup = Setup::with(|config| config.trust_anchors.clear()).await;
    setup.register(&sample(&json!({"svn": [3, 9]}))).await.unwrap();
    let nine = RevokeWhat::Element(json!(9));
    let left = setup.rvps.revoke("svn", nine, None, &Caller::local()).await;
    assert_eq!(left.unwrap(), Some(json!([3])));
    for other in [
        json!([3, 9.0]),
        json!(9.0),
        serde_json::from_str("[9e0]").unwrap(),
    ] {
        assert_eq!(
            setup.refusal(&sample(&json!({"svn": other}))).await,
            Refusal::Revoked
        );
    }
    let three = RevokeWhat::Element(json!(3.0));
    let left = setup.rvps.revoke("svn", three, None, &Caller::local()).await;
    assert_eq!(left.unwrap(), None);
}

#[tokio::test]
async fn a_revoked_signed_message_is_refused_like_any_other() {
    let setup = Setup::new().await;
    let message = dated(&setup.one, json!(["1"]), NOW - 9);
    setup.register(&message).await.unwrap();
    let caller = Caller::local();
    setup
        .rvps
        .revoke("svn", RevokeWhat::Current, None, &caller)
        .await
        .unwrap();
    assert_eq!(setup.refusal(&message).await, Refusal::Revoked);
    assert_eq!(
        setup.refusal(&dated(&setup.one, json!(["1", "2"]), NOW)).await,
        Refusal::Revoked
    );
    setup
        .register(&dated(&setup.one, json!(["2"]), NOW))
        .await
        .unwrap();
    // Before anybody has registered it.
    let element = RevokeWhat::Element(json!("3"));
    assert_eq!(
        setup.rvps.revoke("new", element, None, &caller).await.unwrap(),
        None
    );
    let refused = setup
        .register(&signed_sample(&setup.one, &json!({"new": ["3"]}), None))
        .await;
    assert!(matches!(
        refused,
        Err(RegisterError::Refused {
            reason: Refusal::Revoked,
            ..
        })
    ));
}

#[tokio::test]
async fn what_is_not_there_is_not_deleted_or_revoked() {
    let setup = Setup::new().await;
    let caller = Caller::local();
    for forget in [false, true] {
        let error = setup.rvps.delete("svn", None, forget, &caller).await.unwrap_err();
        assert!(matches!(error, ManageError::NotFound(_)), "{error:?}");
    }
    let revoke = |what| setup.rvps.revoke("svn", what, None, &caller);
    assert!(matches!(
        revoke(RevokeWhat::Current).await,
        Err(ManageError::NotFound(_))
    ));
    assert!(matches!(
        revoke(RevokeWhat::Version(1)).await,
        Err(ManageError::NoVersion { number: 1, .. })
    ));
    assert!(matches!(
        setup.rvps.overview("svn").await,
        Err(ManageError::NotFound(_))
    ));
    setup.register(&dated(&setup.one, json!(1), NOW)).await.unwrap();
    setup.rvps.delete("svn", None, false, &caller).await.unwrap();
    assert!(matches!(
        setup.rvps.delete("svn", None, false, &caller).await,
        Err(ManageError::NotFound(_))
    ));
}

#[tokio::test]
async fn what_only_reads_like_something_that_is_served_is_refused_and_nothing_is_remembered() {
    let setup = Setup::with(|config| config.trust_anchors.clear()).await;
    setup
        .register(&sample(&json!({"fw": ["7", "ab"], "svn": 7})))
        .await
        .unwrap();
    let caller = Caller::local();
    for (name, element, there) in [
        ("fw", json!(7), "\"7\""),
        ("fw", json!("AB"), "\"ab\""),
        ("fw", json!(["ab", 7]), "\"7\""),
        ("svn", json!("7"), "7"),
    ] {
        let what = RevokeWhat::Element(element.clone());
        let refused = setup.rvps.revoke(name, what, None, &caller).await.unwrap_err();
        assert!(
            matches!(&refused, ManageError::Mistaken { there: is, .. } if is == there),
            "{element}: {refused:?}"
        );
        let record = setup.rvps.overview(name).await.unwrap().record;
        assert_eq!(
            (record.revoked().len(), record.versions().len()),
            (0, 1),
            "{element}"
        );
    }
    assert_eq!(setup.value("fw"), Some(json!(["7", "ab"])));
    // What nothing there reads like is revoked before anybody registers it.
    let ahead = RevokeWhat::Element(json!("9"));
    let left = setup.rvps.revoke("fw", ahead, None, &caller).await;
    assert_eq!(left.unwrap(), Some(json!(["7", "ab"])));
    assert_eq!(
        setup.refusal(&sample(&json!({"fw": ["9"]}))).await,
        Refusal::Revoked
    );
}
