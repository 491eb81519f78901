//! An Attestation Service of the existing ecosystem that says what a test wants it to say.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use protos::attestation::attestation_service_server::{AttestationService, AttestationServiceServer};
use protos::attestation::{
    AttestationRequest, AttestationResponse, ChallengeRequest, ChallengeResponse, SetPolicyRequest,
    SetPolicyResponse,
};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use super::Server;

/// What it says to evidence.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This token.
    Token(String),
    /// This status.
    Status(Code, String),
    /// Nothing for a long time.
    Silence,
}

/// The service, to be told what to say and to be asked what it heard.
#[derive(Clone)]
pub(crate) struct FakeAttestation {
    answer: Arc<Mutex<Answer>>,
    heard: Arc<Mutex<Vec<AttestationRequest>>>,
}

impl FakeAttestation {
    /// Starts one.
    pub(crate) async fn start(answer: Answer) -> (Self, Server) {
        let fake = Self {
            answer: Arc::new(Mutex::new(answer)),
            heard: Arc::default(),
        };
        let server = Server::start(Routes::new(AttestationServiceServer::new(fake.clone()))).await;
        (fake, server)
    }

    /// What it says from now on.
    pub(crate) fn say(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// The last evidence it was asked about.
    pub(crate) fn last_heard(&self) -> AttestationRequest {
        self.heard.lock().unwrap().last().unwrap().clone()
    }
}

#[tonic::async_trait]
impl AttestationService for FakeAttestation {
    async fn attestation_evaluate(
        &self,
        request: Request<AttestationRequest>,
    ) -> Result<Response<AttestationResponse>, Status> {
        self.heard.lock().unwrap().push(request.into_inner());
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Token(attestation_token) => Ok(Response::new(AttestationResponse {
                attestation_token,
                explanation: None,
            })),
            Answer::Status(code, message) => Err(Status::new(code, message)),
            Answer::Silence => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Err(Status::internal("too late"))
            }
        }
    }

    async fn set_attestation_policy(
        &self,
        _: Request<SetPolicyRequest>,
    ) -> Result<Response<SetPolicyResponse>, Status> {
        Ok(Response::new(SetPolicyResponse::default()))
    }

    async fn get_attestation_challenge(
        &self,
        _: Request<ChallengeRequest>,
    ) -> Result<Response<ChallengeResponse>, Status> {
        Ok(Response::new(ChallengeResponse {
            attestation_challenge: String::new(),
        }))
    }
}
