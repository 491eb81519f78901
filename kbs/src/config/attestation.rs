//! `[attestation_service]`: which Attestation Service appraises, and how to reach it.

use std::path::PathBuf;

use serde::Deserialize;
use storage::StorageType;

use crate::attestation::built_in::{PolicyMapEntry, RvpsConfig, TokenConfig, VerifierConfig};
use crate::attestation::trust_authority::ApiKey;

/// The keys of every type in one table. A key of another type than the selected one is an error, which
/// [`AttestationServiceConfig::foreign_key`] finds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttestationServiceConfig {
    /// Built in, over gRPC, Intel Trust Authority, or none.
    #[serde(rename = "type")]
    pub kind: AttestationServiceType,
    /// Life of a session, in minutes.
    pub timeout: u32,
    /// Sessions held at most, challenged and attested together.
    pub max_sessions: usize,
    /// MiB for what attested sessions keep of their guests.
    pub session_memory_mib: u32,

    /// Built in: where reference values come from.
    pub rvps_config: Option<RvpsConfig>,
    /// Built in: what is in a token, and who signs it.
    pub attestation_token_broker: Option<TokenConfig>,
    /// Built in: what the verifiers need.
    pub verifier_config: Option<VerifierConfig>,
    /// Built in: another kind of storage than `storage_backend.storage_type`.
    pub storage_type: Option<StorageType>,

    /// Built in: the policies of guests, by what they were measurably started with.
    pub policy_map: Option<Vec<PolicyMapEntry>>,
    /// Built in and gRPC: the attestation policies that clients may choose by `policy-id` in `extra-params`. What the
    /// Attestation Service's `policy_map` says comes first. Default: none.
    pub client_policy_ids: Option<Vec<String>>,

    /// gRPC: the address, with its scheme. Default: `http://127.0.0.1:50004`.
    pub as_addr: Option<String>,
    /// gRPC: calls in flight at most. Default: 100.
    pub pool_size: Option<usize>,
    /// gRPC: TLS, and the certificate to show.
    pub tls: Option<daemon::tls::TlsClientConfig>,
    /// gRPC, Intel: seconds a call may take. Default: 300, 60.
    pub request_timeout: Option<u64>,
    /// gRPC, Intel: seconds a connection may take. Default: 5.
    pub connect_timeout: Option<u64>,

    /// Intel: the address of the API, `https://`.
    pub base_url: Option<String>,
    /// Intel: what the service knows its customer by.
    pub api_key: Option<ApiKey>,
    /// Intel: a file with that, instead.
    pub api_key_file: Option<PathBuf>,
    /// Intel: the keys of its tokens, a JWK set by `file://`, path or `https://`.
    pub certs_file: Option<String>,
    /// Intel: PEM authorities for both addresses, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Intel: the service's policies to appraise by. Default: none.
    pub policy_ids: Option<Vec<String>>,
    /// Intel: whether a token is good though these did not match. Default: no.
    pub allow_unmatched_policy: Option<bool>,
    /// Intel: the `iss` that tokens may have. Default: the service's own names.
    pub issuers: Option<Vec<String>>,
}

/// Which Attestation Service appraises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum AttestationServiceType {
    /// In this process.
    #[default]
    #[serde(rename = "coco_as_builtin", alias = "CoCoASBuiltIn")]
    BuiltIn,
    /// Another process, over gRPC.
    #[serde(rename = "coco_as_grpc", alias = "CoCoASGrpc")]
    Grpc,
    /// Intel's.
    #[serde(rename = "intel_ta", alias = "IntelTA")]
    IntelTa,
    /// None: this service releases for the tokens of others.
    #[serde(rename = "none")]
    None,
}

impl Default for AttestationServiceConfig {
    fn default() -> Self {
        Self {
            kind: AttestationServiceType::default(),
            timeout: 5,
            max_sessions: 10_000,
            session_memory_mib: 64,
            rvps_config: None,
            attestation_token_broker: None,
            verifier_config: None,
            storage_type: None,
            policy_map: None,
            client_policy_ids: None,
            as_addr: None,
            pool_size: None,
            tls: None,
            request_timeout: None,
            connect_timeout: None,
            base_url: None,
            api_key: None,
            api_key_file: None,
            certs_file: None,
            ca_file: None,
            policy_ids: None,
            allow_unmatched_policy: None,
            issuers: None,
        }
    }
}

impl AttestationServiceConfig {
    /// A key that belongs to other types than the selected one, and the first of those.
    pub fn foreign_key(&self) -> Option<(&'static str, &'static str)> {
        use AttestationServiceType as T;
        const BUILT_IN: &[T] = &[T::BuiltIn];
        const GRPC: &[T] = &[T::Grpc];
        const OURS: &[T] = &[T::BuiltIn, T::Grpc];
        const REMOTE: &[T] = &[T::Grpc, T::IntelTa];
        const INTEL: &[T] = &[T::IntelTa];
        let broker = self.attestation_token_broker.is_some();
        let unmatched = self.allow_unmatched_policy.is_some();
        [
            (self.rvps_config.is_some(), "rvps_config", BUILT_IN),
            (broker, "attestation_token_broker", BUILT_IN),
            (self.verifier_config.is_some(), "verifier_config", BUILT_IN),
            (self.storage_type.is_some(), "storage_type", BUILT_IN),
            (self.policy_map.is_some(), "policy_map", BUILT_IN),
            (self.client_policy_ids.is_some(), "client_policy_ids", OURS),
            (self.as_addr.is_some(), "as_addr", GRPC),
            (self.pool_size.is_some(), "pool_size", GRPC),
            (self.tls.is_some(), "tls", GRPC),
            (self.request_timeout.is_some(), "request_timeout", REMOTE),
            (self.connect_timeout.is_some(), "connect_timeout", REMOTE),
            (self.base_url.is_some(), "base_url", INTEL),
            (self.api_key.is_some(), "api_key", INTEL),
            (self.api_key_file.is_some(), "api_key_file", INTEL),
            (self.certs_file.is_some(), "certs_file", INTEL),
            (self.ca_file.is_some(), "ca_file", INTEL),
            (self.policy_ids.is_some(), "policy_ids", INTEL),
            (unmatched, "allow_unmatched_policy", INTEL),
            (self.issuers.is_some(), "issuers", INTEL),
        ]
        .into_iter()
        .find(|(set, _, kinds)| *set && !kinds.contains(&self.kind))
        .and_then(|(_, key, kinds)| Some((key, kinds.first()?.as_str())))
    }
}

impl AttestationServiceType {
    /// The value of `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "coco_as_builtin",
            Self::Grpc => "coco_as_grpc",
            Self::IntelTa => "intel_ta",
            Self::None => "none",
        }
    }
}
