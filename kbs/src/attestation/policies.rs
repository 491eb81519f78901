//! Attestation policies, as those who administer them see them.

use serde::Serialize;

use super::{Author, Version};

/// An attestation policy that is to be set.
#[derive(Debug, Clone)]
pub struct PolicyChange<'a> {
    /// With class suffix, such as `default_cpu`.
    pub id: &'a str,
    /// The Rego text.
    pub rego: &'a str,
    /// Who sets it.
    pub author: Author,
    /// Whether to refuse a policy that reads what is not there, instead of warning of it.
    pub strict: bool,
}

/// An attestation policy that was set, or put in force again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySet {
    /// The version that is in force now, from a service that keeps a history.
    pub version: Option<Version>,
    /// What the policy reads that is not there, and the like, each in a sentence.
    pub warnings: Vec<String>,
    /// What else whoever set it should know, likewise.
    pub notes: Vec<String>,
}

/// An attestation policy, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySummary {
    /// With the class suffix.
    pub policy_id: String,
    /// SHA-384 of the text, lower-case hex.
    pub digest: String,
}

/// An attestation policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The Rego text.
    pub rego: String,
    /// SHA-384 of the text, lower-case hex.
    pub digest: String,
}

/// An attestation policy that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedPolicy {
    /// The version that is in force now, or says that there is none.
    pub version: Version,
    /// Whether the text that is shipped is in force again.
    pub restored: bool,
}
