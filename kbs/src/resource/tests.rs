use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jose::tee_key::{TeeKeyKind, TeePrivateKey, TeePublicKey};
use policy::{CpuSubmod, LimitKind, PolicyError, ReleaseRequest, ReleaseRule, ResourcePathForm};
use serde_json::{Value, json};
use storage::{KeyValueStore, Memory, StorageError, VersionsError, WriteMode, WriteOutcome};

mod changes;
mod scoped;

use super::*;
use crate::admin::AdminGrant;
use crate::token::AttestationResult;

const NOW: i64 = 1_800_000_000;
const KEY: &str = "resource-policy.rego";

fn tee_key() -> TeePublicKey {
    TeePrivateKey::generate(TeeKeyKind::P256)
        .unwrap()
        .public_key()
        .unwrap()
}

async fn opened(store: Arc<dyn KeyValueStore>) -> PolicyStore {
    PolicyStore::open(store, None, NOW).await.unwrap()
}

fn ids(store: &PolicyStore) -> Vec<String> {
    let policies = store.list(&AdminGrant::for_tests());
    policies.iter().map(|policy| policy.id().to_owned()).collect()
}

fn guest(claims: Value) -> AttestationResult {
    AttestationResult::for_tests(&claims, tee_key(), NOW + 300)
}

fn cpu(tee: &str, status: &str) -> Value {
    json!({"submods": {"cpu0": {
        "ear.status": status,
        "ear.trustworthiness-vector": {},
        "ear.veraison.annotated-evidence": {tee: {"policy_debug_allowed": false, "measurement": "00"}}
    }}})
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

/// Asks for `resource/<path>`; gives back the name that the permit is for.
fn ask(store: &PolicyStore, guest: &AttestationResult, path: &str) -> Result<String, AuthorizeError> {
    let (path, query) = (segments(path), BTreeMap::new());
    let request = ReleaseRequest {
        plugin: "resource",
        path: &path,
        query: &query,
    };
    let permit = store.authorize(guest, &request, NOW)?;
    Ok(permit.resource().unwrap().to_string())
}

async fn stored(store: &dyn KeyValueStore) -> String {
    String::from_utf8(store.get(KEY).await.unwrap().unwrap()).unwrap()
}

/// A memory whose writes can be made to fail, as on a full disk.
#[derive(Default)]
struct Failing {
    memory: Memory,
    full: AtomicBool,
}

#[async_trait]
impl KeyValueStore for Failing {
    async fn get(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.memory.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> storage::Result<WriteOutcome> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StorageError::Interrupted);
        }
        self.memory.set(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.memory.delete(key).await
    }

    async fn list(&self) -> storage::Result<Vec<String>> {
        self.memory.list().await
    }

    fn check_key(&self, key: &str) -> storage::Result<()> {
        self.memory.check_key(key)
    }
}

#[tokio::test]
async fn the_default_policy_is_stored_only_where_there_is_none() {
    let store = Arc::new(Memory::new());
    let first = opened(store.clone()).await;
    assert_eq!(stored(store.as_ref()).await, policy::defaults::DEFAULT);
    assert_eq!(first.active().rego(), policy::defaults::DEFAULT);

    let grant = AdminGrant::for_tests();
    first
        .set(&grant, NewPolicy::for_everything(policy::defaults::DENY_ALL), NOW)
        .await
        .unwrap();
    let second = opened(store.clone()).await;
    assert_eq!(second.active().rego(), policy::defaults::DENY_ALL);
    assert_eq!(ids(&second), ["resource-policy"]);
}

#[tokio::test]
async fn the_default_policy_releases_to_any_tee_but_sample() {
    let store = opened(Arc::new(Memory::new())).await;
    assert_eq!(
        ask(&store, &guest(cpu("snp", "warning")), "a/b/c").unwrap(),
        "a/b/c"
    );
    for claims in [cpu("sample", "affirming"), json!({"submods": {}}), json!({})] {
        let refused = ask(&store, &guest(claims.clone()), "a/b/c");
        assert!(matches!(refused, Err(AuthorizeError::Denied(_))), "{claims}");
    }
}

#[tokio::test]
async fn the_affirming_policy_releases_only_when_every_submod_is_affirming() {
    let store = opened(Arc::new(Memory::new())).await;
    let active = store
        .set(
            &AdminGrant::for_tests(),
            NewPolicy::for_everything(policy::defaults::AFFIRMING),
            NOW,
        )
        .await
        .unwrap();
    assert!(active.policy.asks_for_affirming());
    assert!(ask(&store, &guest(cpu("snp", "affirming")), "a/b/c").is_ok());
    let mut mixed = cpu("snp", "affirming");
    mixed["submods"]["gpu0"] = json!({"ear.status": "contraindicated"});
    for claims in [mixed, cpu("snp", "warning"), json!({"submods": {}}), json!({})] {
        let refused = ask(&store, &guest(claims.clone()), "a/b/c");
        assert!(matches!(refused, Err(AuthorizeError::Denied(_))), "{claims}");
    }
}

#[tokio::test]
async fn a_permit_is_for_the_request_and_the_guest_it_was_given_for() {
    let store = opened(Arc::new(Memory::new())).await;
    let one_resource = r#"
        package policy
        default allow = false
        allow if {
            data.plugin == "resource"
            data["resource-path"] == ["red", "key", "1"]
        }
        allow if data.plugin == "sample"
    "#;
    store
        .set(
            &AdminGrant::for_tests(),
            NewPolicy::for_everything(one_resource),
            NOW,
        )
        .await
        .unwrap();
    let guest = guest(cpu("snp", "affirming"));
    assert_eq!(ask(&store, &guest, "red/key/1").unwrap(), "red/key/1");
    assert!(matches!(
        ask(&store, &guest, "red/key/2"),
        Err(AuthorizeError::Denied(_))
    ));

    let (path, query) = (segments("red/key/1"), BTreeMap::new());
    let request = ReleaseRequest {
        plugin: "sample",
        path: &path,
        query: &query,
    };
    let permit = store.authorize(&guest, &request, NOW).unwrap();
    assert_eq!((permit.plugin(), permit.path()), ("sample", path.as_slice()));
    assert!(permit.resource().is_err());
    assert_eq!(permit.tee_key(), guest.tee_key());
}

#[tokio::test]
async fn an_expired_result_gets_no_permit() {
    let store = opened(Arc::new(Memory::new())).await;
    store
        .set(
            &AdminGrant::for_tests(),
            NewPolicy::for_everything(policy::defaults::ALLOW_ALL),
            NOW,
        )
        .await
        .unwrap();
    let (path, query) = (segments("a/b/c"), BTreeMap::new());
    let request = ReleaseRequest {
        plugin: "resource",
        path: &path,
        query: &query,
    };
    let guest = guest(json!({}));
    assert!(store.authorize(&guest, &request, guest.expires_at() + 59).is_ok());
    let late = store.authorize(&guest, &request, guest.expires_at() + 60);
    assert!(matches!(late, Err(AuthorizeError::Expired)));
}

#[tokio::test]
async fn the_older_dialect_is_recorded_and_shown() {
    let store = Arc::new(Memory::new());
    let policies = opened(store.clone()).await;
    let older = r#"
        package policy
        import rego.v1
        default allowed = false
        path := split(data["resource-path"], "/")
        allowed if {
            path[0] == "red"
            input["submods"]["cpu"]["ear.status"] != "contraindicated"
        }
    "#;
    let active = policies
        .set(&AdminGrant::for_tests(), NewPolicy::for_everything(older), NOW)
        .await
        .unwrap();
    let dialect = active.policy.dialect().unwrap();
    assert_eq!(dialect.rule, ReleaseRule::Allowed);
    assert_eq!(dialect.resource_path, ResourcePathForm::String);
    assert_eq!(dialect.cpu_submod, CpuSubmod::Cpu);
    let history = policies
        .history(&AdminGrant::for_tests(), "resource-policy", NOW)
        .await
        .unwrap();
    assert_eq!(history[0].labels["dialect"], dialect.to_string());
    assert_eq!(history[0].digest.as_deref(), Some(active.policy.digest()));

    assert!(ask(&policies, &guest(cpu("snp", "affirming")), "red/key/1").is_ok());
    assert!(ask(&policies, &guest(cpu("snp", "affirming")), "blue/key/1").is_err());
    assert!(ask(&policies, &guest(cpu("snp", "contraindicated")), "red/key/1").is_err());
    // What is recorded of it is not a policy.
    assert_eq!(ids(&policies), ["resource-policy"]);
}

#[tokio::test]
async fn a_policy_that_does_not_compile_changes_nothing() {
    let store = Arc::new(Memory::new());
    let policies = opened(store.clone()).await;
    let grant = AdminGrant::for_tests();
    let too_large = format!("{}\n#{}", policy::defaults::ALLOW_ALL, "x".repeat(1 << 20));
    for rego in ["", "not rego", "package policy\nallow if {", too_large.as_str()] {
        assert!(
            policies
                .set(&grant, NewPolicy::for_everything(rego), NOW)
                .await
                .is_err()
        );
        assert_eq!(stored(store.as_ref()).await, policy::defaults::DEFAULT);
        assert_eq!(policies.active().rego(), policy::defaults::DEFAULT);
    }
    let refused = policies
        .set(&grant, NewPolicy::for_everything("not rego"), NOW)
        .await
        .err()
        .unwrap();
    assert!(
        refused.to_string().starts_with("Failed to load policy: "),
        "{refused}"
    );
}

#[tokio::test]
async fn a_policy_that_cannot_be_stored_is_not_in_force() {
    let store = Arc::new(Failing::default());
    let policies = opened(store.clone()).await;
    store.full.store(true, Ordering::Relaxed);
    let refused = policies
        .set(
            &AdminGrant::for_tests(),
            NewPolicy::for_everything(policy::defaults::ALLOW_ALL),
            NOW,
        )
        .await;
    assert!(matches!(
        refused,
        Err(PolicyStoreError::Versions(VersionsError::Storage(_)))
    ));
    assert_eq!(policies.active().rego(), policy::defaults::DEFAULT);
}

#[tokio::test]
async fn a_stored_policy_that_is_broken_releases_nothing_until_another_is_set() {
    let store = Arc::new(Memory::new());
    store
        .set(KEY, b"package policy\nallow {{{", WriteMode::Replace)
        .await
        .unwrap();
    let policies = opened(store.clone()).await;
    assert_eq!(policies.active().dialect(), None);
    let guest = guest(cpu("snp", "affirming"));
    assert!(matches!(
        ask(&policies, &guest, "a/b/c"),
        Err(AuthorizeError::Broken { .. })
    ));
    policies
        .set(
            &AdminGrant::for_tests(),
            NewPolicy::for_everything(policy::defaults::ALLOW_ALL),
            NOW,
        )
        .await
        .unwrap();
    assert!(ask(&policies, &guest, "a/b/c").is_ok());

    store.set(KEY, &[0xff, 0xfe], WriteMode::Replace).await.unwrap();
    assert!(matches!(
        PolicyStore::open(store, None, NOW).await,
        Err(PolicyStoreError::Versions(VersionsError::NotText(_)))
    ));
}

#[tokio::test]
async fn a_policy_that_never_ends_hits_a_limit_and_releases_nothing() {
    let store = opened(Arc::new(Memory::new())).await;
    let endless = r"
        package policy
        default allow = false
        allow if {
            numbers.range(0, 3000)[a]
            numbers.range(0, 3000)[b]
            a * b == -1
        }
    ";
    store
        .set(&AdminGrant::for_tests(), NewPolicy::for_everything(endless), NOW)
        .await
        .unwrap();
    let refused = ask(&store, &guest(cpu("snp", "affirming")), "a/b/c");
    assert!(matches!(
        refused,
        Err(AuthorizeError::Policy {
            cause: policy::PolicyError::Limit(_),
            ..
        })
    ));
}

#[tokio::test]
async fn a_policy_that_another_process_stored_is_taken_up() {
    let store = Arc::new(Memory::new());
    let policies = opened(store.clone()).await;
    assert!(!policies.reload(NOW).await.unwrap());
    let deny_all = policy::defaults::DENY_ALL.as_bytes();
    store.set(KEY, deny_all, WriteMode::Replace).await.unwrap();
    assert!(policies.reload(NOW).await.unwrap());
    let refused = ask(&policies, &guest(cpu("snp", "affirming")), "a/b/c");
    assert!(matches!(refused, Err(AuthorizeError::Denied(_))));
    // One that is gone releases nothing.
    store.delete(KEY).await.unwrap();
    assert!(policies.reload(NOW).await.unwrap());
    assert!(ask(&policies, &guest(cpu("snp", "affirming")), "a/b/c").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_the_last_one_stored_is_the_one_in_force() {
    let store = Arc::new(Memory::new());
    let policies = Arc::new(opened(store.clone()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let policies = Arc::clone(&policies);
        tasks.spawn(async move {
            let rego = format!("{}\n# {writer}\n", policy::defaults::ALLOW_ALL);
            policies
                .set(&AdminGrant::for_tests(), NewPolicy::for_everything(&rego), NOW)
                .await
                .unwrap();
            assert!(ask(&policies, &guest(json!({})), "a/b/c").is_ok());
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(stored(store.as_ref()).await, policies.active().rego());
}
