//! `[http_server]` and `[metrics]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

/// Listeners, TLS and limits of the service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpServerConfig {
    /// Addresses to listen on. Default: `127.0.0.1:8080`.
    pub sockets: Vec<SocketAddr>,
    /// Serve plain HTTP. Otherwise `private_key` and `certificate` are required.
    pub insecure_http: bool,
    /// Largest request body, in MiB.
    pub payload_request_size: u32,
    /// MiB for the bodies of all requests at once whose sender is not known. Default: 64, or twice
    /// `payload_request_size` if that is more.
    pub request_memory_mib: Option<u32>,
    /// Worker threads. Default: one a processor.
    pub worker_count: Option<usize>,
    /// PEM private key.
    pub private_key: Option<PathBuf>,
    /// PEM certificate chain, the server's own first.
    pub certificate: Option<PathBuf>,
    /// `old`, `intermediate`, `modern` or `custom`.
    pub tls_profile: daemon::tls::TlsProfile,
    /// `1.2` or `1.3`; overrides the profile.
    pub tls_min_version: Option<daemon::tls::TlsVersion>,
    /// `1.2` or `1.3`; overrides the profile.
    pub tls_max_version: Option<daemon::tls::TlsVersion>,
    /// Cipher suites, separated by colons.
    pub tls_ciphers: Option<String>,
    /// Key exchange groups, separated by colons.
    pub tls_groups: Option<String>,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self {
            sockets: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))],
            insecure_http: false,
            payload_request_size: 2,
            request_memory_mib: None,
            worker_count: None,
            private_key: None,
            certificate: None,
            tls_profile: daemon::tls::TlsProfile::default(),
            tls_min_version: None,
            tls_max_version: None,
            tls_ciphers: None,
            tls_groups: None,
        }
    }
}

/// Where `/metrics` is served.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// A listener of its own, plain HTTP. Left out: the service's own listeners.
    pub socket: Option<SocketAddr>,
}
