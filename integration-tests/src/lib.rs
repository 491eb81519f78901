//! What the end-to-end tests, the demonstration and the benchmark share.
//!
//! - [`load`]: the closed-loop load driver for any KBS or Attestation Service.
//! - [`bench`]: the benchmark, which starts the servers and drives the load.
//! - [`demo`]: the story that `make demo` tells.
//! - [`fakes`]: vendors' servers.
//! - [`processes`]: server processes, started and stopped.
//! - [`simulation`]: settings that make an Attestation Service believe simulated platforms.
//! - [`tee_table`]: the table of `docs/tees/README.md`.
//! - [`vouch`]: the reference values of a simulated guest.

pub mod bench;
pub mod demo;
pub mod fakes;
pub mod load;
pub mod processes;
pub mod simulation;
pub mod tee_table;
pub mod vouch;
