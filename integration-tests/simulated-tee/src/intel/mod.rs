//! A simulated Intel SGX and TDX platform, and Intel itself.
//!
//! [`Pki`] is Intel: a root with the names, algorithms and extensions of Intel's, its CAs, its TCB signing key, and
//! what these sign. [`Platform`] is a machine with a PCK certificate; it makes quotes ([`QuoteSpec`]) of every
//! version with any field and deliberate faults, and the collateral for itself ([`Collateral`]), with any TCB status.
//! [`Ccel`] makes event logs.

mod authority;
mod ccel;
mod collateral;
mod crl;
mod documents;
mod guest;
mod pck;
mod platform;
mod quote;
mod report;

pub use authority::{AuthoritySpec, PckCa, Pki, Which};
pub use ccel::Ccel;
pub use collateral::{Collateral, Document, collateral_file};
pub use crl::{CrlSpec, Issuer};
pub use documents::{QeIdentitySpec, QeLevel, TcbInfoSpec, TcbLevel, TdxModule, TdxModuleLevel};
pub use guest::{Enclave, TrustDomain};
pub use pck::PckSpec;
pub use platform::{Platform, evidence};
pub use quote::{CertificationData, Fault, QuoteSpec};
pub use report::{Body, EnclaveBody, TdBody, TdKind};

/// The two TEEs, which have collateral of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tee {
    /// Software Guard Extensions.
    Sgx,
    /// Trust Domain Extensions.
    Tdx,
}
