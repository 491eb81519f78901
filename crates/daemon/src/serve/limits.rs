//! What one client, and all clients together, may take up.

use std::time::Duration;

/// Limits of a server. The defaults suit a server that anyone can reach.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a client may take over the head of a request. An HTTP/1 connection that is idle for as
    /// long is closed too.
    pub header_timeout: Duration,
    /// How long a handler may take, reading the body included, until the head of its response is there.
    pub request_timeout: Duration,
    /// How many header fields a request may have; more get 431.
    pub max_headers: usize,
    /// How many bytes the head of a request may have; more get 431. Not below 8192.
    pub max_header_bytes: usize,
    /// How many connections may be open; one more is closed at once.
    pub max_connections: usize,
    /// How many requests may be under way on all connections; one more is answered 503, or `UNAVAILABLE` over gRPC.
    pub max_requests: usize,
    /// How many requests may be under way on one HTTP/2 connection.
    pub http2_max_streams: u32,
    /// How many requests a client may reset before they are handled; one more ends its connection
    /// (CVE-2023-44487, "rapid reset").
    pub http2_max_pending_resets: usize,
    /// After how long without a sign of life an HTTP/2 client is asked for one; it has as long to answer.
    pub http2_keep_alive: Duration,
    /// How often certificate files are looked at for a change.
    pub certificate_poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            max_headers: HTTP1_DEFAULT_HEADERS,
            max_header_bytes: 64 * 1024,
            max_connections: 10_000,
            max_requests: 10_000,
            http2_max_streams: 256,
            http2_max_pending_resets: 32,
            http2_keep_alive: Duration::from_secs(30),
            certificate_poll: Duration::from_secs(10),
        }
    }
}

/// What hyper allows without being told. Telling it costs an allocation a request.
pub(super) const HTTP1_DEFAULT_HEADERS: usize = 100;
