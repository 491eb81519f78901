//! Asking a vendor over HTTP, within limits.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
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

/// How long a service wants to be left alone: what it says (RFC 9110, section 10.2.3), or what is usual where it says
/// that there was too much. A date is told from the service's own `Date`, so that its clock need not be ours.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let date = |text: &str| httpdate::parse_http_date(text.trim()).ok();
    let said = text(RETRY_AFTER).and_then(|said| match said.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // What is over already asks for no pause.
        Err(_) => Some(date(said)?.duration_since(date(text(DATE)?)?).unwrap_or_default()),
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_that_a_service_asks_for_is_understood_as_seconds_and_as_a_date() {
        let at = |second: u8| format!("Sun, 22 Nov 2026 08:00:{second:02} GMT");
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        for (status, after, date, pause) in [
            (busy, Some(" 7 ".to_owned()), None, Some(7)),
            (busy, Some(at(42)), Some(at(12)), Some(30)),
            (
                StatusCode::TOO_MANY_REQUESTS,
                Some(at(42)),
                Some(at(12)),
                Some(30),
            ),
            (busy, Some(at(12)), Some(at(42)), Some(0)),
            (busy, Some(at(42)), None, None),
            (busy, Some(at(42)), Some("today".to_owned()), None),
            (busy, Some("soon".to_owned()), Some(at(12)), None),
            (busy, None, Some(at(12)), None),
            (
                StatusCode::TOO_MANY_REQUESTS,
                Some("soon".to_owned()),
                None,
                Some(10),
            ),
            (StatusCode::TOO_MANY_REQUESTS, None, None, Some(10)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(RETRY_AFTER, &after), (DATE, &date)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(
                retry_after(status, &headers),
                pause.map(Duration::from_secs),
                "{after:?} {date:?}"
            );
        }
    }
}
