//! Where keys come from: a file or an https address.

use std::path::PathBuf;
use std::time::Duration;

/// Largest answer that is read, in bytes.
const MAX_SIZE: usize = 1024 * 1024;
/// Longest wait for a whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A place to read keys from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// `file://…` or a path.
    File(PathBuf),
    /// `https://…`, or `http://…` where that was allowed.
    Url(reqwest::Url),
}

/// Why keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address is of no known form.
    #[error("{0:?} is neither a path, `file://…` nor `https://…`")]
    Address(String),
    /// Plain http is not trusted.
    #[error("{0:?}: keys are not fetched over plain http")]
    PlainHttp(String),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// The address does not answer as it should.
    #[error("cannot fetch {url}")]
    Fetch {
        /// The address.
        url: String,
        /// The client's reason.
        #[source]
        cause: reqwest::Error,
    },
    /// The answer is over the limit.
    #[error("{0}: the answer is larger than {MAX_SIZE} bytes")]
    TooLarge(String),
    /// The content is no key set.
    #[error("Failed to parse JWK/JWKS file {place}: {reason}")]
    KeySet {
        /// The file or address.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate authority file cannot be used.
    #[error("cannot use the certificate authorities in {}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The client's reason.
        #[source]
        cause: reqwest::Error,
    },
    /// An address where only files were announced.
    #[error("{0:?}: no HTTP client for it")]
    NoClient(String),
    /// The HTTP client cannot be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Source {
    /// Reads an address of the configuration.
    pub(crate) fn parse(text: &str, insecure_http: bool) -> Result<Self, SourceError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.is_empty() {
                return Err(SourceError::Address(text.to_owned()));
            }
            return Ok(Self::File(PathBuf::from(text)));
        };
        match scheme {
            "file" if !rest.is_empty() => Ok(Self::File(PathBuf::from(rest))),
            "https" => parse_url(text),
            "http" if insecure_http => parse_url(text),
            "http" => Err(SourceError::PlainHttp(text.to_owned())),
            _ => Err(SourceError::Address(text.to_owned())),
        }
    }

    /// Whether it is a file: what is wrong with it is then the operator's.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// As configured, for logs and errors.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => url.to_string(),
        }
    }
}

fn parse_url(text: &str) -> Result<Source, SourceError> {
    let url = reqwest::Url::parse(text).map_err(|_| SourceError::Address(text.to_owned()))?;
    // A password in an address would end in logs.
    if !url.username().is_empty() || url.password().is_some() || !url.has_host() {
        return Err(SourceError::Address("an address with credentials".to_owned()));
    }
    Ok(Source::Url(url))
}

/// Reads sources. Follows no redirects; every read is bounded in time and size.
#[derive(Clone)]
pub(crate) struct Fetcher {
    /// None where only files are read: a client needs the system's
    /// certificate authorities, which a minimal image may not have.
    client: Option<reqwest::Client>,
}

impl Fetcher {
    /// For these sources. Trusts the system's certificate authorities and those
    /// in the PEM files `authorities`.
    pub(crate) fn new(sources: &[Source], authorities: &[PathBuf]) -> Result<Self, SourceError> {
        if sources.iter().all(Source::is_file) {
            return Ok(Self { client: None });
        }
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        let mut own = Vec::new();
        for path in authorities {
            let pem = std::fs::read(path).map_err(|cause| SourceError::File {
                path: path.clone(),
                cause,
            })?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|cause| SourceError::Authorities {
                    path: path.clone(),
                    cause,
                })?;
            own.extend(certificates);
        }
        if !own.is_empty() {
            builder = builder.tls_certs_merge(own);
        }
        Ok(Self {
            client: Some(builder.build().map_err(SourceError::Client)?),
        })
    }

    /// The whole content.
    pub(crate) async fn read(&self, source: &Source) -> Result<Vec<u8>, SourceError> {
        match source {
            Source::File(path) => tokio::fs::read(path).await.map_err(|cause| SourceError::File {
                path: path.clone(),
                cause,
            }),
            Source::Url(url) => self.get(url).await,
        }
    }

    /// The body of a successful answer.
    pub(crate) async fn get(&self, url: &reqwest::Url) -> Result<Vec<u8>, SourceError> {
        let failed = |cause: reqwest::Error| SourceError::Fetch {
            url: url.to_string(),
            cause: cause.without_url(),
        };
        let client = self
            .client
            .as_ref()
            .ok_or_else(|| SourceError::NoClient(url.to_string()))?;
        let mut answer = client
            .get(url.clone())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > MAX_SIZE {
                return Err(SourceError::TooLarge(url.to_string()));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}
