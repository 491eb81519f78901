//! Who may register what, and in which order.

use super::*;

#[tokio::test]
async fn a_signed_message_of_every_envelope_is_taken_and_its_signer_remembered() {
    let setup = Setup::new().await;
    setup
        .register(&dated(&setup.one, json!(["1"]), NOW - 5))
        .await
        .unwrap();
    let wrapped = dsse(&setup.one, "application/swid+xml", SWID.as_bytes()).to_string();
    setup
        .register(&message("swid", Some("dsse"), wrapped))
        .await
        .unwrap();
    let statement = json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "subject": [{"name": "kernel", "digest": {"sha256": "ab"}}]});
    let envelope = dsse(
        &setup.other,
        "application/vnd.in-toto+json",
        statement.to_string().as_bytes(),
    );
    setup
        .register(&message("in-toto", None, envelope.to_string()))
        .await
        .unwrap();
    let header = coset::HeaderBuilder::new().content_type("application/rim+cbor".to_owned());
    let mut manifest = Vec::new();
    ciborium::into_writer(&cbor!({0 => 1, 1 => []}).unwrap(), &mut manifest).unwrap();
    let signed = cose(&setup.one, header, &manifest, vec![]);
    let signed = [&[0xd9, 0x01, 0xf6][..], &signed].concat();
    setup.register(&message("corim", None, signed)).await.unwrap();
    assert_eq!(
        ids(&setup.rvps),
        ["ACME.GPU.measurement_1", "kernel/sha256", "svn"]
    );

    let overview = setup.rvps.overview("svn").await.unwrap();
    let version = &overview.record.versions()[0];
    assert_eq!((version.number, version.at, version.by.how), (1, NOW, How::Local));
    let brought = version.message.as_ref().unwrap();
    assert_eq!(
        (brought.kind.as_str(), brought.issued_at, brought.digest.len()),
        ("sample", Some(NOW - 5), 64)
    );
    let signer = brought.signer.as_ref().unwrap();
    assert_eq!(
        (signer.anchor.as_str(), signer.key.as_str()),
        ("one", &*setup.one.verification_key().fingerprint().unwrap())
    );
}

const SWID: &str = r#"<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd">
<Meta xmlns:r="https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/" edition="GPU" r:PlatformManufacturerStr="ACME"/>
<Payload xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384"><Resource type="Measurement" index="1" h:Hash0="ab"/></Payload></SoftwareIdentity>"#;

#[tokio::test]
async fn forged_and_unsigned_messages_are_refused_and_change_nothing() {
    let setup = Setup::new().await;
    let stranger = SigningKey::generate_p256().unwrap();
    let forged = setup.register(&dated(&stranger, json!(["1"]), NOW)).await;
    assert!(matches!(
        forged,
        Err(RegisterError::Signature {
            reason: SignatureError::Bad,
            ..
        })
    ));
    for (kind, payload) in [("sample", r#"{"svn":1}"#), ("list", "[]"), ("swid", SWID)] {
        let unsigned = setup.register(&message(kind, None, payload)).await;
        assert!(
            matches!(unsigned, Err(RegisterError::Unsigned(_))),
            "{kind}: {unsigned:?}"
        );
    }
    let manifest = [0xa2, 0x00, 0x01, 0x01, 0x80];
    let unsigned = setup.register(&message("corim", None, manifest)).await;
    assert!(matches!(unsigned, Err(RegisterError::Unsigned("corim"))));
    let statement = message("in-toto", None, r#"{"_type":"https://in-toto.io/Statement/v1"}"#);
    assert!(matches!(
        setup.register(&statement).await,
        Err(RegisterError::Signature { .. })
    ));
    assert_eq!(ids(&setup.rvps), Vec::<String>::new());
}

#[tokio::test]
async fn an_older_message_never_rolls_a_newer_one_back() {
    let mut setup = Setup::new().await;
    let (old, new) = (
        dated(&setup.one, json!(["1"]), NOW - 100),
        dated(&setup.one, json!(["2"]), NOW - 50),
    );
    setup.register(&old).await.unwrap();
    assert_eq!(
        setup.register(&old).await.unwrap(),
        1,
        "what is in force is known"
    );
    setup.register(&new).await.unwrap();
    let not_newer = Refusal::NotNewer {
        issued_at: NOW - 100,
        newest: NOW - 50,
    };
    assert_eq!(setup.refusal(&old).await, not_newer);
    let told = not_newer.to_string();
    assert!(
        told.contains("issued at 2026-11-21T23:58:20Z, and one of 2026-11-21T23:59:10Z"),
        "{told}"
    );
    let same_time = dated(&setup.one, json!(["3"]), NOW - 50);
    assert!(matches!(
        setup.refusal(&same_time).await,
        Refusal::NotNewer { .. }
    ));
    assert_eq!(
        setup.refusal(&undated(&setup.one, json!(["4"]))).await,
        Refusal::Undated
    );

    setup.restart().await;
    assert_eq!(setup.refusal(&old).await, not_newer, "also after a restart");
    assert_eq!(setup.value("svn"), Some(json!(["2"])));
    setup
        .rvps
        .delete("svn", None, false, &Caller::local())
        .await
        .unwrap();
    for message in [&old, &new] {
        assert!(matches!(setup.refusal(message).await, Refusal::NotNewer { .. }));
    }
    assert_eq!(setup.value("svn"), None);
    setup
        .rvps
        .delete("svn", None, true, &Caller::local())
        .await
        .unwrap();
    setup.register(&old).await.unwrap();
    assert_eq!(setup.value("svn"), Some(json!(["1"])), "forgotten on purpose");
}

#[tokio::test]
async fn an_undated_message_is_taken_once() {
    let mut setup = Setup::new().await;
    let messages: Vec<_> = (0..8)
        .map(|number| undated(&setup.one, json!([number])))
        .collect();
    for message in &messages {
        setup.register(message).await.unwrap();
    }
    setup.restart().await;
    for message in &messages[..7] {
        assert_eq!(
            setup.refusal(message).await,
            Refusal::Replayed,
            "the history is shorter than the memory"
        );
    }
    assert_eq!(setup.register(&messages[7]).await.unwrap(), 1);
    let record = setup.rvps.overview("svn").await.unwrap().record;
    let numbers: Vec<_> = record.versions().iter().map(|version| version.number).collect();
    assert_eq!(numbers, [6, 7, 8]);
}

#[tokio::test]
async fn an_envelope_written_differently_is_the_same_message() {
    let setup = Setup::new().await;
    let content = br#"{"svn":1}"#;
    let first = dsse(&setup.one, SAMPLE, content);
    setup
        .register(&message("sample", Some("dsse"), first.to_string()))
        .await
        .unwrap();
    setup.register(&undated(&setup.one, json!(2))).await.unwrap();
    // A new signature over the same, more members, another order.
    let mut again = dsse(&setup.one, SAMPLE, content);
    again["more"] = json!(1);
    again["signatures"][0]["keyid"] = json!("x");
    let replay = message(
        "sample",
        Some("dsse"),
        serde_json::to_string_pretty(&again).unwrap(),
    );
    assert_eq!(setup.refusal(&replay).await, Refusal::Replayed);
}

#[tokio::test]
async fn another_trusted_signer_does_not_take_a_value_over() {
    let setup = Setup::new().await;
    setup
        .register(&dated(&setup.one, json!(1), NOW - 9))
        .await
        .unwrap();
    let takeover = dated(&setup.other, json!(2), NOW - 8);
    assert_eq!(
        setup.refusal(&takeover).await,
        Refusal::OtherSigner {
            holder: "one".to_owned(),
            signer: "other".to_owned()
        }
    );
    // A message is taken whole or not at all.
    let both = signed_sample(&setup.other, &json!({"svn": 2, "a-new-one": 1}), Some(NOW));
    assert!(matches!(setup.refusal(&both).await, Refusal::OtherSigner { .. }));
    assert_eq!(ids(&setup.rvps), ["svn"]);
    setup
        .rvps
        .delete("svn", None, true, &Caller::local())
        .await
        .unwrap();
    setup.register(&takeover).await.unwrap();
}

#[tokio::test]
async fn an_anchor_signs_for_its_names_only() {
    let setup =
        Setup::with(|config| config.trust_anchors[0].prefixes = Some(vec!["team-a/".to_owned()])).await;
    let good = signed_sample(&setup.one, &json!({"team-a/svn": 1}), None);
    setup.register(&good).await.unwrap();
    let outside = signed_sample(&setup.one, &json!({"team-a/x": 1, "team-b/svn": 1}), None);
    let refused = setup.register(&outside).await.unwrap_err();
    assert!(matches!(refused, RegisterError::NotForAnchor { .. }), "{refused}");
    assert_eq!(ids(&setup.rvps), ["team-a/svn"]);
}

#[tokio::test]
async fn a_message_counts_between_its_times_only() {
    let setup = Setup::new().await;
    let with = |header: Value| {
        let mut all = json!({"cty": SAMPLE});
        all.as_object_mut()
            .unwrap()
            .extend(header.as_object().unwrap().clone());
        message("sample", Some("jws"), jws(&setup.one, all, br#"{"svn":1}"#))
    };
    for (header, refused) in [
        (json!({"iat": NOW + 61}), true),
        (json!({"nbf": NOW + 61}), true),
        (json!({"exp": NOW}), true),
        (json!({"iat": NOW + 59, "nbf": NOW + 59, "exp": NOW + 100}), false),
    ] {
        let outcome = setup.register(&with(header.clone())).await;
        assert_eq!(outcome.is_err(), refused, "{header}: {outcome:?}");
    }
    assert_eq!(setup.rvps.query("svn").unwrap().unwrap().expires_at(), NOW + 100);
    setup.clock.set(NOW + 100);
    assert_eq!(setup.value("svn"), None);
}

#[tokio::test]
async fn an_entry_of_a_list_expires_when_it_says() {
    let setup = Setup::with(|config| config.insecure_allow_unsigned = Some(AllowUnsigned::All(true))).await;
    let list =
        json!([{"name": "a", "value": 1, "expiration": "2026-11-22T00:01:00Z"}, {"name": "b", "value": 1}]);
    setup
        .register(&message("list", None, list.to_string()))
        .await
        .unwrap();
    setup.clock.set(NOW + 60);
    assert_eq!(ids(&setup.rvps), ["b"]);
    let expired = setup.register(&message("list", None, list.to_string())).await;
    assert!(matches!(expired, Err(RegisterError::Expired(_))), "{expired:?}");
}

#[tokio::test]
async fn an_rvps_that_is_told_to_takes_nothing_unsigned_though_nobody_is_to_sign() {
    for (allowed, taken) in [
        (None, true),
        (Some(AllowUnsigned::All(true)), true),
        (Some(AllowUnsigned::Types(vec!["sample".to_owned()])), true),
        (Some(AllowUnsigned::All(false)), false),
        (Some(AllowUnsigned::Types(Vec::new())), false),
        (Some(AllowUnsigned::Types(vec!["list".to_owned()])), false),
    ] {
        let setup = Setup::with(|config| {
            config.trust_anchors.clear();
            config.insecure_allow_unsigned = allowed.clone();
        })
        .await;
        let registered = setup.register(&sample(&json!({"svn": 1}))).await;
        match taken {
            true => assert!(registered.is_ok(), "{allowed:?}: {registered:?}"),
            false => assert!(
                matches!(registered, Err(RegisterError::Unsigned("sample"))),
                "{allowed:?}: {registered:?}"
            ),
        }
        assert_eq!(setup.value("svn").is_some(), taken, "{allowed:?}");
    }
}

#[tokio::test]
async fn an_unsigned_message_does_not_take_a_signed_value_over() {
    let setup = Setup::with(|config| {
        config.insecure_allow_unsigned = Some(AllowUnsigned::Types(vec!["sample".to_owned()]));
    })
    .await;
    setup.register(&sample(&json!({"free": 1}))).await.unwrap();
    setup
        .register(&dated(&setup.one, json!(1), NOW - 9))
        .await
        .unwrap();
    let unsigned = sample(&json!({"svn": 2}));
    assert_eq!(setup.refusal(&unsigned).await, Refusal::UnsignedOverSigned);
    assert!(matches!(
        setup.register(&message("list", None, "[]")).await,
        Err(RegisterError::Unsigned("list"))
    ));
    // One who is configured to register unsigned may, and old signed messages stay refused.
    let mut trusted = Caller::with_all_rights(How::Token, "admin");
    trusted.rights.unsigned.insert("sample");
    setup.rvps.register(&unsigned, &trusted).await.unwrap();
    assert_eq!(setup.value("svn"), Some(json!(2)));
    assert!(matches!(
        setup.refusal(&dated(&setup.one, json!(1), NOW - 9)).await,
        Refusal::NotNewer { .. }
    ));
    setup.register(&sample(&json!({"svn": 3}))).await.unwrap();
}
