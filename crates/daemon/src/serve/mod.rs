//! Serving HTTP/1.1 and HTTP/2 (gRPC), with and without TLS, within limits.

mod accept;
mod gather;
mod limits;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod transport;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum_server::{Handle, Server};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::{Layer, Service};

use self::accept::Acceptor;
pub use self::limits::Limits;
use crate::shutdown::Shutdown;
use crate::telemetry::{RequestContextLayer, RequestContextService};
use crate::tls::ServerTls;

/// What to serve on.
#[derive(Debug)]
pub struct ServeOptions {
    /// What this server is called in the logs.
    pub name: &'static str,
    /// Where to listen. At least one.
    pub listeners: Vec<Listener>,
    /// TLS; without it plain HTTP.
    pub tls: Option<ServerTls>,
    /// What clients may take up. Connections are counted over all listeners.
    pub limits: Limits,
}

/// Where to listen.
#[derive(Debug)]
pub enum Listener {
    /// An address to bind; port 0 is any free port.
    Address(SocketAddr),
    /// A socket that is bound and listens.
    Bound(TcpListener),
}

/// Why a server does not start or stops by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No listener is configured.
    #[error("{0}: no address to listen on")]
    NoListener(&'static str),
    /// The address is taken, or not of this machine.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket fails.
    #[error("serving failed: {0}")]
    Socket(#[from] io::Error),
}

/// A server that runs. Dropping it closes its listeners at once and leaves open connections to themselves.
#[derive(Debug)]
pub struct Serving {
    addresses: Vec<SocketAddr>,
    servers: JoinSet<io::Result<()>>,
}

/// Starts serving `router` and returns at once. It stops when `shutdown` says so.
///
/// Each bound address is announced in a log line `listening` with the fields `address` and `server`.
/// Every request gets a [`crate::telemetry::RequestContext`].
///
/// # Errors
/// An address cannot be bound.
pub async fn serve(options: ServeOptions, router: Router, shutdown: Shutdown) -> Result<Serving, ServeError> {
    let ServeOptions {
        name,
        listeners,
        tls,
        limits,
    } = options;
    if listeners.is_empty() {
        return Err(ServeError::NoListener(name));
    }
    let sockets = listeners
        .into_iter()
        .map(Listener::bind)
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(tls) = &tls {
        tls.watch_files(limits.certificate_poll);
    }
    let acceptor = Acceptor::new(tls, &limits, places(name, &limits));
    let context = RequestContextLayer {
        request_timeout: limits.request_timeout,
        max_requests: limits.max_requests,
    };
    let app = App(context.layer(router));

    let mut addresses = Vec::new();
    let mut servers = JoinSet::new();
    for socket in sockets {
        let address = socket.local_addr()?;
        let handle = Handle::new();
        let mut server =
            Server::from_listener(tokio::net::TcpListener::from_std(socket)?).handle(handle.clone());
        configure(server.http_builder(), &limits);
        tracing::info!(%address, server = name, "listening");
        addresses.push(address);
        servers.spawn(server.acceptor(acceptor.clone()).serve(app.clone()));
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            shutdown.requested().await;
            handle.graceful_shutdown(Some(shutdown.grace()));
        });
    }
    Ok(Serving { addresses, servers })
}

/// A place for each connection.
fn places(name: &'static str, limits: &Limits) -> Arc<Semaphore> {
    let (possible, open_files) = crate::files::connections();
    if let (true, Some(open_files)) = (possible < limits.max_connections, open_files) {
        tracing::warn!(
            server = name,
            connections = possible,
            open_files,
            "fewer connections at a time than usual, for few files may be open: raise the limit (ulimit -n) for more"
        );
    }
    Arc::new(Semaphore::new(possible.min(limits.max_connections)))
}

impl Serving {
    /// The bound addresses, in the order of the listeners, with their real ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns when all requests under way are finished or given up after the stop was asked for.
    ///
    /// # Errors
    /// A socket failed.
    pub async fn finished(mut self) -> Result<(), ServeError> {
        while let Some(ended) = self.servers.join_next().await {
            ended.map_err(io::Error::other)??;
        }
        Ok(())
    }
}

impl Listener {
    fn bind(self) -> Result<TcpListener, ServeError> {
        let listener = match self {
            Self::Address(address) => {
                TcpListener::bind(address).map_err(|source| ServeError::Bind { address, source })?
            }
            Self::Bound(listener) => listener,
        };
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

impl From<SocketAddr> for Listener {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Bound(listener)
    }
}

fn configure(builder: &mut Builder<TokioExecutor>, limits: &Limits) {
    let mut http1 = builder.http1();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.max_header_bytes.max(8192));
    if limits.max_headers != limits::HTTP1_DEFAULT_HEADERS {
        http1.max_headers(limits.max_headers);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_max_streams)
        .max_pending_accept_reset_streams(limits.http2_max_pending_resets)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.http2_keep_alive)
        .keep_alive_timeout(limits.http2_keep_alive);
}

/// Makes the service of each connection.
#[derive(Clone)]
struct App(RequestContextService<Router>);

impl Service<SocketAddr> for App {
    type Response = RequestContextService<Router>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, peer: SocketAddr) -> Self::Future {
        std::future::ready(Ok(self.0.clone().with_peer(peer)))
    }
}
