use std::path::PathBuf;

use serde::Deserialize;

/// `[attestation_token]`: whose attestation results this service believes.
///
/// The first four keys are those of the existing ecosystem; the others are
/// this implementation's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttestationTokenConfig {
    /// PEM files, each with one or more certificates. A token whose header
    /// carries a key with an `x5c` chain to one of them is believed.
    pub trusted_certs_paths: Vec<PathBuf>,
    /// JWK sets: `file://…`, a path, or `https://…`, which is either the set
    /// itself or an issuer with `/.well-known/openid-configuration`.
    pub trusted_jwk_sets: Vec<String>,
    /// JSON pointers to look for the TEE key at, whoever signed, except for an
    /// attestation service in this process.
    pub extra_teekey_paths: Vec<String>,
    /// Believe any key that stands in a token's own header. Anyone can then
    /// make a token: for tests only.
    pub insecure_header_jwk: bool,
    /// The `iss` a token must carry. Absent: any.
    pub issuer: Option<String>,
    /// What a token's `aud` must contain. Absent: any.
    pub audience: Option<String>,
    /// PEM files of certificate authorities to trust, beside the system's,
    /// when fetching `trusted_jwk_sets` over https.
    pub jwk_set_ca_paths: Vec<PathBuf>,
    /// Allow `http://` in `trusted_jwk_sets`. Whoever sits on the way can
    /// then choose the keys.
    pub insecure_http_jwk_sets: bool,
    /// What Intel Trust Authority calls itself, which is set where that
    /// service is. Absent: the names of Intel's own.
    #[serde(skip)]
    pub trust_authority_issuers: Option<Vec<String>>,
}
