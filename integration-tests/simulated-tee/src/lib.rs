//! Simulated TEE platforms: own roots, real-shaped evidence. For tests and demonstrations only.
//!
//! Nothing trusts what comes from here, unless told to by an option that starts with `insecure_`.

pub mod snp;
