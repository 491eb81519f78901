//! Puts every request into its context.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use tokio::sync::Semaphore;
use tower::{Layer, Service};
use tracing::Level;

use super::{REQUEST_ID_HEADER, RequestContext};
use crate::tls::PeerCertificate;

/// Gives each request a [`RequestContext`], the response its `x-request-id`, the handling a time limit, and all that
/// are handled at once a limit in number.
///
/// [`crate::serve::serve`] applies it to everything it serves; the layer by itself is for routers that are
/// called directly, as tests do. A handler that takes too long is dropped and 408 is answered, or
/// `DEADLINE_EXCEEDED` over gRPC; a body that is streamed back is not limited. A request too many is answered 503, or
/// `UNAVAILABLE`.
#[derive(Clone, Copy, Debug)]
pub struct RequestContextLayer {
    /// How long a handler may take until the head of its response is there.
    pub request_timeout: Duration,
    /// How many requests may be handled at once.
    pub max_requests: usize,
}

impl Default for RequestContextLayer {
    fn default() -> Self {
        let limits = crate::serve::Limits::default();
        Self {
            request_timeout: limits.request_timeout,
            max_requests: limits.max_requests,
        }
    }
}

impl<S> Layer<S> for RequestContextLayer {
    type Service = RequestContextService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestContextService {
            inner,
            peer: None,
            certificate: None,
            timeout: self.request_timeout,
            places: Arc::new(Semaphore::new(self.max_requests.min(Semaphore::MAX_PERMITS))),
        }
    }
}

/// See [`RequestContextLayer`].
#[derive(Clone, Debug)]
pub struct RequestContextService<S> {
    inner: S,
    peer: Option<SocketAddr>,
    certificate: Option<PeerCertificate>,
    timeout: Duration,
    places: Arc<Semaphore>,
}

impl<S> RequestContextService<S> {
    pub(crate) fn with_peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Each request gets the certificate as an extension.
    pub(crate) fn with_peer_certificate(mut self, certificate: Option<PeerCertificate>) -> Self {
        self.certificate = certificate;
        self
    }
}

impl<S, B> Service<Request<B>> for RequestContextService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        let context = RequestContext::from_headers(request.headers(), self.peer);
        let request_id = context.request_id_header();
        // The path is not logged: a plugin may have been given anything in it.
        let started = tracing::enabled!(Level::DEBUG).then(|| (Instant::now(), request.method().clone()));
        let grpc = is_grpc(request.headers());
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Box::pin(context.scope(async move { Ok(too_many(grpc)) }));
        };
        let handled = tokio::time::timeout(self.timeout, self.inner.call(request));
        Box::pin(context.scope(async move {
            let _place = place;
            let mut response = match handled.await {
                Ok(response) => response?,
                Err(_) => too_slow(grpc),
            };
            if let Some((start, method)) = started {
                let status = response.status().as_u16();
                tracing::debug!(%method, status, elapsed = ?start.elapsed(), "request handled");
            }
            if let Some(id) = request_id {
                response.headers_mut().insert(REQUEST_ID_HEADER, id);
            }
            Ok(response)
        }))
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn too_slow(grpc: bool) -> Response<Body> {
    const DETAIL: &str = "the request took too long";
    tracing::warn!("request took too long and was given up");
    match grpc {
        true => tonic::Status::deadline_exceeded(DETAIL).into_http(),
        false => problem(StatusCode::REQUEST_TIMEOUT, DETAIL),
    }
}

/// Not logged: whoever causes it must not fill the log too.
fn too_many(grpc: bool) -> Response<Body> {
    const DETAIL: &str = "too many requests are under way: try again in a moment";
    if grpc {
        return tonic::Status::unavailable(DETAIL).into_http();
    }
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, DETAIL);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let id = RequestContext::with_current(|context| context.request_id().to_string()).unwrap_or_default();
    let body = serde_json::json!({ "type": "about:blank", "detail": detail, "request_id": id });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
