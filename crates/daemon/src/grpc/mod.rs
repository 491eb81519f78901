//! Calling another service over gRPC, and what callers may send.

mod answers;
mod bodies;
mod whole;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::metadata::AsciiMetadataKey;
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub use answers::few_at_once;
pub use bodies::bounded;
pub use whole::WholeRequests;

use crate::telemetry::{REQUEST_ID_HEADER, RequestContext, TRACEPARENT_HEADER};
use crate::tls::{ClientTls, TlsClientConfig, TlsError};

/// Where a service is and how long to wait for it.
#[derive(Clone, Debug)]
pub struct GrpcClientConfig {
    /// `http://host:port` or `https://host:port`.
    pub address: String,
    /// TLS; needed for `https`, not allowed for `http`.
    pub tls: Option<TlsClientConfig>,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long making a connection may take, TLS included.
    pub connect_timeout: Duration,
}

/// Why a service cannot be called as configured. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum GrpcClientError {
    /// Not an absolute `http` or `https` URI.
    #[error("`{0}` is not an address of a gRPC service: use http://host:port or https://host:port")]
    Address(String),
    /// `https` without saying whom to trust.
    #[error("`{0}` needs TLS settings that name the certificate authority to trust (`ca`)")]
    TlsMissing(String),
    /// TLS settings for a plain address.
    #[error("`{0}` is a plain address but TLS settings are there: use https://")]
    TlsUnused(String),
    /// The TLS settings are wrong.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl GrpcClientConfig {
    /// A service at `address` with the usual time limits: 60 seconds a call, 5 to connect.
    pub fn new(address: impl Into<String>, tls: Option<TlsClientConfig>) -> Self {
        Self {
            address: address.into(),
            tls,
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// The longest headers of an answer, in bytes. What is wrong with a request comes in one, and is three times as long
/// there as it is, at most.
const MAX_HEADERS: u32 = 64 * 1024;

/// A channel to the service. It connects when it is first used and again whenever the connection is lost;
/// a call while the service is down fails with `UNAVAILABLE` at once or within the connect time limit.
/// Client certificates are read anew for a connection if their files changed. Needs a Tokio runtime.
///
/// # Errors
/// The address or the TLS settings cannot be used.
pub fn channel(config: &GrpcClientConfig) -> Result<Channel, GrpcClientError> {
    let address = || config.address.clone();
    let uri: Uri = config
        .address
        .parse()
        .map_err(|_| GrpcClientError::Address(address()))?;
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| GrpcClientError::Address(address()))?;
    let (default_port, tls) = match (uri.scheme_str(), &config.tls) {
        (Some("http"), None) => (80, None),
        (Some("https"), Some(tls)) => (443, Some(tls.load()?)),
        (Some("http"), Some(_)) => return Err(GrpcClientError::TlsUnused(address())),
        (Some("https"), None) => return Err(GrpcClientError::TlsMissing(address())),
        _ => return Err(GrpcClientError::Address(address())),
    };
    let peer = Arc::new(Peer {
        host: host.to_owned(),
        port: uri.port_u16().unwrap_or(default_port),
        tls,
    });
    if let Some(tls) = &peer.tls {
        tls.server_name(&peer.host)?;
    }
    // TLS is made by the connector, so the endpoint itself must look plain; requests carry the real URI.
    let endpoint = Endpoint::from_shared(format!("http://{}:{}", peer.host, peer.port))
        .map_err(|_| GrpcClientError::Address(address()))?
        .origin(uri)
        .timeout(config.timeout)
        .connect_timeout(config.connect_timeout)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true);
    let connector = tower::service_fn(move |_: Uri| {
        let peer = peer.clone();
        async move { peer.connect().await.map(TokioIo::new) }
    });
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// The other side of a channel.
struct Peer {
    host: String,
    port: u16,
    tls: Option<ClientTls>,
}

impl Peer {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let socket = TcpStream::connect((host, self.port)).await?;
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(socket));
        };
        let name = tls.server_name(host).map_err(io::Error::other)?;
        Ok(Box::new(
            TlsConnector::from(tls.current()).connect(name, socket).await?,
        ))
    }
}

/// A connection with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Adds the ids of the request being worked for to the metadata of a call: `x-request-id` and
/// `traceparent`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContextInterceptor;

impl Interceptor for ContextInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        RequestContext::with_current(|context| {
            let values = [
                (REQUEST_ID_HEADER, context.request_id().to_string()),
                (TRACEPARENT_HEADER, context.traceparent()),
            ];
            for (name, value) in values {
                if let (Ok(key), Ok(value)) = (
                    AsciiMetadataKey::from_bytes(name.as_str().as_bytes()),
                    value.parse(),
                ) {
                    request.metadata_mut().insert(key, value);
                }
            }
        });
        Ok(request)
    }
}
