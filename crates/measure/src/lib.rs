//! What a confidential guest's measurements will be, computed from what it is started with.
//!
//! [`snp::launch_digest`] is the launch digest of AMD SEV-SNP, [`tdx::mrtd`], [`tdx::rtmr1`] and [`tdx::rtmr2`] are the
//! registers of Intel TDX. All are pure functions of bytes: no file is read here, and no input makes them panic.
//!
//! `firmware` reads the table of GUIDs at the end of an OVMF image, which both need.

pub mod snp;
pub mod tdx;

mod bytes;
mod firmware;

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "small numbers of made-up images")]
mod tests;

pub use firmware::FirmwareError;

/// A digest of SHA-384: what both platforms measure with.
pub type Digest = [u8; 48];
