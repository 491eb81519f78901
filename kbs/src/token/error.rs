use std::path::PathBuf;

use jose::x5c::X5cError;

use super::source::SourceError;

/// Why a token is not believed.
///
/// All variants but [`TokenError::KeysUnavailable`] are the bearer's: the
/// reply is 401 and says no more than that.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token, badly signed, out of date, or for somebody else.
    #[error("the token is refused")]
    Token(#[from] jose::jwt::TokenError),
    /// The header carries a key that nothing vouches for.
    #[error("the key in the token header is not vouched for")]
    UntrustedHeaderKey,
    /// The header's certificate chain leads to no trusted root.
    #[error("the certificate chain in the token header is refused")]
    Chain(#[from] X5cError),
    /// Neither a key nor a key id in the header.
    #[error("the token names no key")]
    NoKeyId,
    /// No trusted set holds the key.
    #[error("the token names a key that no trusted set holds")]
    UnknownKey,
    /// Two trusted sets hold different keys under this id.
    #[error("the token names a key id that two trusted sets use for different keys")]
    AmbiguousKey,
    /// No TEE key in the claims.
    #[error("the token carries no TEE key")]
    NoTeeKey,
    /// An EAR of devices alone. The key comes with a CPU.
    #[error("the evidence has no CPU in it, so it proves no TEE key")]
    NoCpu,
    /// A TEE key, and none where this issuer puts it: somebody else may have.
    #[error(
        "the TEE key stands at {0}, which is not where this issuer puts it: if it is to be believed there, name the \
         place in `extra_teekey_paths`"
    )]
    TeeKeyElsewhere(String),
    /// What stands where the TEE key should is none that may be used.
    #[error("the TEE key at {pointer} is refused")]
    BadTeeKey {
        /// The JSON pointer it was found at.
        pointer: String,
        /// What is wrong with it.
        #[source]
        cause: jose::tee_key::TeeKeyError,
    },
    /// Two places, two keys: which one the issuer meant cannot be known.
    #[error("the token carries different TEE keys at {first} and {second}")]
    DifferentTeeKeys {
        /// Where the first was found.
        first: String,
        /// Where the other was found.
        second: String,
    },
    /// A key set has never been read since the start: a dependency's fault,
    /// worth a retry.
    #[error("the issuer's keys have not been available so far")]
    KeysUnavailable,
}

/// Why the verifier cannot be made: the operator's to repair.
#[derive(Debug, thiserror::Error)]
pub enum TokenSetupError {
    /// Nothing is configured to be believed.
    #[error(
        "no trusted verification materials: set `trusted_certs_paths` or `trusted_jwk_sets` in [attestation_token]"
    )]
    NothingTrusted,
    /// A certificate file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// A certificate file holds no usable certificate.
    #[error("no usable certificate in {}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: X5cError,
    },
    /// An entry of `extra_teekey_paths` is not a JSON pointer.
    #[error("`extra_teekey_paths`: {0:?} is not a JSON pointer (it must start with `/`)")]
    Pointer(String),
    /// A key set cannot be used.
    #[error("`trusted_jwk_sets`")]
    Source(#[from] SourceError),
}
