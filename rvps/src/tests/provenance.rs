//! Messages that must not count: forged, replayed, rolled back, of the wrong signer, revoked.

use std::{path::Path, sync::Arc, time::Duration};

use ciborium::cbor;
use daemon::clock::ManualClock;
use jose::SigningKey;
use serde_json::{Value, json};
use storage::{StorageConfig, StorageType};

use super::{
    NEXT_YEAR, NOW, ids, sample,
    signing::{SAMPLE, cose, dsse, jws, key_anchor, message, signed_sample},
};
use crate::{
    AllowUnsigned, Caller, Config, How, ManageError, Refusal, RegisterError, RevokeWhat, Rules, Rvps,
    SignatureError, TrustAnchorConfig,
};

/// A service that trusts two builders.
struct Setup {
    rvps: Arc<Rvps>,
    clock: Arc<ManualClock>,
    one: SigningKey,
    other: SigningKey,
    config: Config,
    dir: tempfile::TempDir,
}

impl Setup {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = || SigningKey::generate_p256().unwrap();
        let (one, other) = (key(), key());
        let mut config = Config {
            storage: on_disk(dir.path()),
            trust_anchors: vec![
                key_anchor(dir.path(), "one", &one),
                key_anchor(dir.path(), "other", &other),
            ],
            history_per_value: Some(3),
            ..Config::default()
        };
        change(&mut config);
        let clock = Arc::new(ManualClock::new(NOW));
        let rvps = open(&config, &clock).await;
        Self {
            rvps,
            clock,
            one,
            other,
            config,
            dir,
        }
    }

    async fn restart(&mut self) {
        self.rvps = open(&self.config, &self.clock).await;
    }

    async fn register(&self, message: &str) -> Result<usize, RegisterError> {
        let registered = self.rvps.register(message, &Caller::local()).await?;
        Ok(registered.unchanged)
    }

    async fn refusal(&self, message: &str) -> Refusal {
        match self.register(message).await {
            Err(RegisterError::Refused { reason, .. }) => reason,
            other => panic!("not refused by what is remembered: {other:?}"),
        }
    }

    fn value(&self, id: &str) -> Option<Value> {
        let value = self.rvps.query(id).unwrap()?;
        Some(value.value().clone())
    }
}

fn on_disk(root: &Path) -> StorageConfig {
    serde_json::from_value::<StorageConfig>(json!({"backends": {"local_fs": {"dir_path": root}}}))
        .unwrap()
        .with_type(StorageType::LocalFs)
}

async fn open(config: &Config, clock: &Arc<ManualClock>) -> Arc<Rvps> {
    let rules = Rules::new(config).unwrap_or_else(|error| panic!("{error}"));
    Rvps::open(&config.storage, rules, clock.clone()).await.unwrap()
}

fn dated(key: &SigningKey, value: Value, issued_at: i64) -> String {
    signed_sample(key, &json!({"svn": value}), Some(issued_at))
}

fn undated(key: &SigningKey, value: Value) -> String {
    signed_sample(key, &json!({"svn": value}), None)
}

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
    let setup = Setup::with(|config| config.insecure_allow_unsigned = AllowUnsigned::All(true)).await;
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
async fn an_unsigned_message_does_not_take_a_signed_value_over() {
    let setup = Setup::with(|config| {
        config.insecure_allow_unsigned = AllowUnsigned::Types(vec!["sample".to_owned()]);
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
            insecure_allow_unsigned: AllowUnsigned::Types(
                unsigned.iter().map(|kind| (*kind).to_owned()).collect(),
            ),
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
