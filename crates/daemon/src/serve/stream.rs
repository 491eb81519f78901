//! A connection with or without TLS that holds its place among the connections and must begin to speak
//! in time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::gather::Gathered;
use super::transport::Transport;

/// What an HTTP/2 client sends first (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The stream of one connection.
pub(super) struct Connection {
    transport: Transport,
    opening: Option<Opening>,
    /// What HTTP/2 writes; HTTP/1 writes an answer at once.
    gathered: Option<Gathered>,
    _place: OwnedSemaphorePermit,
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
            gathered: None,
            _place: place,
        }
    }
}

enum Version {
    One,
    Two,
}

impl Opening {
    /// Which HTTP the client speaks, if these bytes, its next ones, settle it.
    fn settled_by(&mut self, bytes: &[u8]) -> Option<Version> {
        let expected = HTTP2_PREFACE.get(self.preface_seen..).unwrap_or_default();
        let common = expected.len().min(bytes.len());
        self.preface_seen += bytes.len();
        if expected.get(..common) != bytes.get(..common) {
            Some(Version::One)
        } else {
            (self.preface_seen >= HTTP2_PREFACE.len()).then_some(Version::Two)
        }
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
        let result = Pin::new(&mut this.transport).poll_read(cx, buf);
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
        if let Some(version) = opening.settled_by(buf.filled().get(before..).unwrap_or_default()) {
            this.opening = None;
            this.gathered = matches!(version, Version::Two).then(Gathered::default);
        }
        result
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let transport = Pin::new(&mut this.transport);
        match &mut this.gathered {
            Some(gathered) => gathered.poll_write(cx, transport, slices),
            None => transport.poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let transport = Pin::new(&mut this.transport);
        match &mut this.gathered {
            Some(gathered) => gathered.poll_flush(cx, transport),
            None => transport.poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(gathered) = &mut this.gathered {
            ready!(gathered.poll_send(cx, Pin::new(&mut this.transport)))?;
        }
        Pin::new(&mut this.transport).poll_shutdown(cx)
    }
}
