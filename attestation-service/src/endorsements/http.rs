//! Asking a vendor over HTTP, within limits.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};

use super::source::EndorsementError;
use crate::error::StartError;

/// A client of one service, made once. It follows no redirects: the one host that the operator named is the one
/// that is asked.
pub(super) struct HttpClient {
    name: String,
    client: Client,
    max_answer: usize,
}

/// How a service is asked.
pub(super) struct HttpSettings<'a> {
    /// Scheme, host, and whatever else there is. `http` or `https`, without user or password.
    pub(super) url: &'a str,
    /// For how long one request may take, the body included.
    pub(super) timeout: Duration,
    /// PEM certificates to trust besides the system's.
    pub(super) ca: Option<&'a Path>,
    /// The longest body, in bytes.
    pub(super) max_answer: usize,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl HttpClient {
    /// Checks the settings. The service is called by its URL.
    pub(super) fn new(settings: &HttpSettings<'_>) -> Result<Self, StartError> {
        let url = checked_url(settings.url)?;
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout)
            .user_agent("attestation-service");
        if let Some(path) = settings.ca {
            let pem = std::fs::read(path).map_err(|error| StartError::file(path, error))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem);
            builder = builder.tls_certs_merge(certificates.map_err(|error| StartError::file(path, error))?);
        }
        let client = builder
            .build()
            .map_err(|error| StartError::Config(format!("cannot set up the client of {url}: {error}")))?;
        Ok(Self {
            name: settings.url.trim_end_matches('/').to_owned(),
            client,
            max_answer: settings.max_answer,
        })
    }

    /// What the service is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks; `None` if the service answers that it has no such thing.
    pub(super) async fn get(&self, url: &str) -> Result<Option<Answer>, EndorsementError> {
        self.send(self.client.get(url), ABSENT).await
    }

    /// Hands a service something to judge; `None` if the service answers that it is malformed.
    pub(super) async fn post(
        &self,
        url: &str,
        body: &serde_json::Value,
    ) -> Result<Option<Answer>, EndorsementError> {
        self.send(self.client.post(url).json(body), REFUSED).await
    }

    /// The error of this service.
    pub(super) fn unavailable(&self, reason: impl Into<String>) -> EndorsementError {
        EndorsementError::unavailable(&self.name, reason)
    }

    /// A status among `none` is an answer, and nothing else but 200 is.
    async fn send(
        &self,
        request: RequestBuilder,
        none: &[StatusCode],
    ) -> Result<Option<Answer>, EndorsementError> {
        let answer = request
            .send()
            .await
            .map_err(|error| self.unavailable(cause(&error)))?;
        match answer.status() {
            StatusCode::OK => self.read(answer).await.map(Some),
            status if none.contains(&status) => Ok(None),
            status => Err(EndorsementError::Unavailable {
                source_name: self.name.clone(),
                reason: format!("it answered {status}"),
                retry_after: retry_after(status, answer.headers()),
            }),
        }
    }

    async fn read(&self, mut answer: Response) -> Result<Answer, EndorsementError> {
        let headers = std::mem::take(answer.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.unavailable(cause(&error)))?
        {
            if body.len() + chunk.len() > self.max_answer {
                return Err(self.unavailable(format!("its answer is longer than {} bytes", self.max_answer)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { headers, body })
    }
}

/// An `http` or `https` URL that can be written to a log.
pub(super) fn checked_url(url: &str) -> Result<Url, StartError> {
    let parsed = Url::parse(url).ok().filter(|parsed| {
        matches!(parsed.scheme(), "http" | "https")
            && parsed.has_host()
            && parsed.username().is_empty()
            && parsed.password().is_none()
    });
    // What may hold a password is not repeated.
    parsed.ok_or_else(|| match url.contains('@') {
        true => StartError::Config("a URL of an endorsement source has a user or a password".to_owned()),
        false => StartError::Config(format!("`{url}` is not the URL of an endorsement source")),
    })
}

/// To a question: there is no such thing, or there cannot be.
const ABSENT: &[StatusCode] = &[StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::GONE];

/// To what a service was handed: it cannot be judged.
const REFUSED: &[StatusCode] = &[StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY];

/// How long a service wants to be left alone: what it says, or what is usual where it says that there was too much.
/// A date is not understood and so counts as not said.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let said = said
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    let usual = (status == StatusCode::TOO_MANY_REQUESTS).then_some(USUAL_PAUSE);
    said.or(usual)
}

/// What AMD's service needs between two certificates.
const USUAL_PAUSE: Duration = Duration::from_secs(10);

/// The innermost cause: `reqwest` says only "error sending request" at the top.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
