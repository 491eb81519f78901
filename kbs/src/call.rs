//! One request below `/kbs/v0/`: its head, and its body for the handler that wants it.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, Method, Uri, header};

use crate::admin::AdminGrant;
use crate::audit::Changed;
use crate::body::{Bodies, Held};
use crate::error::KbsError;
use crate::path::RequestPath;

/// What the protocol knows.
const METHODS: &str = "GET, POST, PUT, DELETE";

/// A request with its path decoded.
pub struct Call {
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// What access control and dispatch look at.
    pub path: RequestPath,
    /// As received.
    pub headers: HeaderMap,
    /// The role that was allowed to administer by this request, once it was.
    pub(crate) administrator: OnceLock<String>,
    /// What it has changed, once it did.
    pub(crate) changed: OnceLock<Changed>,
    uri: Uri,
    /// Until somebody reads it. `None` unless the method is POST or PUT.
    body: Mutex<Option<Body>>,
}

impl Call {
    /// Reads the head of a request.
    pub fn new(request: Request) -> Result<Self, KbsError> {
        let (parts, body) = request.into_parts();
        let has_body = match parts.method {
            Method::GET | Method::DELETE => false,
            Method::POST | Method::PUT => true,
            _ => return Err(KbsError::MethodNotAllowed { allow: METHODS }),
        };
        let path = RequestPath::parse(parts.uri.path())?;
        Ok(Self {
            method: parts.method,
            path,
            headers: parts.headers,
            body: Mutex::new(has_body.then_some(body)),
            administrator: OnceLock::new(),
            changed: OnceLock::new(),
            uri: parts.uri,
        })
    }

    /// The body, whoever sent it. Read once: a second time it is empty.
    pub async fn body(&self, bodies: &Bodies) -> Result<Held, KbsError> {
        match self.take_body() {
            Some(body) => bodies.read(&self.headers, body).await,
            None => Ok(Held::none()),
        }
    }

    /// The same with evidence in it.
    pub async fn evidence(&self, bodies: &Bodies) -> Result<Held, KbsError> {
        match self.take_body() {
            Some(body) => bodies.read_evidence(&self.headers, body).await,
            None => Ok(Held::none()),
        }
    }

    /// The body that an administrator sent. Read once: a second time it is empty.
    pub async fn body_of(&self, grant: &AdminGrant, bodies: &Bodies) -> Result<Held, KbsError> {
        match self.take_body() {
            Some(body) => bodies.read_of(grant, &self.headers, body).await,
            None => Ok(Held::none()),
        }
    }

    /// Has done with a body that nobody read.
    pub async fn discard_body(&self, bodies: &Bodies) {
        if let Some(body) = self.take_body() {
            bodies.discard(&self.headers, body).await;
        }
    }

    fn take_body(&self) -> Option<Body> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take()
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    fn request(method: &str, uri: &str, body: Body) -> Request {
        Request::builder().method(method).uri(uri).body(body).unwrap()
    }

    #[test]
    fn other_methods_are_refused() {
        for method in ["PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"] {
            let error = Call::new(request(method, "/kbs/v0/auth", Body::empty()))
                .err()
                .unwrap();
            assert_eq!(error.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        }
    }

    #[test]
    fn an_absolute_uri_is_known_by_its_path() {
        let uri = "http://elsewhere.example/kbs/v0/resource/a/b/c?x=/kbs/v0/public&x=2";
        let call = Call::new(request("GET", uri, Body::empty())).unwrap();
        assert_eq!(call.path.as_str(), "/kbs/v0/resource/a/b/c");
        assert_eq!(call.query().unwrap()["x"], "2");
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
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
            let call = Call::new(request).unwrap();
            assert_eq!(call.bearer(), token, "{header}");
        }
    }
}
