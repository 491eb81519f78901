//! Setting, deleting and rolling back, and what is remembered of it.

use std::time::Duration;

use daemon::aside::Aside;
use storage::Event;

use super::*;

const ALLOW: &str = policy::defaults::ALLOW_ALL;
const DENY: &str = policy::defaults::DENY_ALL;
const MAIN: &str = "resource-policy";

fn grant() -> AdminGrant {
    AdminGrant::for_tests()
}

fn scoped<'p>(id: &'p str, scope: &str, rego: &'p str) -> NewPolicy<'p> {
    NewPolicy {
        id,
        scope: Some(scope.parse().unwrap()),
        rego,
        strict: false,
    }
}

#[tokio::test]
async fn the_history_says_who_set_what_and_leads_back() {
    let store = opened(Arc::new(Memory::new())).await;
    for rego in [ALLOW, DENY] {
        let set = store
            .set(&grant(), NewPolicy::for_everything(rego), NOW + 5)
            .await;
        set.unwrap();
    }
    let back = store.roll_back(&grant(), MAIN, 2, NOW + 9).await.unwrap();
    assert_eq!((back.policy.rego(), back.policy.version()), (ALLOW, Some(4)));
    assert!(ask(&store, &guest(json!({})), "a/b/c").is_ok());

    let history = store.history(&grant(), MAIN, NOW).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|version| {
            (
                version.number,
                version.event.clone(),
                version.by.name.as_str(),
                version.at,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (4, Event::RolledBack { to: 2 }, "test", NOW + 9),
            (3, Event::Set, "test", NOW + 5),
            (2, Event::Set, "test", NOW + 5),
            (1, Event::Set, "", NOW),
        ]
    );
    assert_eq!(history[3].by.how, "shipped");
    assert_eq!(store.text(&grant(), MAIN, 3).await.unwrap(), DENY);
    for number in [0, 5, u64::MAX] {
        assert!(store.text(&grant(), MAIN, number).await.is_err());
        assert!(store.roll_back(&grant(), MAIN, number, NOW).await.is_err());
    }
}

#[tokio::test]
async fn the_first_policy_is_the_configured_one() {
    let store = Arc::new(Memory::new());
    let first = PolicyStore::open(store.clone(), Some(ALLOW), NOW).await.unwrap();
    assert_eq!(first.active().rego(), ALLOW);
    first
        .set(&grant(), NewPolicy::for_everything(DENY), NOW)
        .await
        .unwrap();
    let second = PolicyStore::open(store, Some(ALLOW), NOW).await.unwrap();
    assert_eq!(second.active().rego(), DENY);
}

#[tokio::test]
async fn the_policy_for_everything_cannot_be_deleted_or_scoped() {
    let store = opened(Arc::new(Memory::new())).await;
    let refused = store.delete(&grant(), MAIN, NOW).await.unwrap_err();
    assert!(matches!(refused, PolicyStoreError::MainStays), "{refused}");
    let refused = store
        .set(&grant(), scoped(MAIN, "a", ALLOW), NOW)
        .await
        .unwrap_err();
    assert!(matches!(refused, PolicyStoreError::MainHasNoScope), "{refused}");
    assert_eq!(store.active().rego(), policy::defaults::DEFAULT);
}

#[tokio::test]
async fn a_scoped_policy_comes_and_goes_and_comes_back_with_its_scope() {
    let memory = Arc::new(Memory::new());
    let store = opened(memory.clone()).await;
    store
        .set(&grant(), NewPolicy::for_everything(ALLOW), NOW)
        .await
        .unwrap();
    store
        .set(&grant(), scoped("keys", "shop/key", DENY), NOW)
        .await
        .unwrap();
    let guest = guest(json!({}));
    assert!(ask(&store, &guest, "shop/key/1").is_err());
    store.delete(&grant(), "keys", NOW).await.unwrap();
    assert!(ask(&store, &guest, "shop/key/1").is_ok());
    assert!(matches!(
        store.delete(&grant(), "keys", NOW).await,
        Err(PolicyStoreError::Versions(VersionsError::NotFound(_)))
    ));
    let back = store.roll_back(&grant(), "keys", 1, NOW).await.unwrap();
    assert_eq!(back.policy.scope().map(Scope::as_str), Some("shop/key"));
    for store in [&store, &opened(memory).await] {
        assert!(ask(store, &guest, "shop/key/1").is_err());
        assert_eq!(ids(store), ["keys", MAIN]);
    }
}

#[tokio::test]
async fn the_scope_of_a_policy_in_force_does_not_change() {
    let memory = Arc::new(Memory::new());
    let store = opened(memory.clone()).await;
    store
        .set(&grant(), scoped("keys", "shop", DENY), NOW)
        .await
        .unwrap();
    // Nor where this process does not know of it yet.
    let other = opened(memory).await;
    for store in [&store, &other] {
        let refused = store
            .set(&grant(), scoped("keys", "else", DENY), NOW)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, PolicyStoreError::OtherScope { .. }),
            "{refused}"
        );
    }
    store.delete(&grant(), "keys", NOW).await.unwrap();
    store
        .set(&grant(), scoped("keys", "else", DENY), NOW)
        .await
        .unwrap();
    // The version with the older scope would leave the newer one open.
    let refused = store.roll_back(&grant(), "keys", 1, NOW).await.unwrap_err();
    assert!(
        matches!(refused, PolicyStoreError::OtherScope { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn names_that_are_none_and_policies_without_a_scope_are_refused() {
    let store = opened(Arc::new(Memory::new())).await;
    let long = "x".repeat(129);
    for id in [
        "",
        ".",
        "..",
        "a.b",
        "a/b",
        "../a",
        "_a",
        "-a",
        "a b",
        "é",
        "a\n",
        long.as_str(),
    ] {
        let refused = store.set(&grant(), scoped(id, "a", DENY), NOW).await.unwrap_err();
        assert!(matches!(refused, PolicyStoreError::BadId(_)), "{id:?}: {refused}");
        assert!(store.delete(&grant(), id, NOW).await.is_err());
        assert!(store.history(&grant(), id, NOW).await.is_err());
    }
    let unscoped = NewPolicy {
        id: "keys",
        scope: None,
        rego: DENY,
        strict: false,
    };
    let refused = store.set(&grant(), unscoped, NOW).await.unwrap_err();
    assert!(matches!(refused, PolicyStoreError::NoScope(_)), "{refused}");
    assert_eq!(ids(&store), [MAIN]);
}

#[tokio::test]
async fn a_version_that_does_not_compile_is_not_rolled_back_to() {
    let memory = Arc::new(Memory::new());
    let store = opened(memory.clone()).await;
    memory.set(KEY, b"not rego", WriteMode::Replace).await.unwrap();
    store.reload(NOW).await.unwrap();
    store
        .set(&grant(), NewPolicy::for_everything(ALLOW), NOW)
        .await
        .unwrap();
    let history = store.history(&grant(), MAIN, NOW).await.unwrap();
    assert_eq!((history[1].number, &history[1].event), (2, &Event::Found));
    assert!(matches!(
        store.roll_back(&grant(), MAIN, 2, NOW).await,
        Err(PolicyStoreError::Policy(_))
    ));
    assert_eq!(store.active().rego(), ALLOW);
}

#[tokio::test]
async fn a_policy_that_reads_what_is_not_there_is_set_with_a_warning_unless_that_is_refused() {
    let store = opened(Arc::new(Memory::new())).await;
    let typo = "package policy\nimport rego.v1\nallow if data[\"resource_path\"][0] == \"a\"\n";
    let strict = NewPolicy {
        strict: true,
        ..NewPolicy::for_everything(typo)
    };
    let refused = store.set(&grant(), strict, NOW).await.unwrap_err();
    assert!(matches!(refused, PolicyStoreError::Warnings(_)));
    assert!(
        refused.to_string().contains("did you mean `resource-path`?"),
        "{refused}"
    );
    assert_eq!(store.active().rego(), policy::defaults::DEFAULT);
    let set = store
        .set(&grant(), NewPolicy::for_everything(typo), NOW)
        .await
        .unwrap();
    assert_eq!((set.warnings.len(), set.policy.version()), (1, Some(2)));
    assert_eq!(store.active().rego(), typo);
}

/// Compares two values that take little to write and long to walk through: nobody can break that off.
fn endless() -> String {
    comparing(27, "input")
}

/// How many times values are doubled that take much longer to compare than anybody waits, but not for ever.
const HANGS: usize = if cfg!(debug_assertions) { 30 } else { 35 };

/// The same, if this condition holds.
fn comparing(doublings: usize, condition: &str) -> String {
    let mut rego =
        format!("package policy\nimport rego.v1\nallow if {{\n{condition}\na0 := [1]\nb0 := [1]\n");
    for at in 1..=doublings {
        let before = at - 1;
        for name in ["a", "b"] {
            rego += &format!("{name}{at} := [{name}{before}, {name}{before}]\n");
        }
    }
    rego + &format!("a{doublings} == b{doublings}\n}}\n")
}

/// On a runtime with one worker, who would serve nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_policy_that_hangs_for_few_guests_gives_them_an_error_and_the_others_their_answer() {
    let store = Arc::new(opened(Arc::new(Memory::new())).await);
    let hanging = comparing(HANGS, "input.submods.cpu0.hangs");
    let set = store
        .set(&grant(), NewPolicy::for_everything(&hanging), NOW)
        .await;
    assert_eq!(set.unwrap().warnings, [""; 0]);
    let begin = std::time::Instant::now();
    let asking = Arc::clone(&store);
    let hung = tokio::spawn(async move {
        let unlucky = guest(json!({"submods": {"cpu0": {"hangs": true}}}));
        ask(&asking, &unlucky, "a/b/c").map(drop)
    });
    let asking = Arc::clone(&store);
    let served =
        tokio::spawn(async move { ask(&asking, &guest(cpu("snp", "affirming")), "a/b/c").map(drop) });
    let served = served.await.unwrap();
    assert!(matches!(served, Err(AuthorizeError::Denied(_))), "{served:?}");
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    let hung = hung.await.unwrap();
    assert!(
        matches!(
            hung,
            Err(AuthorizeError::Policy {
                cause: PolicyError::Limit(LimitKind::Step),
                ..
            })
        ),
        "{hung:?}"
    );
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

/// On a runtime of one thread: others would wait if the policy were evaluated there.
#[tokio::test]
async fn a_policy_that_cannot_be_checked_in_time_is_refused_and_holds_nobody_up() {
    let mut store = opened(Arc::new(Memory::new())).await;
    store.trials = Aside::new(1, Duration::from_millis(300));
    let endless = endless();
    let admin = grant();
    let mut set = std::pin::pin!(store.set(&admin, NewPolicy::for_everything(&endless), NOW));
    tokio::select! {
        biased;
        done = &mut set => panic!("nobody else had a turn: {done:?}"),
        () = tokio::time::sleep(Duration::from_millis(1)) => {}
    }
    let error = set.await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::Endless(_)), "{error}");
    assert_ne!(store.active().rego(), endless);

    // It still takes the only place: nothing can be set, but an earlier version can be had back.
    let error = store
        .set(&grant(), NewPolicy::for_everything(ALLOW), NOW)
        .await
        .unwrap_err();
    assert!(matches!(error, PolicyStoreError::Unchecked(_)), "{error}");
    let back = store.roll_back(&grant(), MAIN, 1, NOW).await.unwrap();
    assert!(
        back.warnings[0].contains("could not be checked"),
        "{:?}",
        back.warnings
    );
}
