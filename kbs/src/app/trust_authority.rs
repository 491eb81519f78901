//! The settings of Intel Trust Authority, from the table they share with other Attestation Services.

use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;

use super::parts::{StartError, in_range};
use crate::attestation::trust_authority::{
    ApiKey, TrustAuthority, TrustAuthorityConfig, TrustAuthoritySetupError,
};
use crate::config::{AttestationServiceConfig, AttestationServiceType, KbsConfig};
use crate::token::{AttestationTokenConfig, INTEL};

const DEFAULT_REQUEST_TIMEOUT: u64 = 60;
const DEFAULT_CONNECT_TIMEOUT: u64 = 5;

/// The client of the service.
pub(super) async fn start(config: &KbsConfig, clock: Arc<dyn Clock>) -> Result<TrustAuthority, StartError> {
    let settings = settings(&config.attestation_service)?;
    tracing::info!(
        address = settings.base_url,
        policies = settings.policy_ids.len(),
        "attestation service: Intel Trust Authority"
    );
    if settings.allow_unmatched_policy && !settings.policy_ids.is_empty() {
        tracing::warn!("allow_unmatched_policy: the service's policies are asked, and need not match");
    }
    if !config
        .attestation_token
        .trusted_jwk_sets
        .contains(&settings.certs_file)
    {
        tracing::warn!(
            "`certs_file` is not among `trusted_jwk_sets` of [attestation_token]: what the service's tokens release \
             depends on what else is there"
        );
    }
    Ok(TrustAuthority::new(&settings, clock).await?)
}

/// Whose tokens are believed: the service puts the guest's key where no other issuer does.
pub(super) fn tokens(config: &KbsConfig) -> AttestationTokenConfig {
    let mut tokens = config.attestation_token.clone();
    if config.attestation_service.kind == AttestationServiceType::IntelTa {
        tokens.trust_authority_issuers = config.attestation_service.issuers.clone();
    }
    tokens
}

fn settings(service: &AttestationServiceConfig) -> Result<TrustAuthorityConfig, StartError> {
    let missing = |key| TrustAuthoritySetupError::Missing(key);
    let timeout = service.request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
    let connect_timeout = service.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT);
    in_range("attestation_service.request_timeout", timeout, 1, 300)?;
    in_range("attestation_service.connect_timeout", connect_timeout, 1, 300)?;
    let issuers = match &service.issuers {
        Some(issuers) if issuers.is_empty() => return Err(TrustAuthoritySetupError::NoIssuers.into()),
        Some(issuers) => issuers.clone(),
        None => INTEL.map(str::to_owned).to_vec(),
    };
    Ok(TrustAuthorityConfig {
        base_url: service.base_url.clone().ok_or_else(|| missing("base_url"))?,
        api_key: api_key(service)?,
        certs_file: service.certs_file.clone().ok_or_else(|| missing("certs_file"))?,
        ca_file: service.ca_file.clone(),
        policy_ids: service.policy_ids.clone().unwrap_or_default(),
        allow_unmatched_policy: service.allow_unmatched_policy.unwrap_or_default(),
        issuers,
        timeout: Duration::from_secs(timeout),
        connect_timeout: Duration::from_secs(connect_timeout),
    })
}

fn api_key(service: &AttestationServiceConfig) -> Result<ApiKey, TrustAuthoritySetupError> {
    match (&service.api_key, &service.api_key_file) {
        (Some(_), Some(_)) => Err(TrustAuthoritySetupError::TwoApiKeys),
        (Some(key), None) => Ok(key.clone()),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(ApiKey::new(&text)),
            Err(cause) => Err(TrustAuthoritySetupError::File {
                path: path.clone(),
                cause,
            }),
        },
        (None, None) => Err(TrustAuthoritySetupError::Missing("api_key")),
    }
}
