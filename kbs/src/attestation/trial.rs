//! What is tried of attestation policies and reference values.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Policies and reference values that are not in force, and the claims that they are tried on.
#[derive(Debug, Clone, Default)]
pub struct PolicyTrial {
    /// Rego texts by the ids (with the class suffix) of the policies that they would replace.
    pub policies: BTreeMap<String, String>,
    /// Reference values that would count instead of the registered ones, by id; null where there would be none.
    pub reference_values: Map<String, Value>,
    /// The claims.
    pub claims: Vec<TriedClaims>,
    /// Whether results that are affirming should be explained, too.
    pub explain_affirming: bool,
}

/// Claims that were appraised before.
#[derive(Debug, Clone)]
pub struct TriedClaims {
    /// Under which policy, with the class suffix.
    pub policy_id: String,
    /// JSON text: `ear.veraison.annotated-evidence`.
    pub claims: String,
}

/// What one set of claims is worth.
#[derive(Debug, Clone)]
pub struct Tried {
    /// With what is in force.
    pub now: TriedResult,
    /// With what is tried.
    pub then: TriedResult,
}

/// An appraisal, or why there is none.
pub type TriedResult = Result<TriedAppraisal, String>;

/// An appraisal of which no token was made.
#[derive(Debug, Clone)]
pub struct TriedAppraisal {
    /// The members of the submodule of a token, but the evidence and the policy.
    pub submodule: Map<String, Value>,
    /// An entry of an explanation's `submods`.
    pub explanation: Option<Box<RawValue>>,
}

impl TriedAppraisal {
    /// From JSON texts. An explanation that is none counts as not given.
    pub(super) fn read(submodule: &str, explanation: Option<String>) -> Result<Self, serde_json::Error> {
        Ok(Self::new(serde_json::from_str(submodule)?, explanation))
    }

    /// The same of a submodule that is read.
    pub(super) fn new(submodule: Map<String, Value>, explanation: Option<String>) -> Self {
        Self {
            submodule,
            explanation: explanation.and_then(|text| RawValue::from_string(text).ok()),
        }
    }
}
