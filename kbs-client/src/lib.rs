//! A client of a Key Broker Service: [`RcarClient`] for guests, [`AdminClient`] for administrators, and the
//! command line over both.
//!
//! A guest proves what it is by the RCAR handshake (Request, Challenge, Attestation, Response) and gets secrets
//! that only it can open. What makes the proof is an [`Attester`].

pub mod error;
pub mod uri;

pub mod attester;
pub mod binding;
pub mod init_data;
pub mod rcar;

pub mod admin;
pub mod decisions;
pub mod policies;

pub mod cli;

mod http;

#[cfg(test)]
mod fake_kbs;

pub use admin::{AdminClient, AdminCredential};
pub use attester::{Attester, SampleAttester, SampleDeviceAttester};
pub use error::ClientError;
pub use rcar::RcarClient;
pub use uri::ResourceUri;
