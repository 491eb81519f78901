//! Changes of a policy while requests look for it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use storage::WriteOutcome;
use tokio::sync::Notify;

use super::*;

const OTHER: &str = "package policy\nimport rego.v1\ntrust_claims := {\"hardware\": 97}\n";

/// A storage whose next answer may be made to wait on its way.
struct Delayed {
    store: Arc<dyn KeyValueStore>,
    delay: AtomicBool,
    read: Notify,
    go_on: Notify,
}

#[async_trait]
impl KeyValueStore for Delayed {
    async fn get(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        let answer = self.store.get(key).await;
        if self.delay.swap(false, Ordering::SeqCst) {
            self.read.notify_one();
            self.go_on.notified().await;
        }
        answer
    }

    async fn set(&self, key: &str, value: &[u8], mode: WriteMode) -> storage::Result<WriteOutcome> {
        self.store.set(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> storage::Result<Option<Vec<u8>>> {
        self.store.delete(key).await
    }

    async fn list(&self) -> storage::Result<Vec<String>> {
        self.store.list().await
    }

    fn check_key(&self, key: &str) -> storage::Result<()> {
        self.store.check_key(key)
    }
}

/// A policy `shop` with two versions, of which nothing is compiled, and a request whose text is on its way from the
/// storage.
async fn with_a_request_under_way() -> (
    Arc<PolicyStore>,
    Arc<Delayed>,
    tokio::task::JoinHandle<Arc<ReadyPolicy>>,
) {
    let store = Arc::new(Delayed {
        store: memory(),
        delay: AtomicBool::new(false),
        read: Notify::new(),
        go_on: Notify::new(),
    });
    let opened = PolicyStore::open(Arc::<Delayed>::clone(&store), 0).await.unwrap();
    set(&opened, "shop", OTHER).await.unwrap();
    set(&opened, "shop", POLICY).await.unwrap();
    // As after a restart.
    let policies = Arc::new(PolicyStore::open(Arc::<Delayed>::clone(&store), 0).await.unwrap());
    store.delay.store(true, Ordering::SeqCst);
    let requested = Arc::clone(&policies);
    let request = tokio::spawn(async move { requested.compiled("shop").await.unwrap() });
    store.read.notified().await;
    (policies, store, request)
}

#[tokio::test]
async fn a_request_that_read_the_old_text_does_not_put_it_in_use_after_a_roll_back() {
    let (policies, store, request) = with_a_request_under_way().await;
    policies
        .roll_back("shop", 1, &Author::new("role", "admin"), 0)
        .await
        .unwrap();
    store.go_on.notify_one();
    assert_eq!(request.await.unwrap().digest(), digest(POLICY));
    let next = policies.compiled("shop").await.unwrap();
    assert_eq!(
        next.digest(),
        digest(OTHER),
        "the policy before the roll-back judges"
    );
}

#[tokio::test]
async fn a_request_that_read_the_text_does_not_put_it_in_use_after_it_was_deleted() {
    let (policies, store, request) = with_a_request_under_way().await;
    policies
        .delete("shop", &Author::new("role", "admin"), 0)
        .await
        .unwrap();
    store.go_on.notify_one();
    request.await.unwrap();
    let error = policies.compiled("shop").await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::NotFound(_)), "{error}");
}
