//! An RVPS in this process.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use daemon::clock::Clock;
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueDeleteResponse, ReferenceValueHistoryRequest,
    ReferenceValueHistoryResponse, ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    ReferenceValueRevokeResponse,
};
use rvps::{
    AllowUnsigned, Caller, ExtractorsConfig, RegisterError, Rules, Rvps, TrustAnchorConfig, Watcher,
    management,
};
use storage::{StorageConfig, StorageError};
use tonic::Status;

use super::watched::{Change, Watched};
use super::{ReferenceValue, ReferenceValueError, ReferenceValueSource, View};
use crate::error::StartError;

/// The source. Its view takes in, each time, what changed since the last.
pub(crate) struct BuiltIn {
    rvps: Arc<Rvps>,
    watcher: Mutex<Watcher>,
    values: Watched,
    clock: Arc<dyn Clock>,
}

/// What messages have to satisfy.
pub(crate) fn rules(
    trust_anchors: &[TrustAnchorConfig],
    insecure_allow_unsigned: Option<&AllowUnsigned>,
    extractors: Option<&ExtractorsConfig>,
) -> Result<Rules, StartError> {
    let rules = Rules::built_in(trust_anchors, insecure_allow_unsigned, extractors);
    rules.map_err(|error| StartError::Config(format!("Create rvps failed: {error}")))
}

impl BuiltIn {
    /// Opens the values in `storage`. Messages have to satisfy `rules`.
    pub(crate) async fn open(
        storage: &StorageConfig,
        rules: Rules,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let rvps = Rvps::open(storage, rules, Arc::clone(&clock)).await;
        let rvps = rvps.map_err(|error| StartError::Config(format!("Create rvps failed: {error}")))?;
        let watcher = Mutex::new(rvps.watch());
        Ok(Self {
            rvps,
            watcher,
            values: Watched::default(),
            clock,
        })
    }

    /// Takes in what the watcher has to tell, without waiting for more.
    fn catch_up(&self) -> Result<(), ReferenceValueError> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(change) = pin!(watcher.next()).poll(&mut context) {
            let gone = || ReferenceValueError::Unavailable("it is gone".to_owned());
            self.values
                .apply(change.ok_or_else(gone)?.into(), self.clock.now())?;
        }
        Ok(())
    }
}

#[async_trait]
impl ReferenceValueSource for BuiltIn {
    async fn view(&self) -> Result<View, ReferenceValueError> {
        self.catch_up()?;
        Ok(View {
            values: self.values.snapshot(self.clock.now())?,
            looked_up: None,
            age: None,
        })
    }

    async fn extend(&self, view: View, _ids: Vec<String>) -> Result<View, ReferenceValueError> {
        Ok(view)
    }

    async fn query(&self, id: &str) -> Result<Option<String>, ReferenceValueError> {
        let value = self
            .rvps
            .query(id)
            .map_err(|error| ReferenceValueError::Unavailable(error.to_string()))?;
        Ok(value.map(|value| value.json().to_owned()))
    }

    async fn list(&self) -> Result<Vec<ReferenceValue>, ReferenceValueError> {
        Ok(self
            .rvps
            .list()
            .iter()
            .map(|value| ReferenceValue::from(&**value))
            .collect())
    }

    async fn register(
        &self,
        message: &str,
        on_behalf_of: Option<&str>,
    ) -> Result<ReferenceValueRegisterResponse, ReferenceValueError> {
        let caller = Caller::local().on_behalf_of(on_behalf_of.map(str::to_owned));
        let registered = self.rvps.register(message, &caller).await;
        match registered {
            Ok(registered) => Ok(management::registered(&registered)),
            Err(
                error @ RegisterError::Storage {
                    source: StorageError::NotWritable { .. },
                    ..
                },
            ) => Err(ReferenceValueError::NotSetUp(error.to_string())),
            Err(error @ (RegisterError::Storage { .. } | RegisterError::Interrupted)) => {
                Err(ReferenceValueError::Unavailable(error.to_string()))
            }
            Err(error) => Err(ReferenceValueError::Refused(error.to_string())),
        }
    }

    fn is_ready(&self) -> bool {
        true
    }

    async fn history(
        &self,
        request: ReferenceValueHistoryRequest,
    ) -> Result<ReferenceValueHistoryResponse, Status> {
        management::history(&self.rvps, request).await
    }

    async fn delete(
        &self,
        request: ReferenceValueDeleteRequest,
    ) -> Result<ReferenceValueDeleteResponse, Status> {
        management::delete(&self.rvps, request, &Caller::local()).await
    }

    async fn revoke(
        &self,
        request: ReferenceValueRevokeRequest,
    ) -> Result<ReferenceValueRevokeResponse, Status> {
        management::revoke(&self.rvps, request, &Caller::local()).await
    }
}

impl From<rvps::Change> for Change {
    fn from(change: rvps::Change) -> Self {
        let changed = change
            .changed
            .iter()
            .map(|value| ReferenceValue::from(&**value))
            .collect();
        Self {
            reset: change.reset,
            changed,
            removed: change.removed,
        }
    }
}

impl From<&rvps::ReferenceValue> for ReferenceValue {
    fn from(value: &rvps::ReferenceValue) -> Self {
        Self {
            id: value.id().to_owned(),
            value: value.json().to_owned(),
            expires_at: value.expires_at(),
        }
    }
}

#[cfg(test)]
mod tests {
    use daemon::clock::ManualClock;

    use super::*;

    /// The payload is `{"launch_digest":["abc"]}`.
    const MESSAGE: &str =
        r#"{"version":"0.1.0","type":"sample","payload":"eyJsYXVuY2hfZGlnZXN0IjpbImFiYyJdfQ=="}"#;

    async fn source(clock: Arc<ManualClock>) -> BuiltIn {
        BuiltIn::open(&StorageConfig::default(), Rules::default(), clock)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_was_registered_is_in_the_next_view() {
        let source = source(Arc::default()).await;
        assert!(source.view().await.unwrap().values.is_empty());
        source.register(MESSAGE, None).await.unwrap();
        let values = source.view().await.unwrap().values;
        assert_eq!(values.get("launch_digest"), Some(serde_json::json!(["abc"])));
        assert_eq!(
            source.query("launch_digest").await.unwrap().as_deref(),
            Some(r#"["abc"]"#)
        );
        assert_eq!(source.list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_storage_that_cannot_be_written_is_the_operators_fault() {
        let storage = StorageConfig {
            storage_type: storage::StorageType::LocalFs,
            backends: storage::Backends {
                local_fs: Some(storage::LocalFsConfig {
                    // Nobody can make anything there.
                    dir_path: "/sys".into(),
                }),
                ..Default::default()
            },
        };
        let source = BuiltIn::open(&storage, Rules::default(), Arc::<ManualClock>::default())
            .await
            .unwrap();
        assert!(source.view().await.unwrap().values.is_empty());
        let error = source.register(MESSAGE, None).await.unwrap_err();
        assert_eq!(error.fault(), crate::Fault::Operator);
        assert!(error.to_string().contains("make it writable"), "{error}");
    }

    #[tokio::test]
    async fn an_expired_value_is_not_in_the_view() {
        let clock = Arc::new(ManualClock::new(1_800_000_000));
        let source = source(Arc::clone(&clock)).await;
        source.register(MESSAGE, None).await.unwrap();
        assert_eq!(source.view().await.unwrap().values.len(), 1);
        clock.advance(366 * 24 * 3600);
        assert!(source.view().await.unwrap().values.is_empty());
    }

    #[tokio::test]
    async fn what_is_revoked_is_gone_from_the_next_view_and_stays_away() {
        let source = source(Arc::default()).await;
        source.register(MESSAGE, None).await.unwrap();
        let request = ReferenceValueRevokeRequest {
            id: "launch_digest".to_owned(),
            on_behalf_of: Some("an owner".to_owned()),
            ..ReferenceValueRevokeRequest::default()
        };
        assert_eq!(source.revoke(request).await.unwrap().left, None);
        assert!(source.view().await.unwrap().values.is_empty());
        let error = source.register(MESSAGE, None).await.unwrap_err();
        assert!(matches!(error, ReferenceValueError::Refused(_)), "{error}");
        let request = ReferenceValueHistoryRequest {
            id: "launch_digest".to_owned(),
        };
        let versions = source.history(request).await.unwrap().versions;
        assert_eq!(versions.len(), 2);
        let by = versions[0].by.as_ref().unwrap();
        assert_eq!(by.on_behalf_of.as_deref(), Some("an owner"));
        let request = ReferenceValueDeleteRequest {
            id: "unknown".to_owned(),
            ..ReferenceValueDeleteRequest::default()
        };
        let status = source.delete(request).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::NotFound);
    }

    #[tokio::test]
    async fn a_message_that_is_none_is_refused() {
        let source = source(Arc::default()).await;
        for message in ["", "{}", r#"{"version":"9","type":"sample","payload":""}"#] {
            let error = source.register(message, None).await.unwrap_err();
            assert!(matches!(error, ReferenceValueError::Refused(_)), "{error}");
        }
    }
}
