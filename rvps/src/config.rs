//! The configuration file, as its operator wrote it.

use std::path::PathBuf;

use daemon::{
    audit::AuditConfig,
    config::{Retired, retire},
    tls::TlsServerConfig,
};
use serde::Deserialize;
use serde_json::Value;
use storage::StorageConfig;

/// The whole file. Everything may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the reference values are kept. Default: in memory, lost when the process ends.
    pub storage: StorageConfig,
    /// Settings of the extractors.
    pub extractors: Option<ExtractorsConfig>,
    /// Whose signatures on messages count. Default: nobody's.
    pub trust_anchors: Vec<TrustAnchorConfig>,
    /// Types of messages that are taken without a signature. Default: all, as long as neither signatures nor registrars
    /// are configured, and none otherwise.
    #[serde(deserialize_with = "AllowUnsigned::said")]
    pub insecure_allow_unsigned: Option<AllowUnsigned>,
    /// Who may register, and who may read.
    pub auth: AuthConfig,
    /// Where it is written down who has changed what. Default: nowhere.
    pub audit: AuditConfig,
    /// How many versions of each value are remembered. Default: 16.
    pub history_per_value: Option<u16>,
    /// TLS of the gRPC listener; with `client_ca`, callers must have a certificate. Default: plain HTTP/2.
    pub tls: Option<TlsServerConfig>,
}

/// Settings of the extractors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExtractorsConfig {
    /// For the type `swid`.
    pub swid_extractor: Option<SwidExtractorConfig>,
    /// For the type `in-toto`.
    pub in_toto_extractor: Option<InTotoExtractorConfig>,
}

/// The type `swid` has no options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwidExtractorConfig {}

/// Settings of the type `in-toto`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InTotoExtractorConfig {
    /// The builders (`builder.id`) whose SLSA provenance counts; other statements do not, then. Default: any.
    pub builder_ids: Vec<String>,
}

/// Somebody whose signature on messages counts. Exactly one of `certificates` and `key` is set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustAnchorConfig {
    /// What this anchor is called in logs and in the provenance of values. Unique.
    pub name: String,
    /// PEM file with certification authorities: messages bring the chain of the signer's certificate (`x5c`).
    #[serde(default)]
    pub certificates: Option<PathBuf>,
    /// File with a public key: PEM (`PUBLIC KEY` or `CERTIFICATE`), or a JWK.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The `kid` that a message must name for `key` to be tried, if it names any.
    #[serde(default)]
    pub kid: Option<String>,
    /// The types of messages that it may sign. Default: all.
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// What the names of the values must begin with. Default: any name.
    #[serde(default)]
    pub prefixes: Option<Vec<String>>,
}

/// `true` for all types, or a list of types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "`insecure_allow_unsigned` is neither true nor false nor a list of message types"
)]
pub enum AllowUnsigned {
    /// All types that can be unsigned, or none.
    All(bool),
    /// These.
    Types(Vec<String>),
}

impl AllowUnsigned {
    /// Reads a key that is there: `null` is not the same as leaving it out, which may allow everything.
    ///
    /// # Errors
    /// It is something else.
    pub fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Self::deserialize(deserializer).map(Some)
    }
}

/// Who may register, and who may read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Whether reading needs a registrar's credential, too. Default: no.
    pub restrict_reads: bool,
    /// Who may register. Default: whoever reaches the address, or has a certificate where TLS asks for one.
    pub registrars: Vec<RegistrarConfig>,
    /// How bearer tokens that are JWTs are verified.
    pub jwt: Option<JwtConfig>,
}

/// One who may register. Exactly one of `certificate`, `token_sha256` and `jwt_subject` is set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrarConfig {
    /// What this one is called in logs and in the provenance of values. Unique.
    pub name: String,
    /// A name in the certificate that it shows: `DNS:…`, `URI:…`, `EMAIL:…` or `CN:…`.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The SHA-256 of its bearer token, in hex.
    #[serde(default)]
    pub token_sha256: Option<String>,
    /// The subject (`sub`) of its JWT.
    #[serde(default)]
    pub jwt_subject: Option<String>,
    /// Types of messages that it may register unsigned. Default: none.
    #[serde(default)]
    pub allow_unsigned: Vec<String>,
    /// What the names of its values must begin with. Default: any name.
    #[serde(default)]
    pub prefixes: Option<Vec<String>>,
    /// Whether it may register. Default: yes. `false` makes a reader.
    #[serde(default = "yes")]
    pub register: bool,
    /// Whether it may delete and revoke. Default: no.
    #[serde(default)]
    pub manage: bool,
}

/// How JWTs are verified.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// File with the public key of the issuer: PEM or a JWK.
    pub key: PathBuf,
    /// The issuer (`iss`) that the token must name.
    pub issuer: String,
    /// The audience (`aud`) that the token must name.
    pub audience: String,
}

fn yes() -> bool {
    true
}

/// Keys that older files carry. They never took effect in the versions that we follow, either.
pub const RETIRED_KEYS: &[Retired] = &[
    Retired {
        path: "storage.type",
        note: "use `storage.storage_type`",
    },
    Retired {
        path: "storage.file_path",
        note: "use `storage.storage_type = \"LocalJson\"` and `storage.backends.local_json.file_dir_path`; \
               without them the values are kept in memory only",
    },
    Retired {
        path: "store_type",
        note: "use `storage.storage_type`",
    },
    Retired {
        path: "store_config",
        note: "use `storage.backends`",
    },
];

/// Drops what older files carry, with one sentence for each such key.
pub fn upgrade(file: &mut Value) -> Vec<String> {
    let mut warnings = retire(file, RETIRED_KEYS);
    warnings.extend(storage::drop_retired(file, "storage"));
    warnings
}
