//! `[attestation_service]`: which Attestation Service appraises, and how to reach it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use storage::StorageType;

use crate::attestation::built_in::{RvpsConfig, TokenConfig, VerifierConfig};

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

    /// Built in: where reference values come from.
    pub rvps_config: Option<RvpsConfig>,
    /// Built in: what is in a token, and who signs it.
    pub attestation_token_broker: Option<TokenConfig>,
    /// Built in: what the verifiers need.
    pub verifier_config: Option<VerifierConfig>,
    /// Built in: another kind of storage than `storage_backend.storage_type`.
    pub storage_type: Option<StorageType>,

    /// gRPC: the address, with its scheme. Default: `http://127.0.0.1:50004`.
    pub as_addr: Option<String>,
    /// gRPC: calls in flight at most. Default: 100.
    pub pool_size: Option<usize>,
    /// gRPC: TLS, and the certificate to show.
    pub tls: Option<daemon::tls::TlsClientConfig>,
    /// gRPC: seconds a call may take. Default: 300.
    pub request_timeout: Option<u64>,
    /// gRPC: seconds a connection may take. Default: 5.
    pub connect_timeout: Option<u64>,

    /// Intel Trust Authority.
    pub base_url: Option<IgnoredAny>,
    /// Intel Trust Authority.
    pub api_key: Option<IgnoredAny>,
    /// Intel Trust Authority.
    pub certs_file: Option<IgnoredAny>,
    /// Intel Trust Authority.
    pub policy_ids: Option<IgnoredAny>,
    /// Intel Trust Authority.
    pub allow_unmatched_policy: Option<IgnoredAny>,
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
    /// Intel's. Not in this version.
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
            rvps_config: None,
            attestation_token_broker: None,
            verifier_config: None,
            storage_type: None,
            as_addr: None,
            pool_size: None,
            tls: None,
            request_timeout: None,
            connect_timeout: None,
            base_url: None,
            api_key: None,
            certs_file: None,
            policy_ids: None,
            allow_unmatched_policy: None,
        }
    }
}

impl AttestationServiceConfig {
    /// A key that belongs to another type than the selected one, and that type.
    pub fn foreign_key(&self) -> Option<(&'static str, &'static str)> {
        use AttestationServiceType as T;
        [
            (self.rvps_config.is_some(), "rvps_config", T::BuiltIn),
            (
                self.attestation_token_broker.is_some(),
                "attestation_token_broker",
                T::BuiltIn,
            ),
            (self.verifier_config.is_some(), "verifier_config", T::BuiltIn),
            (self.storage_type.is_some(), "storage_type", T::BuiltIn),
            (self.as_addr.is_some(), "as_addr", T::Grpc),
            (self.pool_size.is_some(), "pool_size", T::Grpc),
            (self.tls.is_some(), "tls", T::Grpc),
            (self.request_timeout.is_some(), "request_timeout", T::Grpc),
            (self.connect_timeout.is_some(), "connect_timeout", T::Grpc),
            (self.base_url.is_some(), "base_url", T::IntelTa),
            (self.api_key.is_some(), "api_key", T::IntelTa),
            (self.certs_file.is_some(), "certs_file", T::IntelTa),
            (self.policy_ids.is_some(), "policy_ids", T::IntelTa),
            (
                self.allow_unmatched_policy.is_some(),
                "allow_unmatched_policy",
                T::IntelTa,
            ),
        ]
        .into_iter()
        .find(|(set, _, kind)| *set && *kind != self.kind)
        .map(|(_, key, kind)| (key, kind.as_str()))
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
