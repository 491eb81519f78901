//! The Attestation Service over gRPC (wire: as-grpc, sections 2 to 4).

mod management;
mod policies;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::grpc::{ContextInterceptor, GrpcClientConfig, GrpcClientError, WholeRequests};
use kbs_types::Tee;
use protos::attestation as wire;
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::individual_attestation_request::{InitData, RuntimeData};
use protos::reference::reference_value_management_service_client::ReferenceValueManagementServiceClient;
use protos::reference::reference_value_provider_service_client::ReferenceValueProviderServiceClient;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::admin::AdminGrant;
use crate::decisions::{FailedCheck, Refusal};
use crate::error::Cause;

use super::{
    AttestationClient, AttestationError, AttestationManagement, Evaluated, Evaluation, EvaluationItem,
    POLICY_ID, bounded,
};

type Transport = InterceptedService<WholeRequests<Channel>, ContextInterceptor>;

/// The name under which the service says how it is.
const SERVICE: &str = "attestation.AttestationService";
/// The longest answer, in bytes. A token repeats the event logs of the evidence, a trial explains every result, and
/// there may be very many reference values.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long an answer about readiness is good for.
const READINESS_LIFE: Duration = Duration::from_secs(2);
/// How long the health check may take.
const READINESS_TIMEOUT: Duration = Duration::from_secs(1);

/// A remote Attestation Service. Connects when first needed, and again whenever it must.
pub struct GrpcAttestation {
    transport: Transport,
    /// Bounds the calls in flight.
    calls: Arc<Semaphore>,
    patience: Duration,
    readiness: Mutex<Option<(Instant, bool)>>,
}

impl GrpcAttestation {
    /// A client with at most `max_calls` calls in flight. Fails only if the configuration names files
    /// that cannot be read or an address that is none.
    pub fn new(config: &GrpcClientConfig, max_calls: usize) -> Result<Self, GrpcClientError> {
        let channel = daemon::grpc::channel(config)?;
        Ok(Self {
            transport: InterceptedService::new(WholeRequests(channel), ContextInterceptor),
            calls: Arc::new(Semaphore::new(max_calls.clamp(1, Semaphore::MAX_PERMITS))),
            patience: config.timeout,
            readiness: Mutex::new(None),
        })
    }

    async fn call(&self) -> Result<OwnedSemaphorePermit, AttestationError> {
        let permit = Arc::clone(&self.calls).acquire_owned();
        match tokio::time::timeout(self.patience, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(AttestationError::Unavailable("too many calls in flight".into())),
        }
    }

    fn attestation(&self) -> AttestationServiceClient<Transport> {
        AttestationServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    fn values(&self) -> ReferenceValueProviderServiceClient<Transport> {
        ReferenceValueProviderServiceClient::new(self.transport.clone())
    }

    fn value_management(&self) -> ReferenceValueManagementServiceClient<Transport> {
        ReferenceValueManagementServiceClient::new(self.transport.clone())
            .max_decoding_message_size(MAX_ANSWER)
    }

    async fn ask_health(&self) -> bool {
        let service = SERVICE.to_owned();
        let mut request = Request::new(HealthCheckRequest { service });
        request.set_timeout(READINESS_TIMEOUT);
        let mut client = HealthClient::new(self.transport.clone());
        match tokio::time::timeout(READINESS_TIMEOUT, client.check(request)).await {
            Ok(Ok(reply)) => reply.into_inner().status() == ServingStatus::Serving,
            // A service without the health protocol answers, which is all that can be known of it.
            Ok(Err(status)) => matches!(status.code(), Code::Unimplemented | Code::NotFound),
            Err(_) => false,
        }
    }
}

#[async_trait]
impl AttestationClient for GrpcAttestation {
    async fn evaluate(&self, evaluation: Evaluation) -> Result<Evaluated, AttestationError> {
        let _permit = self.call().await?;
        let request = wire::AttestationRequest {
            verification_requests: evaluation.items.into_iter().map(individual).collect(),
            policy_ids: vec![evaluation.policy_id.unwrap_or_else(|| POLICY_ID.to_owned())],
            explain: evaluation.explain,
        };
        let reply = self.attestation().attestation_evaluate(request).await;
        let reply = reply.map_err(refusal)?.into_inner();
        Ok(Evaluated::new(reply.attestation_token, reply.explanation))
    }

    async fn challenge(&self, tee: Tee, extra_params: &str) -> Result<String, AttestationError> {
        let _permit = self.call().await?;
        let inner = HashMap::from([
            ("tee".to_owned(), tee.to_string()),
            ("tee_params".to_owned(), extra_params.to_owned()),
        ]);
        let request = wire::ChallengeRequest { inner };
        let reply = self.attestation().get_attestation_challenge(request).await;
        Ok(reply.map_err(refusal)?.into_inner().attestation_challenge)
    }

    fn management(&self, _grant: &AdminGrant) -> Result<&dyn AttestationManagement, AttestationError> {
        Ok(self)
    }

    async fn is_ready(&self) -> bool {
        // Held while asking, so that many probes at once ask once.
        let mut known = self.readiness.lock().await;
        if let Some((asked, ready)) = *known
            && asked.elapsed() < READINESS_LIFE
        {
            return ready;
        }
        let ready = self.ask_health().await;
        *known = Some((Instant::now(), ready));
        ready
    }
}

fn individual(item: EvaluationItem) -> wire::IndividualAttestationRequest {
    wire::IndividualAttestationRequest {
        tee: item.tee.to_string(),
        evidence: URL_SAFE_NO_PAD.encode(item.evidence),
        runtime_data: Some(RuntimeData::StructuredRuntimeData(item.runtime_data)),
        init_data: item.init_data_toml.map(InitData::InitDataToml),
        runtime_data_hash_algorithm: item.hash.as_str().to_owned(),
    }
}

/// The same as [`sort`], with the check that failed, where the service says it.
fn refusal(status: Status) -> AttestationError {
    let check = status.metadata().get_bin(protos::FAILED_CHECK);
    let check = check
        .and_then(|value| value.to_bytes().ok())
        .and_then(|json| FailedCheck::read(&json));
    let error = sort(status);
    if check.is_none() {
        return error;
    }
    let why = |cause: Cause| Refusal {
        reason: cause.to_string(),
        check,
    };
    match error {
        AttestationError::Refused(reason) => AttestationError::RefusedEvidence(Box::new(why(reason.into()))),
        AttestationError::Setup(cause) => AttestationError::Setup(why(cause).into()),
        AttestationError::Unavailable(cause) => AttestationError::Unavailable(why(cause).into()),
        AttestationError::Failed(cause) => AttestationError::Failed(why(cause).into()),
        error => error,
    }
}

/// Sorts a status by whose fault it is. The existing implementation answers every failure of its own
/// with ABORTED; refused evidence is by far the most likely meaning.
pub(super) fn sort(status: Status) -> AttestationError {
    match status.code() {
        Code::Aborted | Code::InvalidArgument => AttestationError::Refused(bounded(status.message())),
        // Of the last: a message is longer than one of the two sides takes.
        Code::FailedPrecondition
        | Code::NotFound
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::OutOfRange => AttestationError::Setup(bounded(status.message()).into()),
        Code::Unimplemented => AttestationError::NotOffered,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
            AttestationError::Unavailable(cause(&status))
        }
        _ => AttestationError::Failed(cause(&status)),
    }
}

/// The same for an administrator, who may read what the operator has to mend.
pub(super) fn sort_for_administrator(status: Status) -> AttestationError {
    sort(status).for_administrator()
}

fn cause(status: &Status) -> Cause {
    format!("{:?}: {}", status.code(), bounded(status.message())).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KbsError;
    use axum::http::StatusCode;

    fn status_of(code: Code) -> StatusCode {
        sort(Status::new(code, "x"))
            .into_kbs_error(|reason| KbsError::AttestRefused(reason.into()))
            .status()
    }

    #[test]
    fn refused_evidence_an_outage_and_a_wrong_setup_are_told_apart() {
        for (code, status) in [
            (Code::Aborted, StatusCode::UNAUTHORIZED),
            (Code::InvalidArgument, StatusCode::UNAUTHORIZED),
            (Code::FailedPrecondition, StatusCode::INTERNAL_SERVER_ERROR),
            (Code::OutOfRange, StatusCode::INTERNAL_SERVER_ERROR),
            (Code::Unauthenticated, StatusCode::INTERNAL_SERVER_ERROR),
            (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
            (Code::DeadlineExceeded, StatusCode::SERVICE_UNAVAILABLE),
            (Code::Internal, StatusCode::BAD_GATEWAY),
            (Code::Unknown, StatusCode::BAD_GATEWAY),
            (Code::Unimplemented, StatusCode::NOT_FOUND),
        ] {
            assert_eq!(status_of(code), status, "{code:?}");
        }
    }

    #[test]
    fn what_the_operator_has_to_mend_is_told_to_administrators_and_not_to_guests() {
        let status = || Status::failed_precondition("cannot write /storage/x: read-only");
        let refused = |reason: String| KbsError::BadReferenceValue(reason);
        let guest = sort(status()).into_kbs_error(refused);
        let administrator = sort_for_administrator(status()).into_kbs_error(refused);
        for error in [&guest, &administrator] {
            assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert!(!guest.to_string().contains("/storage/x"), "{guest}");
        assert!(administrator.to_string().contains("cannot write /storage/x"));
        let away = sort_for_administrator(Status::unavailable("10.0.0.7"));
        let away = away.into_kbs_error(refused);
        assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!away.to_string().contains("10.0.0.7"));
    }

    #[test]
    fn an_item_is_sent_as_existing_services_read_it() {
        let sent = individual(EvaluationItem {
            tee: Tee::AzSnpVtpm,
            evidence: "{}".into(),
            runtime_data: "{\"nonce\":\"n\"}".into(),
            hash: super::super::HashAlgorithm::Sha384,
            init_data_toml: None,
        });
        assert_eq!(
            (sent.tee.as_str(), sent.evidence.as_str()),
            ("az-snp-vtpm", "e30")
        );
        assert_eq!(sent.runtime_data_hash_algorithm, "sha384");
        assert!(sent.init_data.is_none());
    }

    #[test]
    fn a_long_message_of_another_service_is_cut_and_kept_on_one_line() {
        let text = bounded(&"a\nb".repeat(1000));
        assert_eq!(text.chars().count(), 512);
        assert!(!text.contains('\n'));
    }
}
