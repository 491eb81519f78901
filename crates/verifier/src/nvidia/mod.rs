//! NVIDIA GPUs and switches.

mod remote;

pub use remote::{NrasDevice, NrasRequest};
