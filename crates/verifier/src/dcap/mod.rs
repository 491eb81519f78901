//! What SGX and TDX share: quotes signed by a quoting enclave, Intel's collateral, and the claims about both.

mod ids;

pub use ids::{DcapTee, Fmspc, PckCa};
