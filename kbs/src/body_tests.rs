use std::convert::Infallible;

use axum::http::{HeaderValue, StatusCode};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;

const MIB: usize = 1 << 20;

/// A body that comes as the test sends it, and does not end before its sender is gone.
fn slow() -> (UnboundedSender<Result<Bytes, Infallible>>, Body) {
    let (sender, receiver) = unbounded_channel();
    (sender, Body::from_stream(UnboundedReceiverStream::new(receiver)))
}

fn frames(of: usize, number: usize) -> Body {
    let (sender, body) = slow();
    for _ in 0..number {
        sender.send(Ok(vec![7; of].into())).unwrap();
    }
    body
}

fn length(declared: usize) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(declared))])
}

fn none() -> HeaderMap {
    HeaderMap::new()
}

fn status(read: Result<Held, KbsError>) -> StatusCode {
    read.map_or_else(|error| error.status(), |_| StatusCode::OK)
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    let bodies = Bodies::new(1, 8 * MIB);
    let refused = StatusCode::PAYLOAD_TOO_LARGE;
    assert_eq!(
        status(bodies.read(&length(MIB + 1), Body::empty()).await),
        refused
    );
    assert_eq!(status(bodies.read(&none(), frames(MIB / 2, 3)).await), refused);
    let whole = Body::from(vec![7; MIB + 1]);
    assert_eq!(status(bodies.read(&none(), whole).await), refused);
    let grant = AdminGrant::for_tests();
    assert_eq!(
        status(bodies.read_of(&grant, &none(), frames(MIB / 2, 3)).await),
        refused
    );
    assert_eq!(bodies.budget.held(), 0);
}

#[tokio::test]
async fn a_body_is_read_as_it_was_sent_in_one_piece_or_many() {
    let bodies = Bodies::new(1, 8 * MIB);
    for headers in [none(), length(MIB)] {
        for (of, number) in [(0, 0), (MIB, 1), (1, 1000), (MIB / 4, 4), (999, 777)] {
            let held = bodies.read(&headers, frames(of, number)).await.unwrap();
            assert_eq!(held.len(), of * number);
            assert!(held.iter().all(|byte| *byte == 7));
        }
    }
    let (sender, body) = slow();
    for piece in ["", "ab", "", "c", ""] {
        sender.send(Ok(piece.into())).unwrap();
    }
    drop(sender);
    assert_eq!(&*bodies.read(&none(), body).await.unwrap(), b"abc");
}

#[tokio::test]
async fn what_is_held_never_exceeds_the_budget_and_goes_back() {
    let bodies = Bodies::new(1, 4 * MIB);
    let mut held = Vec::new();
    let refused = loop {
        match bodies.read(&length(MIB), frames(MIB / 4, 4)).await {
            Ok(body) => held.push(body),
            Err(error) => break error,
        }
    };
    // Three quarters.
    assert_eq!(held.len(), 3);
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bodies.budget.held(), 3 * MIB);
    held.pop();
    assert_eq!(
        status(bodies.read(&length(MIB), frames(MIB / 4, 4)).await),
        StatusCode::OK
    );
    held.clear();
    assert_eq!(bodies.budget.held(), 0);
}

#[tokio::test]
async fn who_promises_much_and_sends_little_takes_what_was_sent() {
    let bodies = Arc::new(Bodies::new(1, 4 * MIB));
    let (mut senders, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        let (sender, body) = slow();
        sender.send(Ok(vec![7; 100].into())).unwrap();
        senders.push(sender);
        let bodies = Arc::clone(&bodies);
        readers.push(tokio::spawn(async move {
            status(bodies.read(&length(MIB), body).await)
        }));
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bodies.budget.held(), 300 * 100);
    assert_eq!(status(bodies.read(&none(), frames(MIB, 1)).await), StatusCode::OK);
    // And that no longer than until they are gone.
    drop(senders);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(bodies.budget.held(), 0);
}

#[tokio::test]
async fn large_bodies_do_not_keep_small_ones_out() {
    let bodies = Bodies::new(1, 4 * MIB);
    let mut large = Vec::new();
    while let Ok(body) = bodies.read(&none(), frames(MIB / 2, 1)).await {
        large.push(body);
    }
    let mut small = Vec::new();
    while let Ok(body) = bodies.read(&none(), frames(daemon::budget::SMALL, 1)).await {
        small.push(body);
    }
    assert_eq!((large.len(), small.len()), (6, 64));
    let grant = AdminGrant::for_tests();
    let administrator = bodies.read_of(&grant, &none(), frames(MIB, 1)).await;
    assert_eq!(status(administrator), StatusCode::OK);
}
