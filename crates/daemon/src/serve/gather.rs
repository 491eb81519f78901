//! Frames that go out together.
//!
//! HTTP/2 flushes behind every longer frame, so that an answer over gRPC would leave in two pieces: message, then
//! status. Each is a call into the kernel here and there, and wakes the other side. So a first flush only says that
//! there will be a second one, at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Bytes that may wait. What is longer goes out as it is.
const MOST: usize = 16 * 1024;

/// What was written and has not gone out.
#[derive(Default)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    /// So many of them have gone out.
    gone: usize,
    /// A flush was put off.
    promised: bool,
}

impl Gathered {
    /// Takes the bytes, or hands them on where they are too many.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut to: Pin<&mut impl AsyncWrite>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices
            .iter()
            .fold(0_usize, |length, slice| length.saturating_add(slice.len()));
        if length > MOST - self.bytes.len() {
            ready!(self.poll_send(cx, to.as_mut()))?;
            return to.poll_write_vectored(cx, slices);
        }
        slices
            .iter()
            .for_each(|slice| self.bytes.extend_from_slice(slice));
        Poll::Ready(Ok(length))
    }

    /// The first time it asks to be polled again, and the second time everything goes out.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        mut to: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<()>> {
        if !self.bytes.is_empty() && !self.promised {
            self.promised = true;
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(cx, to.as_mut()))?;
        to.poll_flush(cx)
    }

    /// Sends all that waits.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut to: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.gone..).filter(|rest| !rest.is_empty()) {
            match ready!(to.as_mut().poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                gone => self.gone += gone,
            }
        }
        self.bytes.clear();
        self.gone = 0;
        self.promised = false;
        Poll::Ready(Ok(()))
    }
}
