//! Simulated NVIDIA devices, and a simulated Remote Attestation Service.
//!
//! A [`Device`] has a key and a certificate chain of the shape of NVIDIA's, up to a device identity root of its own
//! whose key is committed; [`ChainSpec`] makes chains with deliberate faults. [`ReportBuilder`] makes SPDM reports with
//! any field set. [`Nras`] signs verdicts as NVIDIA's service does; [`Verdict`] has any claim set.

mod authority;
mod chain;
mod device;
mod nras;
mod report;

pub use authority::root_pem;
pub use chain::{ChainSpec, Fwid};
pub use device::{Chip, Device, Gpus, evidence};
pub use nras::{Nras, Verdict};
pub use report::{Measurement, ReportBuilder};
