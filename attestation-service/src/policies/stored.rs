//! Policies as they are stored and shipped.

use policy::defaults;
use storage::{Author, Version};

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// With the class suffix, such as `default_cpu`.
    pub id: String,
    /// The Rego text.
    pub text: String,
    /// SHA-384 of the text, lower-case hex.
    pub digest: String,
}

/// What became of a policy that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// There is none of this id any more.
    Gone(Version),
    /// The text that is shipped is in force again.
    Restored(Version),
}

/// The text that is shipped under an id.
pub(super) fn shipped(id: &str) -> Option<&'static str> {
    let mut shipped = defaults::ATTESTATION.into_iter();
    shipped.find(|(known, _)| *known == id).map(|(_, rego)| rego)
}

/// Who brought what is shipped.
pub(super) fn shipped_author() -> Author {
    Author::new("shipped", daemon::build_info::VERSION)
}

/// SHA-384 of a text, lower-case hex.
pub(super) fn digest(text: &str) -> String {
    hex::encode(crate::request::HashAlgorithm::Sha384.digest(text.as_bytes()))
}
