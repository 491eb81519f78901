//! Large answers, a few at a time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

/// How long a client may take nothing of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What goes to the connection at once, in bytes. It is copied, so that a client that takes some of an answer does not
/// make the connection hold all of it.
const PIECE: usize = 32 << 10;

/// Of the calls of this method (the last part of the path), answers `most` at once; for others there is no room. An
/// answer counts until it is sent, or its client is gone, or takes nothing of it for 30 seconds: then it is let go of.
pub fn few_at_once(services: Router, method: &'static str, most: usize) -> Router {
    within(services, method, most, PATIENCE)
}

fn within(services: Router, method: &'static str, most: usize, patience: Duration) -> Router {
    let bounds = Bounds {
        method,
        most,
        places: Arc::new(Semaphore::new(most)),
        patience,
    };
    services.layer(from_fn_with_state(bounds, answer))
}

#[derive(Clone)]
struct Bounds {
    method: &'static str,
    most: usize,
    places: Arc<Semaphore>,
    patience: Duration,
}

async fn answer(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    if request.uri().path().rsplit('/').next() != Some(bounds.method) {
        return next.run(request).await;
    }
    let Ok(place) = Arc::clone(&bounds.places).try_acquire_owned() else {
        let words = format!(
            "{} answers to {} are on their way already: try again in a moment",
            bounds.most, bounds.method
        );
        return Status::resource_exhausted(words).into_http();
    };
    next.run(request).await.map(|body| {
        let held = Arc::new(Mutex::new(Held {
            content: Some(Content {
                body,
                rest: Bytes::new(),
                _place: place,
            }),
            taken_at: Instant::now(),
            over: false,
        }));
        tokio::spawn(watch(Arc::downgrade(&held), bounds.patience));
        Body::new(Taken(held))
    })
}

/// Lets go of an answer of which nothing is taken.
async fn watch(held: Weak<Mutex<Held>>, patience: Duration) {
    loop {
        let due = {
            let Some(held) = held.upgrade() else { return };
            let mut held = lock(&held);
            let due = held.taken_at + patience;
            if held.content.is_none() || due <= Instant::now() {
                held.content = None;
                return;
            }
            due
        };
        sleep_until(due).await;
    }
}

struct Held {
    /// `None` once it is sent or let go of.
    content: Option<Content>,
    taken_at: Instant,
    over: bool,
}

struct Content {
    body: Body,
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

/// The body as the connection takes it.
struct Taken(Arc<Mutex<Held>>);

impl http_body::Body for Taken {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut held = lock(&self.0);
        held.taken_at = Instant::now();
        let held = &mut *held;
        let Some(content) = &mut held.content else {
            let ended = (!held.over).then(|| Err("nothing of the answer was taken for too long".into()));
            held.over = true;
            return Poll::Ready(ended);
        };
        while content.rest.is_empty() {
            match ready!(Pin::new(&mut content.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => content.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    held.content = None;
                    held.over = true;
                    return Poll::Ready(None);
                }
            }
        }
        let piece = content.rest.split_to(content.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&piece)))))
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    const LENGTH: usize = 1 << 20;

    fn services(patience: Duration) -> Router {
        let large = || async { vec![7_u8; LENGTH] };
        let routes = Router::new()
            .route("/service/Large", get(large))
            .route("/service/Other", get(large));
        within(routes, "Large", 1, patience)
    }

    async fn call(services: &Router, method: &str) -> Response {
        let request = Request::builder().uri(format!("/service/{method}"));
        let request = request.body(Body::empty()).unwrap();
        services.clone().oneshot(request).await.unwrap()
    }

    fn is_refused(answer: &Response) -> bool {
        // RESOURCE_EXHAUSTED.
        answer
            .headers()
            .get("grpc-status")
            .is_some_and(|code| code == "8")
    }

    #[tokio::test]
    async fn an_answer_is_whole_and_the_next_one_follows_it() {
        let services = services(PATIENCE);
        let first = call(&services, "Large").await;
        assert!(is_refused(&call(&services, "Large").await));
        assert!(!is_refused(&call(&services, "Other").await));
        let bytes = first.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(bytes, vec![7; LENGTH]);
        let dropped = call(&services, "Large").await;
        assert!(!is_refused(&dropped));
        drop(dropped);
        assert!(!is_refused(&call(&services, "Large").await));
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_makes_room_for_others() {
        let services = services(Duration::from_millis(100));
        let mut ignored = call(&services, "Large").await.into_body();
        let piece = ignored.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(piece.len(), PIECE);
        while is_refused(&call(&services, "Large").await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        ignored.frame().await.unwrap().unwrap_err();
        assert!(ignored.frame().await.is_none());
    }
}
