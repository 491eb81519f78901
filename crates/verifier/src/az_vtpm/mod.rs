//! Azure's confidential virtual machines, whose guests attest through a virtual TPM.
//!
//! The machine's paravisor (Azure calls it the HCL) runs the vTPM. At start it asks the processor for a report
//! whose report data is the digest of the *runtime data*: JSON with the vTPM's attestation key (AK). Guests read
//! both, together the *HCL report*, from the vTPM, and have the AK sign quotes. So a report by the processor
//! vouches for the AK, and the AK for registers and nonce.
//!
//! Sources: the layout of the HCL report as the crate `az-cvm-vtpm` (Microsoft) has it; the rest is in
//! [`crate::snp`], [`crate::dcap`] and [`crate::tpm`].
//!
//! Modules in reading order: `wire` (what guests send), `hcl` and `runtime_data` (the HCL report), `vtpm` (what
//! both TEEs check), `snp`, `tdx`, `claims`.

mod claims;
mod error;
mod hcl;
mod runtime_data;
mod snp;
mod tdx;
#[cfg(test)]
mod tests;
mod vtpm;
mod wire;

pub use error::AzVtpmError;
pub use snp::AzSnpVtpmVerifier;
pub use tdx::AzTdxVtpmVerifier;
