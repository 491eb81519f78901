mod races;

use storage::{StorageConfig, WriteMode};

use super::*;
use crate::Fault;

const POLICY: &str = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 2}\n";

fn memory() -> Arc<dyn KeyValueStore> {
    StorageConfig::default().open(NAMESPACE).unwrap()
}

async fn policies() -> PolicyStore {
    PolicyStore::open(memory(), 0).await.unwrap()
}

async fn set(policies: &PolicyStore, id: &str, rego: &str) -> Result<Version, PolicyStoreError> {
    let policy = policies.check(id, rego).await?;
    policies
        .set(id, rego, &policy, &Author::new("role", "admin"), 0)
        .await
}

#[tokio::test]
async fn the_defaults_are_there_from_the_start() {
    let policies = policies().await;
    let ids: Vec<String> = policies
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|policy| policy.id)
        .collect();
    assert_eq!(
        ids,
        ["default_cpu", "default_gpu", "default_ppcie", "default_switch"]
    );
    for id in ids {
        policies.compiled(&id).await.unwrap();
    }
}

#[tokio::test]
async fn a_default_never_overwrites_what_an_operator_set() {
    let store = memory();
    store
        .set("default_cpu.rego", POLICY.as_bytes(), WriteMode::CreateOnly)
        .await
        .unwrap();
    let policies = PolicyStore::open(store, 0).await.unwrap();
    assert_eq!(policies.text("default_cpu", None).await.unwrap().text, POLICY);
}

#[tokio::test]
async fn a_policy_that_was_set_is_used_at_once_and_reads_back_as_it_is() {
    let policies = policies().await;
    let before = policies.compiled("default_cpu").await.unwrap();
    set(&policies, "default_cpu", POLICY).await.unwrap();
    let after = policies.compiled("default_cpu").await.unwrap();
    assert_ne!(before.digest(), after.digest());
    let text = policies.text("default_cpu", None).await.unwrap();
    assert_eq!(
        (text.text.as_str(), text.digest.as_str()),
        (POLICY, after.digest())
    );
}

#[tokio::test]
async fn a_policy_that_does_not_compile_changes_nothing() {
    let policies = policies().await;
    let before = policies.text("default_cpu", None).await.unwrap();
    for rego in [
        "",
        "package policy\ntrust_claims := {",
        "package other\ntrust_claims := {}",
    ] {
        let error = set(&policies, "default_cpu", rego).await.unwrap_err();
        assert!(matches!(error, PolicyStoreError::Malformed(_)), "{error}");
        assert_eq!(error.fault(), Fault::Request);
    }
    assert_eq!(policies.text("default_cpu", None).await.unwrap(), before);
}

#[tokio::test]
async fn a_policy_over_the_limit_is_refused() {
    let rego = format!("{POLICY}# {}", "x".repeat(MAX_TEXT));
    let error = set(&policies().await, "default_cpu", &rego).await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::TooLong(_)));
}

#[tokio::test]
async fn an_id_that_is_no_plain_name_is_refused() {
    let policies = policies().await;
    let long = "x".repeat(MAX_ID + 1);
    for id in [
        "", "..", ".hidden", "a/b", "../a", "a\\b", "a b", "a\n", "a\0", "ä", "%2e%2e", &long,
    ] {
        for error in [
            set(&policies, id, POLICY).await.unwrap_err(),
            policies.text(id, None).await.unwrap_err(),
        ] {
            assert!(matches!(error, PolicyStoreError::BadId(_)), "{id:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_missing_policy_is_named_with_its_suffix() {
    let error = policies().await.compiled("default_dcu").await.unwrap_err();
    assert_eq!(error.to_string(), "Policy `default_dcu.rego` not found");
    assert_eq!(error.fault(), Fault::Operator);
}

#[tokio::test]
async fn a_policy_is_compiled_once_a_version() {
    let policies = policies().await;
    let first = policies.compiled("default_cpu").await.unwrap();
    let second = policies.compiled("default_cpu").await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn a_policy_changed_in_the_storage_is_noticed() {
    let store = memory();
    let policies = PolicyStore::open(Arc::clone(&store), 0).await.unwrap();
    let policies = PolicyStore {
        recheck: Duration::ZERO,
        ..policies
    };
    let before = policies.compiled("default_cpu").await.unwrap();
    store
        .set("default_cpu.rego", POLICY.as_bytes(), WriteMode::Replace)
        .await
        .unwrap();
    let after = policies.compiled("default_cpu").await.unwrap();
    assert_ne!(before.digest(), after.digest());

    let same = policies.compiled("default_cpu").await.unwrap();
    assert!(Arc::ptr_eq(&after, &same));

    store
        .set("default_cpu.rego", b"no policy", WriteMode::Replace)
        .await
        .unwrap();
    let error = policies.compiled("default_cpu").await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::Broken { .. }), "{error}");

    store.delete("default_cpu.rego").await.unwrap();
    let error = policies.compiled("default_cpu").await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::NotFound(_)), "{error}");
}
