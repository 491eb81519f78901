use std::convert::Infallible;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::Code;
use tonic::service::Routes;
use tower::ServiceExt;

use super::*;
use crate::health::Health;

const SERVICE: &str = "test.Service";

/// What a caller sends, as the test hands it over. It does not end before the sender is gone.
struct Slow(UnboundedReceiver<Vec<u8>>);

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = ready!(self.0.poll_recv(context));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece.into()))))
    }
}

fn slow() -> (UnboundedSender<Vec<u8>>, Body) {
    let (sender, receiver) = unbounded_channel();
    (sender, Body::new(Slow(receiver)))
}

async fn services(budget: &Arc<Budget>, timeout: Duration) -> Router {
    let health = Health::new();
    health.set(SERVICE, true).await;
    let routes = Routes::new(health.service()).into_axum_router();
    within(routes, Arc::clone(budget), timeout)
}

/// A call of `Check`, as it goes over the wire.
fn message() -> Vec<u8> {
    let length = u8::try_from(SERVICE.len()).unwrap();
    [&[0, 0, 0, 0, length + 2, 0x0a, length], SERVICE.as_bytes()].concat()
}

async fn call(services: &Router, body: Body) -> Code {
    let request = Request::post("/grpc.health.v1.Health/Check")
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap();
    let response = services.clone().oneshot(request).await.unwrap();
    // Of a success it is in the trailers.
    Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
}

#[tokio::test]
async fn a_call_is_answered_and_holds_nothing_afterwards() {
    let budget = Budget::new(100);
    let services = services(&budget, BODY_TIMEOUT).await;
    assert_eq!(call(&services, Body::from(message())).await, Code::Ok);
    let (sender, body) = slow();
    for byte in message() {
        sender.send(vec![byte]).unwrap();
    }
    drop(sender);
    assert_eq!(call(&services, body).await, Code::Ok);
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn a_call_for_which_there_is_no_room_may_be_tried_again() {
    let budget = Budget::new(message().len() * 3 / 2);
    let services = services(&budget, BODY_TIMEOUT).await;
    let (sender, body) = slow();
    sender.send(message()).unwrap();
    let (first, ()) = tokio::join!(call(&services, body), async {
        while budget.held() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(call(&services, Body::from(message())).await, Code::Unavailable);
        drop(sender);
    });
    assert_eq!(first, Code::Ok);
    assert_eq!(call(&services, Body::from(message())).await, Code::Ok);
}

#[tokio::test]
async fn callers_who_fall_silent_hold_no_more_than_the_budget_and_not_for_long() {
    let budget = Budget::new(1000);
    let services = services(&budget, Duration::from_millis(200)).await;
    let promised = [0, 0, 0, 100, 0];
    let (senders, calls): (Vec<_>, Vec<_>) = (0..300)
        .map(|_| {
            let (sender, body) = slow();
            sender.send([&promised[..], &[7; 95]].concat()).unwrap();
            let services = services.clone();
            (sender, tokio::spawn(async move { call(&services, body).await }))
        })
        .unzip();
    for call in calls {
        assert!(budget.held() <= 1000);
        assert_eq!(call.await.unwrap(), Code::Unavailable);
    }
    assert_eq!(budget.held(), 0);
    drop(senders);
}
