//! What the operator says about the service.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::token::TokenSetupError;

/// How the service is reached and believed.
#[derive(Debug, Clone)]
pub struct TrustAuthorityConfig {
    /// `https://…` of the API.
    pub base_url: String,
    /// What the service knows its customer by.
    pub api_key: ApiKey,
    /// The keys of its tokens: a JWK set by `file://`, path or `https://…`.
    pub certs_file: String,
    /// PEM authorities for both addresses, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The service's own policies to appraise by.
    pub policy_ids: Vec<String>,
    /// Whether a token is good though not all of these policies matched.
    pub allow_unmatched_policy: bool,
    /// The `iss` that tokens may have.
    pub issuers: Vec<String>,
    /// How long a call may take, and a wait for its turn.
    pub timeout: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
}

/// The key of a customer of the service. It is never shown.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct ApiKey(Zeroizing<String>);

/// Why the service cannot be used: the operator's to repair.
#[derive(Debug, thiserror::Error)]
pub enum TrustAuthoritySetupError {
    /// A key that has no default.
    #[error("`attestation_service.{0}` is missing: type `intel_ta` needs it")]
    Missing(&'static str),
    /// Two keys say the same thing.
    #[error("set only one of `api_key` and `api_key_file`")]
    TwoApiKeys,
    /// The address is none, or not one that a credential may be sent to.
    #[error("`base_url` must be `https://` and a host, without user or password")]
    BaseUrl,
    /// The key holds what no header can carry.
    #[error("the API key is empty, or holds characters that a header cannot carry")]
    ApiKey,
    /// Nobody could be believed.
    #[error("`issuers` is empty: no token would ever be believed")]
    NoIssuers,
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// A file of certificates holds something else.
    #[error("cannot use the certificate authorities in {}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The client's reason.
        #[source]
        cause: reqwest::Error,
    },
    /// The client cannot be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The keys cannot be used.
    #[error("`certs_file`")]
    Keys(#[from] TokenSetupError),
}

impl TrustAuthorityConfig {
    /// The address, checked.
    pub(super) fn base_url(&self) -> Result<Url, TrustAuthoritySetupError> {
        let url = Url::parse(&self.base_url).map_err(|_| TrustAuthoritySetupError::BaseUrl)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        match url.scheme() == "https" && url.has_host() && plain {
            true => Ok(url),
            false => Err(TrustAuthoritySetupError::BaseUrl),
        }
    }
}

impl ApiKey {
    /// From the text of a file or a setting; white space around it is dropped.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// As a header that no log shows.
    pub(super) fn header(&self) -> Result<HeaderValue, TrustAuthoritySetupError> {
        let key = self.0.trim();
        let mut header = HeaderValue::from_str(key).map_err(|_| TrustAuthoritySetupError::ApiKey)?;
        if key.is_empty() {
            return Err(TrustAuthoritySetupError::ApiKey);
        }
        header.set_sensitive(true);
        Ok(header)
    }
}

impl From<String> for ApiKey {
    fn from(text: String) -> Self {
        Self::new(&Zeroizing::new(text))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}
