//! The readers of what others wrote, each by itself: for tests with made-up input from outside of this crate. All say
//! whether they could read it.

use crate::endorsements;
use crate::init_data::InitDataDocument;

/// An init-data document.
#[must_use]
pub fn init_data(text: &str) -> bool {
    InitDataDocument::parse(text).is_ok()
}

/// What `attestation-service endorsements export` writes.
#[must_use]
pub fn endorsement_bundle(json: &[u8]) -> bool {
    endorsements::Bundle::read(json).is_ok()
}

/// A file of the PCCS admin tool.
#[must_use]
pub fn collateral_file(json: &[u8]) -> bool {
    endorsements::collateral_pieces(json).is_ok()
}
