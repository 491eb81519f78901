//! TLS of servers and of gRPC clients: profiles, mutual TLS, and certificates that are picked up when
//! their files change.
//!
//! rustls over `ring` speaks TLS 1.2 and 1.3 with forward secret AEAD suites only. Where the operator may
//! name suites and groups as OpenSSL does, the names are translated; what is known but not offered here (CBC,
//! finite field Diffie-Hellman, post-quantum groups) is left out with a warning, and an unknown name is an
//! error.

mod certificate;
mod client;
mod error;
mod identity;
mod names;
mod pem;
mod reload;
mod server;
#[cfg(test)]
pub(crate) mod tests;

pub use self::client::{ClientTls, TlsClientConfig};
pub use self::error::TlsError;
pub use self::server::{ServerTls, TlsProfile, TlsServerConfig, TlsVersion};

/// The certificate that the client of a connection has shown, in DER: an extension of each request on it, where
/// `client_ca` asks for one. Its chain and its key are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate(pub std::sync::Arc<[u8]>);
