//! What those who call may send: all of them together, and in a limited time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::budget::{Budget, Share};

/// How long a caller may take to send a request, from the first time that it was waited for.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The services, of whose requests no more than `bytes` are in memory at once, as they were sent.
///
/// What is beyond is answered `UNAVAILABLE`, and so is a request that does not come to its end. For calls with one
/// request message.
pub fn bounded(services: Router, bytes: usize) -> Router {
    within(services, Budget::new(bytes), BODY_TIMEOUT)
}

fn within(services: Router, budget: Arc<Budget>, timeout: Duration) -> Router {
    services.layer(from_fn_with_state(Bounds { budget, timeout }, count))
}

#[derive(Clone)]
struct Bounds {
    budget: Arc<Budget>,
    timeout: Duration,
}

async fn count(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let share = Arc::new(bounds.budget.share());
    let request = request.map(|body| {
        Body::new(Counted {
            body,
            share: Arc::clone(&share),
            timeout: bounds.timeout,
            deadline: None,
        })
    });
    let response = next.run(request).await;
    // Not before: until now the message was worked on.
    drop(share);
    response
}

/// A body that takes its share as it comes.
struct Counted {
    body: Body,
    share: Arc<Share>,
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let timeout = this.timeout;
            let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err(too_slow(timeout).into())));
        };
        let Some(frame) = frame else {
            return Poll::Ready(None);
        };
        let frame = frame?;
        let length = frame.data_ref().map_or(0, Bytes::len);
        Poll::Ready(Some(match this.share.take(length) {
            Ok(()) => Ok(frame),
            Err(_) => Err(no_room().into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn no_room() -> Status {
    Status::unavailable("too much is being sent to this service at once: try again in a moment")
}

fn too_slow(timeout: Duration) -> Status {
    Status::unavailable(format!("the request did not come to its end within {timeout:?}"))
}

#[cfg(test)]
mod tests;
