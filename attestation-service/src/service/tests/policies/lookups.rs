//! Reference values that a policy asks for, looked up when it is set.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueDeleteResponse, ReferenceValueHistoryRequest,
    ReferenceValueHistoryResponse, ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    ReferenceValueRevokeResponse,
};
use tonic::Status;

use super::*;
use crate::ReferenceValueError;
use crate::config::RvpsConfig;
use crate::reference_values::{ReferenceValueSource, View};

/// A policy that asks for `id0`, `id1` and so on.
fn asking(count: usize) -> String {
    let ids: Vec<String> = (0..count).map(|id| format!("\"id{id}\"")).collect();
    format!(
        "package policy\nimport rego.v1\nids := [{}]\ntrust_claims := {{\"hardware\": 2}}\n\
         good if every id in ids {{ input.snp.measurement in query_reference_value(id) }}\n",
        ids.join(",\n")
    )
}

/// An RVPS that only answers queries, and of every id but one in ten that there is a value.
#[derive(Default)]
struct ByQuery {
    /// Questions under way, and the most there were.
    running: AtomicUsize,
    most: AtomicUsize,
    /// From which id on it fails.
    broken_from: Option<usize>,
}

#[async_trait]
impl ReferenceValueSource for ByQuery {
    async fn view(&self) -> Result<View, ReferenceValueError> {
        Ok(View {
            looked_up: Some(Arc::default()),
            ..View::default()
        })
    }

    async fn extend(&self, view: View, _ids: Vec<String>) -> Result<View, ReferenceValueError> {
        Ok(view)
    }

    async fn query(&self, id: &str) -> Result<Option<String>, ReferenceValueError> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        let number: usize = id.trim_start_matches("id").parse().unwrap();
        if self.broken_from.is_some_and(|from| number >= from) {
            return Err(ReferenceValueError::Unavailable("it is away".to_owned()));
        }
        Ok((number % 10 != 9).then(|| "1".to_owned()))
    }

    async fn list(&self) -> Result<Vec<crate::ReferenceValue>, ReferenceValueError> {
        Err(ReferenceValueError::NotOffered)
    }

    async fn register(
        &self,
        _: &str,
        _: Option<&str>,
    ) -> Result<ReferenceValueRegisterResponse, ReferenceValueError> {
        Err(ReferenceValueError::NotOffered)
    }

    fn is_ready(&self) -> bool {
        true
    }

    async fn history(
        &self,
        _: ReferenceValueHistoryRequest,
    ) -> Result<ReferenceValueHistoryResponse, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete(&self, _: ReferenceValueDeleteRequest) -> Result<ReferenceValueDeleteResponse, Status> {
        Err(Status::unimplemented(""))
    }

    async fn revoke(&self, _: ReferenceValueRevokeRequest) -> Result<ReferenceValueRevokeResponse, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tokio::test]
async fn every_reference_value_is_looked_up_however_many_there_are() {
    let fixture = Fixture::new().await;
    let rego = asking(300);
    let set = fixture.service.set_policy(change("a_cpu", &rego)).await.unwrap();
    let all = set.warnings.join(", ");
    for id in 0..300 {
        assert!(all.contains(&format!(" id{id}")), "id{id}: {all}");
    }
    let refused = fixture
        .service
        .set_policy(strict("b_cpu", &rego))
        .await
        .unwrap_err();
    let refused = refused.to_string();
    for id in 0..300 {
        assert!(refused.contains(&format!(" id{id}")), "id{id}: {refused}");
    }
}

#[tokio::test]
async fn an_rvps_that_only_answers_queries_is_asked_for_all_of_them_a_few_at_once() {
    let mut fixture = Fixture::new().await;
    let rvps = Arc::new(ByQuery::default());
    Arc::get_mut(&mut fixture.service).unwrap().reference_values = Arc::clone(&rvps) as _;
    let rego = asking(100);
    let set = fixture.service.set_policy(change("a_cpu", &rego)).await.unwrap();
    let missing: Vec<String> = (0..10)
        .map(|tens| format!("id{tens}9").replace("id09", "id9"))
        .collect();
    assert_eq!(
        set.warnings,
        [format!(
            "these reference values are not registered, so nothing will match them: {}",
            missing.join(", ")
        )]
    );
    let most = rvps.most.load(Ordering::SeqCst);
    assert!((2..=16).contains(&most), "{most}");
}

#[tokio::test]
async fn what_the_rvps_could_not_say_is_told_and_a_strict_check_refuses_it() {
    let mut fixture = Fixture::new().await;
    let rvps = ByQuery {
        broken_from: Some(3),
        ..ByQuery::default()
    };
    Arc::get_mut(&mut fixture.service).unwrap().reference_values = Arc::new(rvps);
    let rego = asking(5);
    let set = fixture.service.set_policy(change("a_cpu", &rego)).await.unwrap();
    let [warning] = set.warnings.as_slice() else {
        panic!("{set:?}")
    };
    assert!(
        warning.contains("could not be checked, for the RVPS is unavailable: it is away"),
        "{warning}"
    );
    assert!(warning.ends_with("id3, id4"), "{warning}");
    let refused = fixture
        .service
        .set_policy(strict("b_cpu", &rego))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("set the policy again when the RVPS answers"),
        "{refused}"
    );
    let error = fixture.service.get_policy("b_cpu", None).await.unwrap_err();
    assert!(matches!(error, PolicyStoreError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn with_the_rvps_down_a_policy_is_set_with_a_warning_and_not_strictly() {
    let fixture = Fixture::with(None, |config| {
        config.rvps_config = RvpsConfig::GrpcRemote {
            address: "http://127.0.0.1:1".to_owned(),
            tls: None,
            max_stale_seconds: 60,
            remember_seconds: 1,
            insecure_forward_for_anyone: false,
        };
    })
    .await;
    let service = &fixture.service;
    let rego = asking(2);
    let set = tokio::time::timeout(
        Duration::from_secs(30),
        service.set_policy(change("a_cpu", &rego)),
    );
    let set = set.await.unwrap().unwrap();
    let [warning] = set.warnings.as_slice() else {
        panic!("{set:?}")
    };
    assert!(
        warning.contains("the RVPS is unavailable") && warning.ends_with("id0, id1"),
        "{warning}"
    );
    let refused = service.set_policy(strict("b_cpu", &rego)).await.unwrap_err();
    assert!(refused.to_string().contains("could not be checked"), "{refused}");
    // Who asks for nothing needs no RVPS.
    assert_eq!(
        service.set_policy(strict("c_cpu", GOOD)).await.unwrap().warnings,
        [""; 0]
    );
}

#[tokio::test]
async fn an_id_that_is_computed_is_noted_and_keeps_nobody_from_setting_a_policy_strictly() {
    let fixture = Fixture::new().await;
    let rego = format!("{GOOD}good if query_reference_value(input.init_data_claims.id)\n");
    let set = fixture.service.set_policy(strict("a_cpu", &rego)).await.unwrap();
    assert_eq!(set.warnings, [""; 0]);
    assert!(set.notes[0].contains("`input.init_data_claims.id`"), "{set:?}");
}
