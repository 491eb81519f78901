//! The resource policies that can be set by name. They are the texts that the KBS itself comes with.

/// Releases to any TEE but the sample one, and never to one in debug mode.
pub const DEFAULT: &str = include_str!("../../crates/policy/policies/release_default.rego");

/// Releases to guests all of whose parts are affirming.
pub const AFFIRMING: &str = include_str!("../../crates/policy/policies/release_affirming.rego");

/// Releases every resource to every guest that has attested, a sample one included.
pub const ALLOW_ALL: &str = include_str!("../../crates/policy/policies/release_allow_all.rego");

/// Releases nothing.
pub const DENY_ALL: &str = include_str!("../../crates/policy/policies/release_deny_all.rego");
