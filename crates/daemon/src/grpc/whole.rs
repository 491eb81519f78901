//! Requests that go out in one piece.

use std::error::Error;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;
use tower::Service;

/// Sends a request when all of it is there.
///
/// The client asks a body for a message, sends it, and asks again to hear that there is no more: that goes out as a
/// frame of its own, which wakes the other side once more. For calls with one request message.
#[derive(Clone, Debug)]
pub struct WholeRequests<S>(pub S);

type AnyError = Box<dyn Error + Send + Sync>;

impl<S, B> Service<Request<Body>> for WholeRequests<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<AnyError>,
    S::Future: Send,
{
    type Response = Response<B>;
    type Error = AnyError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, AnyError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready, not its copy.
        let copy = self.0.clone();
        let mut ready = mem::replace(&mut self.0, copy);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let message = body.collect().await?.to_bytes();
            let whole = Request::from_parts(parts, Body::new(Full::new(message)));
            ready.call(whole).await.map_err(Into::into)
        })
    }
}
