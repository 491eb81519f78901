//! What can be wrong with TLS settings and files. All of it is the operator's to mend.

use std::io;
use std::path::PathBuf;

/// Why TLS cannot be set up as asked. No message holds any part of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no PEM block of the kind that is needed, or a broken one.
    #[error("{} holds no usable PEM {wanted}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// "certificate" or "private key".
        wanted: &'static str,
    },
    /// A certificate of the certificate authority cannot be used.
    #[error("{} holds a certificate that cannot be a trust anchor: {source}", path.display())]
    BadAnchor {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate and the key do not make an identity, for instance because they do not match.
    #[error("certificate {} and private key {} cannot be used: {source}", certificate.display(), private_key.display())]
    BadIdentity {
        /// The certificate chain.
        certificate: PathBuf,
        /// The key.
        private_key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Only one of certificate and key is configured.
    #[error("a TLS client needs both `certificate` and `private_key`, or neither")]
    HalfIdentity,
    /// Clients cannot be checked as configured.
    #[error("client certificates cannot be checked: {0}")]
    ClientVerifier(String),
    /// Servers cannot be checked as configured.
    #[error("server certificates cannot be checked: {0}")]
    ServerVerifier(String),
    /// The lowest version is above the highest.
    #[error("the lowest TLS version is above the highest")]
    EmptyVersionRange,
    /// A name of a cipher suite or group that nobody knows.
    #[error("unknown TLS {kind} `{name}`{hint}; there are: {available}")]
    UnknownName {
        /// "cipher suite" or "group".
        kind: &'static str,
        /// The name.
        name: String,
        /// What it may be instead, or nothing.
        hint: &'static str,
        /// What there is.
        available: String,
    },
    /// Nothing is left of a list once what is not offered here is taken out.
    #[error("none of the TLS {kind}s `{list}` is available; there are: {available}")]
    NoneAvailable {
        /// "cipher suite" or "group".
        kind: &'static str,
        /// The configured list.
        list: String,
        /// What there is.
        available: String,
    },
    /// A version is enabled for which the list names no suite.
    #[error(
        "the configured TLS cipher suites hold none for TLS {version}, which is enabled: name one or change the versions"
    )]
    NoSuiteFor {
        /// `1.2` or `1.3`.
        version: &'static str,
    },
    /// A server name that is neither a DNS name nor an IP address.
    #[error("`{0}` is not a valid TLS server name")]
    BadServerName(String),
    /// The TLS library refuses the settings.
    #[error("TLS settings are refused: {0}")]
    Refused(#[from] rustls::Error),
}
