//! Evaluation calls to an Attestation Service.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::{AttestationRequest, IndividualAttestationRequest};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::Worker;

/// Sends the same evidence over and over on one connection.
pub struct Evaluation {
    client: AttestationServiceClient<Channel>,
    request: AttestationRequest,
}

impl Evaluation {
    /// Connects to the service at `url`; `evidence` is JSON text, checked against no runtime data.
    pub async fn connect(
        url: &str,
        root_pem: Option<&[u8]>,
        tee: &str,
        evidence: &[u8],
    ) -> anyhow::Result<Self> {
        let mut endpoint = Endpoint::from_shared(url.to_owned())?;
        if let Some(pem) = root_pem {
            endpoint =
                endpoint.tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))?;
        }
        let channel = endpoint
            .connect()
            .await
            .with_context(|| format!("cannot connect to {url}"))?;
        let item = IndividualAttestationRequest {
            tee: tee.to_owned(),
            evidence: URL_SAFE_NO_PAD.encode(evidence),
            ..Default::default()
        };
        Ok(Self {
            client: AttestationServiceClient::new(channel),
            request: AttestationRequest {
                verification_requests: vec![item],
                policy_ids: Vec::new(),
                explain: false,
            },
        })
    }
}

impl Worker for Evaluation {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.client.attestation_evaluate(self.request.clone()).await?;
        ensure!(
            !answer.into_inner().attestation_token.is_empty(),
            "an empty token came back"
        );
        Ok(())
    }
}
