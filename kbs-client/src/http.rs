//! One exchange with a KBS over HTTP.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode};

use crate::error::{Caller, ClientError, Refusal};

mod tls;

/// A connection pool to one KBS.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    base: String,
}

impl Http {
    /// `url` is the root of the KBS. `roots`: PEM files of certificates that are trusted beside the system's.
    pub(crate) fn new(url: &str, roots: &[Vec<u8>]) -> Result<Self, ClientError> {
        let base = url.trim_end_matches('/').to_owned();
        let scheme = reqwest::Url::parse(&base).ok().map(|url| url.scheme().to_owned());
        let secure = match scheme.as_deref() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(ClientError::Setup(format!(
                    "{url:?} is not a URL that begins with http:// or https://"
                )));
            }
        };
        let certificates = roots.iter().map(|pem| tls::certificates(pem));
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?.concat();
        let client = match secure {
            true => builder().tls_backend_preconfigured(tls::config(certificates)?),
            false => builder().tls_certs_only([]),
        };
        install_crypto_provider();
        let client = client
            .build()
            .map_err(|error| ClientError::Setup(format!("no HTTP client: {}", causes(&error))))?;
        Ok(Self { client, base })
    }

    /// A request to `/kbs/v0/<path>`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/kbs/v0/{path}", self.base))
    }

    /// Sends, and reads the answer. Answers other than 200 are errors: a KBS gives no other good one.
    pub(crate) async fn exchange(
        &self,
        request: RequestBuilder,
        caller: Caller,
    ) -> Result<Answer, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let session = header(SET_COOKIE).and_then(session_of);
        let retry_after = header(RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok());
        let retry_after = retry_after.map(|seconds: u64| Duration::from_secs(seconds.min(MAX_RETRY_AFTER)));
        let body = self.read(response).await?;
        if status == StatusCode::OK {
            return Ok(Answer { body, session });
        }
        Err(Refusal::read(status.as_u16(), &body, retry_after).into_error(caller))
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(ClientError::BadAnswer("it is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            url: self.base.clone(),
            cause: causes(&error.without_url()),
        }
    }
}

/// A good answer.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    /// `kbs-session-id=…`, as it is sent back.
    pub(crate) session: Option<String>,
}

/// The `Authorization` header of a token, kept out of debug output.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| ClientError::Setup("the token cannot be sent in a header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A KBS never redirects, and a credential must not follow one who says it does.
fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("kbs-client/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(60))
}

fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only if another thread was quicker, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn session_of(cookie: &str) -> Option<String> {
    let pair = cookie.split(';').next()?.trim();
    let value = pair.strip_prefix("kbs-session-id=")?;
    let plain = value.chars().all(|c| c.is_ascii_graphic());
    (plain && !value.is_empty() && value.len() <= 256).then(|| pair.to_owned())
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The longest answer that is read.
const MAX_BODY: usize = 64 << 20;
/// The longest that a KBS can make a client wait, in seconds.
const MAX_RETRY_AFTER: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_session_cookie_is_taken() {
        let cookie = "kbs-session-id=f7a2369f; Expires=Sun, 22 Nov 2026 01:02:32 GMT";
        assert_eq!(session_of(cookie).as_deref(), Some("kbs-session-id=f7a2369f"));
        for other in ["other=1", "kbs-session-id=", "kbs-session-id=a b", ""] {
            assert_eq!(session_of(other), None, "{other}");
        }
    }

    #[test]
    fn urls_and_certificates_are_checked_before_use() {
        for url in ["", "kbs.example", "ftp://kbs.example"] {
            assert!(matches!(Http::new(url, &[]), Err(ClientError::Setup(_))), "{url}");
        }
        assert!(matches!(
            Http::new("https://kbs.example", &[b"no".to_vec()]),
            Err(ClientError::Setup(_))
        ));
        let http = Http::new("http://kbs.example:8080/", &[]).unwrap();
        let request = http.request(Method::GET, "resource/a/b/c").build().unwrap();
        assert_eq!(
            request.url().as_str(),
            "http://kbs.example:8080/kbs/v0/resource/a/b/c"
        );
    }
}
