//! What happens to a connection before HTTP: counting, TLS.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::stream::Connection;
use crate::telemetry::RequestContextService;
use crate::tls::{PeerCertificate, ServerTls};

/// Turns an accepted socket into a stream for HTTP, or drops it.
#[derive(Clone)]
pub(super) struct Acceptor {
    tls: Option<Arc<ServerTls>>,
    places: Arc<Semaphore>,
    refusals: Arc<Refusals>,
    handshake_timeout: Duration,
    first_bytes_timeout: Duration,
}

impl Acceptor {
    pub(super) fn new(tls: Option<ServerTls>, limits: &Limits, places: Arc<Semaphore>) -> Self {
        Self {
            tls: tls.map(Arc::new),
            places,
            refusals: Arc::default(),
            handshake_timeout: limits.handshake_timeout,
            first_bytes_timeout: limits.header_timeout,
        }
    }

    /// The stream, and the certificate of the client, if it had to show one.
    async fn prepare(self, socket: TcpStream) -> io::Result<(Connection, Option<PeerCertificate>)> {
        let Ok(place) = self.places.try_acquire_owned() else {
            self.refusals.tell();
            return Err(io::Error::other("too many connections"));
        };
        socket.set_nodelay(true)?;
        let Some(tls) = self.tls else {
            let connection = Connection::plain(socket, place, self.first_bytes_timeout);
            return Ok((connection, None));
        };
        let handshake = TlsAcceptor::from(tls.current()).accept(socket);
        match tokio::time::timeout(self.handshake_timeout, handshake).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let certificate = shown.map(|certificate| PeerCertificate(certificate.as_ref().into()));
                let connection = Connection::tls(stream, place, self.first_bytes_timeout);
                Ok((connection, certificate))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                Err(error)
            }
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl<S: Send + 'static> Accept<TcpStream, RequestContextService<S>> for Acceptor {
    type Stream = Connection;
    type Service = RequestContextService<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Connection, Self::Service)>> + Send>>;

    fn accept(&self, socket: TcpStream, service: RequestContextService<S>) -> Self::Future {
        let acceptor = self.clone();
        Box::pin(async move {
            let (connection, certificate) = acceptor.prepare(socket).await?;
            Ok((connection, service.with_peer_certificate(certificate)))
        })
    }
}

/// Says that connections are refused, at most once a second: whoever causes it must not fill the log too.
#[derive(Default)]
struct Refusals {
    since_told: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl Refusals {
    fn tell(&self) {
        self.since_told.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= Duration::from_secs(1)) {
            *told = Some(Instant::now());
            let refused = self.since_told.swap(0, Ordering::Relaxed);
            tracing::warn!(refused, "too many connections: new ones are closed at once");
        }
    }
}
