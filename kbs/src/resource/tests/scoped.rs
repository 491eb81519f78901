//! Policies that are asked about a part of the resources.

use std::sync::atomic::AtomicUsize;

use super::*;

const ALLOW: &str = policy::defaults::ALLOW_ALL;
const DENY: &str = policy::defaults::DENY_ALL;

/// Sets a policy for a scope.
async fn set(store: &PolicyStore, id: &str, scope: &str, rego: &str) {
    let new = NewPolicy {
        id,
        scope: Some(scope.parse().unwrap()),
        rego,
        strict: false,
    };
    store.set(&AdminGrant::for_tests(), new, NOW).await.unwrap();
}

async fn allowing(store: Arc<dyn KeyValueStore>) -> PolicyStore {
    let policies = opened(store).await;
    let all = NewPolicy::for_everything(ALLOW);
    policies.set(&AdminGrant::for_tests(), all, NOW).await.unwrap();
    policies
}

fn stamps(policies: &[Arc<ActivePolicy>]) -> Vec<(String, Option<u64>)> {
    policies
        .iter()
        .map(|policy| (policy.id().to_owned(), policy.version()))
        .collect()
}

#[tokio::test]
async fn every_policy_that_applies_has_to_say_yes() {
    let store = allowing(Arc::new(Memory::new())).await;
    let guest = guest(cpu("snp", "affirming"));
    set(&store, "team", "shop", policy::defaults::AFFIRMING).await;
    set(&store, "keys", "shop/key", DENY).await;
    for (path, allowed) in [
        ("shop/cert/1", true),
        ("shop/key/1", false),
        ("shopping/key/1", true),
        ("other/key/1", true),
    ] {
        assert_eq!(ask(&store, &guest, path).is_ok(), allowed, "{path}");
    }
    let warned = guest_with("warning");
    assert!(ask(&store, &warned, "shop/cert/1").is_err());
    assert!(ask(&store, &warned, "other/key/1").is_ok());

    // A scoped policy takes away and never gives.
    let nothing = NewPolicy::for_everything(DENY);
    store.set(&AdminGrant::for_tests(), nothing, NOW).await.unwrap();
    assert!(ask(&store, &guest, "shop/cert/1").is_err());
}

fn guest_with(status: &str) -> AttestationResult {
    guest(cpu("snp", status))
}

#[tokio::test]
async fn a_permit_and_a_denial_say_which_policies_decided() {
    let store = allowing(Arc::new(Memory::new())).await;
    set(&store, "keys", "shop/key", policy::defaults::AFFIRMING).await;
    set(&store, "all-of-shop", "shop", ALLOW).await;
    let (path, query) = (segments("shop/key/1"), BTreeMap::new());
    let request = ReleaseRequest {
        plugin: "resource",
        path: &path,
        query: &query,
    };
    let good = guest_with("affirming");
    let permit = store.authorize(&good, &request, NOW).unwrap();
    let main = ("resource-policy".to_owned(), Some(2));
    let expected = [
        main.clone(),
        ("all-of-shop".to_owned(), Some(1)),
        ("keys".to_owned(), Some(1)),
    ];
    assert_eq!(stamps(permit.decided_by()), expected);
    assert_eq!(permit.decided_by()[0].digest(), store.active().digest());

    let denied = store
        .authorize(&guest_with("warning"), &request, NOW)
        .unwrap_err();
    assert_eq!(stamps(denied.asked()), expected);
    // The one that denies is the last that was asked.
    let nothing = NewPolicy::for_everything(DENY);
    store.set(&AdminGrant::for_tests(), nothing, NOW).await.unwrap();
    let denied = store.authorize(&good, &request, NOW).unwrap_err();
    assert_eq!(stamps(denied.asked()), [("resource-policy".to_owned(), Some(3))]);
}

#[tokio::test]
async fn a_scoped_policy_that_does_not_compile_denies_its_scope_and_nothing_else() {
    let memory = Arc::new(Memory::new());
    let store = allowing(memory.clone()).await;
    set(&store, "keys", "shop/key", ALLOW).await;
    for broken in [&b"package policy\nallow {{{"[..], &[0xff, 0xfe], b""] {
        memory.set("keys.rego", broken, WriteMode::Replace).await.unwrap();
        assert!(store.reload(NOW).await.unwrap());
        for store in [&store, &opened(memory.clone()).await] {
            let guest = guest_with("affirming");
            let refused = ask(store, &guest, "shop/key/1").unwrap_err();
            assert!(matches!(refused, AuthorizeError::Broken { .. }), "{refused}");
            assert!(refused.to_string().contains("`keys`"), "{refused}");
            assert!(ask(store, &guest, "shop/cert/1").is_ok());
        }
    }
}

#[tokio::test]
async fn a_policy_without_a_scope_that_somebody_put_into_the_storage_is_not_in_force() {
    let memory = Arc::new(Memory::new());
    memory
        .set("foreign.rego", DENY.as_bytes(), WriteMode::Replace)
        .await
        .unwrap();
    memory
        .set("../x.rego", DENY.as_bytes(), WriteMode::Replace)
        .await
        .unwrap();
    let store = allowing(memory.clone()).await;
    assert_eq!(ids(&store), ["resource-policy"]);
    assert!(ask(&store, &guest_with("affirming"), "a/b/c").is_ok());
    // Its name is free.
    set(&store, "foreign", "a", DENY).await;
    assert!(ask(&store, &guest_with("affirming"), "a/b/c").is_err());
}

#[tokio::test]
async fn a_scoped_policy_that_another_process_set_or_deleted_is_taken_up() {
    let memory = Arc::new(Memory::new());
    let (here, there) = (allowing(memory.clone()).await, opened(memory.clone()).await);
    set(&there, "keys", "shop", DENY).await;
    let guest = guest_with("affirming");
    assert!(ask(&here, &guest, "shop/key/1").is_ok());
    assert!(here.reload(NOW).await.unwrap());
    assert!(!here.reload(NOW).await.unwrap());
    assert!(ask(&here, &guest, "shop/key/1").is_err());
    there.delete(&AdminGrant::for_tests(), "keys", NOW).await.unwrap();
    set(&there, "keys", "other", DENY).await;
    assert!(here.reload(NOW).await.unwrap());
    assert!(ask(&here, &guest, "shop/key/1").is_ok());
    assert!(ask(&here, &guest, "other/key/1").is_err());
}

#[tokio::test]
async fn of_a_thousand_policies_a_request_asks_those_of_its_own_scope_alone() {
    let store = allowing(Arc::new(Memory::new())).await;
    // Put in place at once: setting a thousand would take long.
    let mut scoped = BTreeMap::new();
    for number in 0..1000 {
        let (id, scope) = (format!("p{number}"), format!("team{number}/key"));
        let scope = Some(scope.parse().unwrap());
        let policy = ActivePolicy::compile(&id, scope, DENY.to_owned(), Some(1)).await;
        scoped.insert(id, Arc::new(policy));
    }
    let many = in_force::InForce::new(store.active(), scoped);
    store.in_force_for_tests(many);
    for (path, expected) in [
        ("shop/key/1", vec![MAIN]),
        ("team7/key/1", vec![MAIN, "p7"]),
        ("team7/keys/1", vec![MAIN]),
    ] {
        let path = segments(path);
        let in_force = store.in_force();
        let asked: Vec<&str> = in_force
            .asked("resource", &path)
            .map(|policy| policy.id())
            .collect();
        assert_eq!(asked, expected, "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_policies_are_replaced_each_request_sees_the_old_or_the_new_ones() {
    let store = Arc::new(allowing(Arc::new(Memory::new())).await);
    set(&store, "keys", "shop", ALLOW).await;
    let (asking, guest) = (Arc::clone(&store), guest_with("affirming"));
    let requests = tokio::spawn(async move {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            let (path, query) = (segments("shop/key/1"), BTreeMap::new());
            let request = ReleaseRequest {
                plugin: "resource",
                path: &path,
                query: &query,
            };
            // None of the versions denies, and none is ever missing.
            let permit = asking.authorize(&guest, &request, NOW).unwrap();
            let [_, keys] = permit.decided_by() else {
                panic!("{:?}", permit.decided_by());
            };
            seen.insert(keys.version());
            tokio::task::yield_now().await;
        }
        seen
    });
    for number in 0..20 {
        set(&store, "keys", "shop", &format!("{ALLOW}\n# {number}\n")).await;
    }
    assert!(!requests.await.unwrap().is_empty());
}

/// Counts how often a history is read.
struct Counting(Memory, AtomicUsize);

#[async_trait]
impl KeyValueStore for Counting {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        if key.ends_with(".history.json") {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
        self.0.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> Result<WriteOutcome, StorageError> {
        self.0.set(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.delete(key).await
    }

    async fn list(&self) -> Result<Vec<String>, StorageError> {
        self.0.list().await
    }

    fn check_key(&self, key: &str) -> Result<(), StorageError> {
        self.0.check_key(key)
    }
}

#[tokio::test]
async fn nothing_is_read_of_the_history_of_what_has_not_changed() {
    let counting = Arc::new(Counting(Memory::new(), AtomicUsize::new(0)));
    let (here, there) = (allowing(counting.clone()).await, opened(counting.clone()).await);
    for id in ["keys", "certs"] {
        set(&here, id, "shop", ALLOW).await;
    }
    let read_by_reload = async || {
        let before = counting.1.load(Ordering::SeqCst);
        let changed = here.reload(NOW).await.unwrap();
        (changed, counting.1.load(Ordering::SeqCst) - before)
    };
    assert_eq!(read_by_reload().await, (false, 0));
    // The same text for another scope, by another process.
    there.reload(NOW).await.unwrap();
    there.delete(&AdminGrant::for_tests(), "keys", NOW).await.unwrap();
    set(&there, "keys", "other", ALLOW).await;
    assert_eq!(read_by_reload().await, (true, 1));
    assert_eq!(read_by_reload().await, (false, 0));
    // By hand, without a version.
    let deny = DENY.as_bytes();
    counting
        .set("certs.rego", deny, WriteMode::Replace)
        .await
        .unwrap();
    assert_eq!(read_by_reload().await, (true, 1));
    assert!(ask(&here, &guest_with("affirming"), "shop/key/1").is_err());
    assert!(ask(&here, &guest_with("affirming"), "other/key/1").is_ok());
}
