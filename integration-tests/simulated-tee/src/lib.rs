//! Simulated TEE platforms: own roots, real-shaped evidence. For tests and demonstrations only.
//!
//! Nothing trusts what comes from here, unless told to by an option that starts with `insecure_`.

mod error;
mod guest;
mod pem;
mod x509;

pub mod azure;
pub mod cca;
pub mod csv;
pub mod intel;
pub mod nvidia;
pub mod proof;
pub mod snp;
pub mod tpm;

pub use error::SimulationError;
pub use guest::{DEVICES, SimulatedGuest, TEES, device, guest};
