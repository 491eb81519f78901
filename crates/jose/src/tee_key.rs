//! The key pair of a guest, for which secrets are sealed (wire name `tee-pubkey`).

mod private;
mod public;

pub use private::{TeeKeyKind, TeePrivateKey};
pub use public::{TeeKeyError, TeePublicJwk, TeePublicKey};

pub(crate) use private::PrivateKind;
pub(crate) use public::{ECDH_ES_A256KW, PublicKind, RSA_OAEP_256};

#[cfg(test)]
mod tests;
