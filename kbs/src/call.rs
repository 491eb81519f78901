//! One request below `/kbs/v0/`, read and bounded before any handler sees it.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, Method, Uri, header};
use http_body_util::LengthLimitError;

use crate::error::KbsError;
use crate::path::RequestPath;

/// What the protocol knows.
const METHODS: &str = "GET, POST, PUT, DELETE";

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request with its path decoded and its body complete.
pub struct Call {
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// What access control and dispatch look at.
    pub path: RequestPath,
    /// As received.
    pub headers: HeaderMap,
    /// Empty unless the method is POST or PUT.
    pub body: Bytes,
    /// The role that was allowed to administer by this request, once it was.
    pub(crate) administrator: OnceLock<String>,
    uri: Uri,
}

impl Call {
    /// Reads a request whose body may have `limit_mib` MiB.
    pub async fn read(request: Request, limit_mib: u32) -> Result<Self, KbsError> {
        let (parts, body) = request.into_parts();
        let has_body = match parts.method {
            Method::GET | Method::DELETE => false,
            Method::POST | Method::PUT => true,
            _ => return Err(KbsError::MethodNotAllowed { allow: METHODS }),
        };
        let path = RequestPath::parse(parts.uri.path())?;
        let body = match has_body {
            true => read_body(&parts.headers, body, limit_mib).await?,
            false => Bytes::new(),
        };
        Ok(Self {
            method: parts.method,
            path,
            headers: parts.headers,
            body,
            administrator: OnceLock::new(),
            uri: parts.uri,
        })
    }

    /// The query as a map; of a repeated key the last value counts.
    pub fn query(&self) -> Result<BTreeMap<String, String>, KbsError> {
        if self.uri.query().is_none() {
            return Ok(BTreeMap::new());
        }
        Query::try_from_uri(&self.uri)
            .map(|Query(map)| map)
            .map_err(|_| KbsError::BadQuery)
    }

    /// The `Authorization` header, if it is text.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get(header::AUTHORIZATION)?.to_str().ok()
    }

    /// The token of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.authorization()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

async fn read_body(headers: &HeaderMap, body: Body, limit_mib: u32) -> Result<Bytes, KbsError> {
    let too_large = || KbsError::TooLarge { limit_mib };
    let limit = usize::try_from(u64::from(limit_mib) << 20).map_err(|_| too_large())?;
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit));
    match read.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => match std::error::Error::source(&error) {
            Some(cause) if cause.is::<LengthLimitError>() => Err(too_large()),
            _ => Err(KbsError::BrokenBody),
        },
        Err(_) => Err(KbsError::BrokenBody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use http_body_util::{BodyExt, Full};

    fn request(method: &str, uri: &str, body: Body) -> Request {
        Request::builder().method(method).uri(uri).body(body).unwrap()
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_declared_or_not() {
        let big = vec![0u8; (1 << 20) + 1];
        let chunked = Body::new(Full::new(Bytes::from(big.clone())).map_frame(|frame| frame));
        for body in [Body::from(big), chunked] {
            let error = Call::read(request("POST", "/kbs/v0/auth", body), 1)
                .await
                .err()
                .unwrap();
            assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
        let exact = Body::from(vec![0u8; 1 << 20]);
        assert!(
            Call::read(request("POST", "/kbs/v0/auth", exact), 1)
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn other_methods_are_refused() {
        for method in ["PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"] {
            let error = Call::read(request(method, "/kbs/v0/auth", Body::empty()), 1)
                .await
                .err()
                .unwrap();
            assert_eq!(error.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        }
    }

    #[tokio::test]
    async fn an_absolute_uri_is_known_by_its_path() {
        let uri = "http://elsewhere.example/kbs/v0/resource/a/b/c?x=/kbs/v0/public&x=2";
        let call = Call::read(request("GET", uri, Body::empty()), 1).await.unwrap();
        assert_eq!(call.path.as_str(), "/kbs/v0/resource/a/b/c");
        assert_eq!(call.query().unwrap()["x"], "2");
    }

    #[tokio::test]
    async fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        for (header, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("Basic abc", None),
            ("Bearer", None),
        ] {
            let mut request = request("GET", "/kbs/v0/a", Body::empty());
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, header.parse().unwrap());
            let call = Call::read(request, 1).await.unwrap();
            assert_eq!(call.bearer(), token, "{header}");
        }
    }
}
