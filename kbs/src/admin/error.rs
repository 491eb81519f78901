use std::path::PathBuf;

use axum::http::Method;

use crate::token::source::SourceError;

/// Why an admin request is refused. The texts are those that existing
/// clients know (wire facts, kbs-http sections 2.1 and 10).
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No `Authorization: Bearer …` header, or not of that form. 401.
    #[error("Failed to parse HTTP Auth Bearer header")]
    NoBearer,
    /// No provider vouches for the token. 401.
    #[error("Admin access denied: Cannot verify token with any of the issuers")]
    NotVerified,
    /// The token is good but says no role. 403.
    #[error("Admin access denied: Failed to parse claims from token: Missing required `role` claim in JWT")]
    NoRole,
    /// The administrator is known, and has no right to this. 403.
    #[error("Admin access denied: Role {role} not allowed for path {path} with method {method}")]
    NotAllowed {
        /// The token's role.
        role: String,
        /// The decoded path, without the query.
        path: String,
        /// The method, which a rule may open alone.
        method: Method,
    },
    /// The path is not in its plain form, so no rule can speak of it. 403.
    #[error("Admin access denied: the request path is not in its plain form")]
    OddPath,
    /// Administration is switched off. 403.
    #[error("Admin access denied: Admin access denied as DenyAll authorization_mode is enabled")]
    DenyAll,
}

impl AdminError {
    /// Whether the credential is missing or bad (401), rather than known and
    /// without the right (403).
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::NoBearer | Self::NotVerified)
    }
}

/// Why `[admin]` cannot be used: the operator's to repair.
#[derive(Debug, thiserror::Error)]
pub enum AdminSetupError {
    /// Keys that contradict each other, or are missing.
    #[error("admin configuration error: {0}")]
    Config(&'static str),
    /// An unanchored pattern could match in the middle of a path.
    #[error("Admin Role regex must be anchored: {0:?} must start with `^/kbs` and end with `$`")]
    NotAnchored(String),
    /// An alternation outside a group would escape the anchors.
    #[error("Admin Role regex must be anchored as a whole: put the alternation of {0:?} in a group")]
    Alternation(String),
    /// Inline flags could change what the anchors mean.
    #[error("Admin Role regex {0:?}: only `(…)` and `(?:…)` groups are allowed")]
    Flags(String),
    /// Not a regular expression.
    #[error("Failed to parse regex: {0}")]
    Regex(#[from] regex::Error),
    /// Not an HTTP method.
    #[error("admin configuration error: {0:?} in allowed_methods is not an HTTP method")]
    Method(String),
    /// The public key file cannot be read.
    #[error("Read admin public key failed: {}", path.display())]
    ReadKey {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// The public key file holds no key of a known kind.
    #[error("Failed to parse admin public key")]
    PublicKey(#[source] jose::key::KeyError),
    /// A key source cannot be used.
    #[error("Read verification materials failed")]
    Source(#[from] SourceError),
}
