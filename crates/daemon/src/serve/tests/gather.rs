//! What waits goes out together, in order, and all of it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;
use tokio::io::AsyncWrite;

use super::super::gather::Gathered;

/// A socket that takes so many bytes at a time, and nothing where there is a zero.
#[derive(Default)]
struct Sink {
    writes: Vec<Vec<u8>>,
    room: VecDeque<usize>,
    flushed: usize,
}

impl AsyncWrite for Sink {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = self.room.pop_front().unwrap_or(usize::MAX).min(bytes.len());
        if room == 0 {
            return Poll::Pending;
        }
        self.writes.push(bytes[..room].to_vec());
        Poll::Ready(Ok(room))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn write(gathered: &mut Gathered, sink: &mut Sink, bytes: &[u8]) -> Poll<io::Result<usize>> {
    let mut cx = Context::from_waker(Waker::noop());
    gathered.poll_write(&mut cx, Pin::new(sink), &[IoSlice::new(bytes)])
}

fn flush(gathered: &mut Gathered, sink: &mut Sink) -> Poll<io::Result<()>> {
    gathered.poll_flush(&mut Context::from_waker(Waker::noop()), Pin::new(sink))
}

#[test]
fn a_message_and_the_status_behind_it_go_out_together() {
    let (mut gathered, mut sink) = (Gathered::default(), Sink::default());
    assert!(write(&mut gathered, &mut sink, b"message").is_ready());
    assert!(flush(&mut gathered, &mut sink).is_ready());
    assert!(write(&mut gathered, &mut sink, b"status").is_ready());
    assert!(sink.writes.is_empty());
    assert!(flush(&mut gathered, &mut sink).is_ready());
    assert_eq!((sink.writes, sink.flushed), (vec![b"messagestatus".to_vec()], 1));
}

#[test]
fn what_is_flushed_once_asks_to_be_flushed_again() {
    let (mut gathered, mut sink) = (Gathered::default(), Sink::default());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut cx = Context::from_waker(&waker);
    for round in 1..3 {
        assert!(write(&mut gathered, &mut sink, b"settings").is_ready());
        assert!(gathered.poll_flush(&mut cx, Pin::new(&mut sink)).is_ready());
        assert_eq!(
            (sink.writes.len(), wakes.0.load(Ordering::Relaxed)),
            (round - 1, round)
        );
        assert!(gathered.poll_flush(&mut cx, Pin::new(&mut sink)).is_ready());
        assert_eq!(
            (sink.writes.len(), wakes.0.load(Ordering::Relaxed)),
            (round, round)
        );
    }
    assert!(gathered.poll_flush(&mut cx, Pin::new(&mut sink)).is_ready());
    assert_eq!(
        wakes.0.load(Ordering::Relaxed),
        2,
        "nothing waits, so nothing is put off"
    );
}

#[test]
fn what_is_too_long_to_wait_goes_out_behind_what_waits() {
    let (mut gathered, mut sink) = (Gathered::default(), Sink::default());
    let long = vec![b'x'; 20_000];
    assert!(write(&mut gathered, &mut sink, b"head").is_ready());
    let Poll::Ready(Ok(taken)) = write(&mut gathered, &mut sink, &long) else {
        panic!("the sink has room");
    };
    assert_eq!(taken, long.len());
    assert_eq!(sink.writes, [b"head".to_vec(), long]);
}

#[test]
fn a_socket_that_takes_nothing_holds_up_who_writes() {
    let (mut gathered, mut sink) = (Gathered::default(), Sink::default());
    sink.room = [0, 0, 0].into();
    let some = vec![b'x'; 16_000];
    assert!(write(&mut gathered, &mut sink, &some).is_ready());
    assert!(write(&mut gathered, &mut sink, &some).is_pending());
    assert!(flush(&mut gathered, &mut sink).is_ready());
    assert!(flush(&mut gathered, &mut sink).is_pending());
}

proptest! {
    #[test]
    fn all_bytes_go_out_in_order_whatever_the_socket_takes(
        pieces in proptest::collection::vec((0..40_000_usize, any::<bool>()), 0..12),
        room in proptest::collection::vec(prop_oneof![Just(0), 1..50_000_usize], 0..20),
    ) {
        let (mut gathered, mut sink) = (Gathered::default(), Sink::default());
        sink.room = room.into();
        let mut written = Vec::new();
        for (number, (length, flushes)) in pieces.into_iter().enumerate() {
            let mut piece = vec![u8::try_from(number).unwrap(); length];
            while !piece.is_empty() {
                if let Poll::Ready(taken) = write(&mut gathered, &mut sink, &piece) {
                    written.extend(piece.drain(..taken.unwrap()));
                }
            }
            if flushes {
                let _ = flush(&mut gathered, &mut sink);
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        while gathered.poll_send(&mut cx, Pin::new(&mut sink)).is_pending() {}
        prop_assert_eq!(sink.writes.concat(), written);
    }
}
