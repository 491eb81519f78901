//! A connection with or without TLS that holds its place among the connections and must begin to speak
//! in time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// What an HTTP/2 client sends first (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The stream of one connection.
pub(super) struct Connection {
    transport: Transport,
    opening: Option<Opening>,
    _place: OwnedSemaphorePermit,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The time until it is clear which HTTP the client speaks. The server waits for that without a limit of
/// its own; from then on the limits of the protocol hold.
struct Opening {
    deadline: Pin<Box<Sleep>>,
    preface_seen: usize,
}

impl Connection {
    pub(super) fn plain(socket: TcpStream, place: OwnedSemaphorePermit, limit: Duration) -> Self {
        Self::new(Transport::Plain(socket), place, limit)
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>, place: OwnedSemaphorePermit, limit: Duration) -> Self {
        Self::new(Transport::Tls(Box::new(stream)), place, limit)
    }

    fn new(transport: Transport, place: OwnedSemaphorePermit, limit: Duration) -> Self {
        let opening = Opening {
            deadline: Box::pin(sleep(limit)),
            preface_seen: 0,
        };
        Self {
            transport,
            opening: Some(opening),
            _place: place,
        }
    }
}

impl Opening {
    /// Whether these bytes, the next from the client, settle which HTTP it speaks.
    fn settled_by(&mut self, bytes: &[u8]) -> bool {
        let expected = HTTP2_PREFACE.get(self.preface_seen..).unwrap_or_default();
        self.preface_seen += bytes.len();
        !expected.starts_with(bytes) || self.preface_seen >= HTTP2_PREFACE.len()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let result = match &mut this.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        let Some(opening) = &mut this.opening else {
            return result;
        };
        if result.is_pending() {
            return opening
                .deadline
                .as_mut()
                .poll(cx)
                .map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        if opening.settled_by(buf.filled().get(before..).unwrap_or_default()) {
            this.opening = None;
        }
        result
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
