//! Policies, as those who manage them see them.

use storage::{Author, Event};

mod lookups;

use super::*;
use crate::{Deleted, PolicyStoreError};

const GOOD: &str = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n";
const OTHER: &str = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 3}\n";
const DOUBTFUL: &str = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n\
    good if input.sevsnp.measurement in query_reference_value(\"svm\")\n";

fn alice() -> Author {
    Author::new("role", "alice")
}

fn change<'a>(id: &'a str, rego: &'a str) -> PolicyChange<'a> {
    PolicyChange {
        author: alice(),
        ..PolicyChange::new(id, rego)
    }
}

#[tokio::test]
async fn a_policy_that_reads_what_is_not_there_is_set_with_warnings_or_refused_if_so_asked() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let set = service.set_policy(change("a_cpu", DOUBTFUL)).await.unwrap();
    assert_eq!(set.warnings.len(), 2, "{:?}", set.warnings);
    assert!(
        set.warnings[0].contains("did you mean `snp`?"),
        "{:?}",
        set.warnings
    );
    assert!(
        set.warnings[1].contains("did you mean `svn`?"),
        "{:?}",
        set.warnings
    );

    let strict = PolicyChange {
        strict: true,
        ..change("b_cpu", DOUBTFUL)
    };
    let error = service.set_policy(strict.clone()).await.unwrap_err();
    assert!(
        matches!(&error, PolicyStoreError::Doubtful(found) if *found == set.warnings),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::Request);
    let error = service.get_policy("b_cpu", None).await.unwrap_err();
    assert!(
        matches!(error, PolicyStoreError::NotFound(_)),
        "nothing was set: {error}"
    );

    fixture.register(good_values()).await;
    let right = DOUBTFUL.replace("sevsnp", "snp").replace("svm", "svn");
    let right = PolicyChange {
        rego: &right,
        ..strict
    };
    assert_eq!(service.set_policy(right).await.unwrap().warnings, [""; 0]);
}

#[tokio::test]
async fn a_history_says_who_set_what_and_rolls_back_for_the_next_guest() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    service.set_policy(change("default_cpu", GOOD)).await.unwrap();
    service.set_policy(change("default_cpu", OTHER)).await.unwrap();
    let back = service
        .roll_back_policy("default_cpu", 2, &alice())
        .await
        .unwrap();
    assert_eq!((back.version.number, back.version.at), (4, NOW));
    assert_eq!((back.warnings, back.notes), (vec![], vec![]));
    let claims = fixture
        .evaluate(vec![request(Tee::Sample, &sample_evidence())])
        .await
        .unwrap();
    assert_eq!(
        claims["submods"]["cpu0"]["ear.trustworthiness-vector"]["hardware"],
        2
    );

    let history = service.policy_history("default_cpu").await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|version| (version.by.how.as_str(), &version.event))
        .collect();
    let expected = [
        ("role", &Event::RolledBack { to: 2 }),
        ("role", &Event::Set),
        ("role", &Event::Set),
        ("shipped", &Event::Set),
    ];
    assert_eq!(told, expected);
    let first = service.get_policy("default_cpu", Some(3)).await.unwrap();
    assert_eq!(first.text, OTHER);
    for error in [
        service.get_policy("default_cpu", Some(9)).await.unwrap_err(),
        service
            .roll_back_policy("default_cpu", 9, &alice())
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, PolicyStoreError::NoVersion(_)), "{error}");
    }
}

#[tokio::test]
async fn a_deleted_policy_is_gone_and_a_shipped_one_comes_back() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    service.set_policy(change("a_cpu", GOOD)).await.unwrap();
    let deleted = service.delete_policy("a_cpu", &alice()).await.unwrap();
    assert!(matches!(deleted, Deleted::Gone(_)));
    let strict = AttestationRequest {
        items: vec![request(Tee::Sample, &sample_evidence())],
        policy_ids: vec!["a".to_owned()],
    };
    let error = service.evaluate(strict).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Operator, "it is used no more: {error}");

    let shipped = service.get_policy("default_cpu", None).await.unwrap();
    let error = service.delete_policy("default_cpu", &alice()).await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::Shipped(_)), "{error}");
    service.set_policy(change("default_cpu", GOOD)).await.unwrap();
    let deleted = service.delete_policy("default_cpu", &alice()).await.unwrap();
    assert!(matches!(deleted, Deleted::Restored(_)));
    assert_eq!(service.get_policy("default_cpu", None).await.unwrap(), shipped);
    let claims = fixture
        .evaluate(vec![request(Tee::Sample, &sample_evidence())])
        .await
        .unwrap();
    assert_eq!(claims["submods"]["cpu0"]["ear.status"], "contraindicated");
}

#[tokio::test]
async fn a_version_that_no_longer_compiles_is_not_rolled_back_to() {
    let storage = TempDir::new().unwrap();
    let fixture = Fixture::with(None, |config| {
        config.storage_backend = serde_json::from_value(json!({
            "storage_type": "LocalFs",
            "backends": {"local_fs": {"dir_path": storage.path()}},
        }))
        .unwrap();
    })
    .await;
    let file = storage.path().join("attestation_service_policy/a_cpu.rego");
    std::fs::write(file, "no policy").unwrap();
    fixture.service.set_policy(change("a_cpu", GOOD)).await.unwrap();
    let error = fixture
        .service
        .roll_back_policy("a_cpu", 1, &alice())
        .await
        .unwrap_err();
    assert!(matches!(error, PolicyStoreError::Malformed(_)), "{error}");
    assert_eq!(
        fixture.service.get_policy("a_cpu", None).await.unwrap().text,
        GOOD
    );
}

#[tokio::test]
async fn rolling_back_to_a_doubtful_policy_works_and_says_what_is_doubtful() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let set = service.set_policy(change("a_cpu", DOUBTFUL)).await.unwrap();
    service.set_policy(change("a_cpu", GOOD)).await.unwrap();
    let back = service.roll_back_policy("a_cpu", 1, &alice()).await.unwrap();
    assert_eq!(back.warnings.len(), 2, "{back:?}");
    assert_eq!(back.warnings, set.warnings);
    assert_eq!(service.get_policy("a_cpu", None).await.unwrap().text, DOUBTFUL);
}

#[tokio::test]
async fn a_policy_is_rolled_back_also_while_nothing_can_be_checked() {
    let mut fixture = Fixture::new().await;
    let service = Arc::get_mut(&mut fixture.service).unwrap();
    service.set_policy(change("a_cpu", DOUBTFUL)).await.unwrap();
    service.set_policy(change("a_cpu", GOOD)).await.unwrap();
    // No place is ever free.
    service.policies.trials = daemon::aside::Aside::new(0, std::time::Duration::from_millis(20));
    let back = service.roll_back_policy("a_cpu", 1, &alice()).await.unwrap();
    assert_eq!(back.version.number, 3);
    assert!(
        back.warnings[0].starts_with("it is in force, but could not be checked: "),
        "{back:?}"
    );
    assert_eq!(service.get_policy("a_cpu", None).await.unwrap().text, DOUBTFUL);
}

fn strict<'a>(id: &'a str, rego: &'a str) -> PolicyChange<'a> {
    PolicyChange {
        strict: true,
        ..change(id, rego)
    }
}

/// Compares two values that take little to write and long to walk through: nobody can break that off.
fn endless() -> String {
    comparing(27, "input")
}

/// How many times values are doubled that take much longer to compare than anybody waits, but not for ever.
const HANGS: usize = if cfg!(debug_assertions) { 30 } else { 35 };

/// The same, if this condition holds.
fn comparing(doublings: usize, condition: &str) -> String {
    let mut rego = format!(
        "package policy\nimport rego.v1\ndefault hardware := 2\ntrust_claims := {{\"hardware\": hardware}}\n\
         hardware := 3 if {{\n{condition}\na0 := [1]\nb0 := [1]\n"
    );
    for at in 1..=doublings {
        let before = at - 1;
        for name in ["a", "b"] {
            rego += &format!("{name}{at} := [{name}{before}, {name}{before}]\n");
        }
    }
    rego + &format!("a{doublings} == b{doublings}\n}}\n")
}

/// On a runtime of one thread, which would serve nobody else.
#[tokio::test]
async fn a_policy_that_hangs_for_few_guests_gives_them_an_error_and_the_others_their_token() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let hanging = comparing(HANGS, "input.sample.svn == \"99\"");
    let set = service.set_policy(strict("a_cpu", &hanging)).await.unwrap();
    assert_eq!(set.warnings, [""; 0]);
    service.set_policy(change("default_cpu", GOOD)).await.unwrap();
    let evaluate = |svn: &str, policy: &str| {
        let mut evidence = sample_evidence();
        evidence["svn"] = json!(svn);
        service.evaluate(AttestationRequest {
            items: vec![request(Tee::Sample, &evidence)],
            policy_ids: vec![policy.to_owned()],
        })
    };
    let begin = std::time::Instant::now();
    let mut hung = std::pin::pin!(evaluate("99", "a"));
    for (svn, policy) in [("1", "a"), ("99", "default"), ("1", "default")] {
        tokio::select! {
            biased;
            done = &mut hung => panic!("{done:?}"),
            served = evaluate(svn, policy) => drop(served.unwrap()),
        }
    }
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    let error = hung.await.unwrap_err();
    assert!(
        text(&error).contains("limit of time in a single step"),
        "{}",
        text(&error)
    );
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn a_policy_that_hangs_for_a_guest_that_claims_nothing_is_refused() {
    let fixture = Fixture::new().await;
    let hanging = comparing(HANGS, "input");
    let error = fixture
        .service
        .set_policy(change("a_cpu", &hanging))
        .await
        .unwrap_err();
    assert!(matches!(error, PolicyStoreError::Endless(_)), "{error}");
    assert!(error.to_string().contains("it takes longer than 5 s"), "{error}");
}

#[tokio::test]
async fn a_policy_that_cannot_be_checked_or_tried_in_time_is_refused() {
    let mut fixture = Fixture::new().await;
    let service = Arc::get_mut(&mut fixture.service).unwrap();
    service.policies.trials = daemon::aside::Aside::new(2, std::time::Duration::from_millis(300));
    let service = &fixture.service;
    let endless = endless();
    let error = service.set_policy(change("a_cpu", &endless)).await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::Endless(_)), "{error}");
    assert_eq!(error.fault(), Fault::Request);
    let error = service.get_policy("a_cpu", None).await.unwrap_err();
    assert!(
        matches!(error, PolicyStoreError::NotFound(_)),
        "nothing was set: {error}"
    );

    let trial = crate::PolicyTrial {
        policies: [("a_cpu".to_owned(), endless)].into(),
        claims: vec![crate::TriedClaims {
            policy_id: "a_cpu".to_owned(),
            claims: "{}".to_owned(),
        }],
        ..crate::PolicyTrial::default()
    };
    let error = service.try_out(trial).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Request, "{error}");
}

#[tokio::test]
async fn a_policy_whose_id_no_device_is_judged_by_is_set_with_a_warning() {
    let fixture = Fixture::new().await;
    let service = &fixture.service;
    let set = |id: &'static str| PolicyChange::new(id, "package policy\ntrust_claims := {\"hardware\": 2}");
    for (id, doubtful) in [
        ("foo", true),
        ("_cpu", true),
        ("foocpu", true),
        ("foo_cpu", false),
        ("foo_nvidia-dpu", false),
    ] {
        let warnings = service.set_policy(set(id)).await.unwrap().warnings;
        let told = format!("did you mean `{id}_cpu`?");
        assert_eq!(
            warnings.iter().any(|warning| warning.ends_with(&told)),
            doubtful,
            "{id}: {warnings:?}"
        );
    }
    let strict = PolicyChange {
        strict: true,
        ..set("foo")
    };
    assert!(matches!(
        service.set_policy(strict).await,
        Err(PolicyStoreError::Doubtful(_))
    ));
}
