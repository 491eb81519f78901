//! One set of verified claims under one policy: a submodule of the token.

use std::collections::BTreeMap;

use policy::{Appraisal, AppraisalPolicy, Limits, PolicyError, PolicyInput, ReferenceValueSnapshot};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use verifier::{TeeClass, VerifiedClaims};

use crate::binding::Binding;

/// What is shown to the policy and to whoever reads the token, serialised once for both.
pub(crate) struct AnnotatedEvidence {
    pub(crate) class: TeeClass,
    json: Box<RawValue>,
    input: PolicyInput,
}

/// An appraisal as the token holds it.
#[derive(Debug)]
pub(crate) struct Submodule {
    pub(crate) class: TeeClass,
    pub(crate) policy_id: String,
    pub(crate) appraisal: Appraisal,
    evidence: Box<RawValue>,
}

/// A member of the policy input.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    Value(&'a Value),
    Claims(&'a Map<String, Value>),
}

impl AnnotatedEvidence {
    /// The claims under the TEE's name. What the evidence was bound to is added only where the verifier showed
    /// that it is bound: otherwise anything could be claimed of it.
    pub(crate) fn of(verified: &VerifiedClaims, binding: &Binding) -> Result<Self, PolicyError> {
        let mut members = BTreeMap::from([(verified.tee().as_str(), Member::Claims(verified.claims()))]);
        if let Some(report_data) = verified.report_data() {
            members.insert("report_data", Member::Text(report_data));
            members.insert("runtime_data_claims", Member::Value(&binding.runtime_data_claims));
        }
        if let Some(init_data) = verified.init_data() {
            members.insert("init_data", Member::Text(init_data));
            members.insert("init_data_claims", Member::Value(&binding.init_data_claims));
        }
        let json = to_raw_value(&members).map_err(|error| PolicyError::Input(error.to_string()))?;
        let input = PolicyInput::from_json(json.get())?;
        Ok(Self {
            class: verified.class(),
            json,
            input,
        })
    }

    /// What `policy` makes of it. `policy_id` is the one the caller asked for, without the class suffix.
    pub(crate) fn appraise(
        &self,
        policy_id: &str,
        policy: &AppraisalPolicy,
        reference_values: &ReferenceValueSnapshot,
    ) -> Result<Submodule, PolicyError> {
        let appraisal = policy.evaluate(&self.input, reference_values, &Limits::default())?;
        let (class, policy_id, evidence) = (self.class, policy_id.to_owned(), self.json.clone());
        Ok(Submodule {
            class,
            policy_id,
            appraisal,
            evidence,
        })
    }
}

impl Serialize for Submodule {
    /// draft-ietf-rats-ear, section 3.2, in the member order that the ecosystem emits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ear.status", self.appraisal.vector.status().as_str())?;
        map.serialize_entry("ear.trustworthiness-vector", &self.appraisal.vector)?;
        map.serialize_entry("ear.appraisal-policy-id", &self.policy_id)?;
        map.serialize_entry("ear.veraison.annotated-evidence", &self.evidence)?;
        for extension in self
            .appraisal
            .extensions
            .iter()
            .filter(|extension| !extension.value.is_null())
        {
            map.serialize_entry(&extension.name, &extension.value)?;
        }
        map.end()
    }
}
