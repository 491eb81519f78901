//! One set of verified claims under one policy: a submodule of the token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use policy::{Appraisal, Claims, Extended, Limits, Member, PolicyError, PolicyInput, ReferenceValueSnapshot};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use verifier::{TeeClass, VerifiedClaims};

use crate::binding::Binding;
use crate::claims_json;
use crate::policies::{PolicyMap, ReadyPolicy};
use crate::reference_values::View;

/// A policy that takes longer holds up the other requests of its thread.
const SLOW: Duration = Duration::from_millis(5);

/// What is shown to the policy and to whoever reads the token, serialised once for both.
pub(crate) struct AnnotatedEvidence {
    pub(crate) class: TeeClass,
    verified: VerifiedClaims,
    binding: Arc<Binding>,
    /// Of megabytes, if there is a long event log.
    json: Arc<Box<RawValue>>,
}

/// An appraisal as the token holds it.
#[derive(Debug)]
pub(crate) struct Submodule {
    pub(crate) class: TeeClass,
    pub(crate) policy_id: String,
    /// SHA-384 of the policy's text, hex.
    policy_digest: String,
    pub(crate) appraisal: Arc<Appraisal>,
    /// [`View::age`] of the reference values.
    reference_values_age: Option<u64>,
    evidence: Arc<Box<RawValue>>,
}

impl Submodule {
    pub(crate) fn policy_digest(&self) -> &str {
        &self.policy_digest
    }
}

/// The names of all members of the input but the TEE's.
const BOUND: [&str; 4] = [
    "init_data",
    "init_data_claims",
    "report_data",
    "runtime_data_claims",
];

/// The claims under the TEE's name. What the evidence was bound to is there only where the verifier showed that it
/// is bound: otherwise anything could be claimed of it.
fn member<'a>(verified: &'a VerifiedClaims, binding: &'a Binding, name: &str) -> Option<Member<'a>> {
    let (report_data, init_data) = (verified.report_data(), verified.init_data());
    match name {
        "report_data" => report_data.map(Member::Text),
        "runtime_data_claims" => report_data.map(|_| Member::Value(&binding.runtime_data_claims)),
        "init_data" => init_data.map(Member::Text),
        "init_data_claims" => init_data.map(|_| Member::Value(&binding.init_data_claims)),
        tee if tee == verified.tee().as_str() => Some(tee_claims(verified)),
        _ => None,
    }
}

fn tee_claims(verified: &VerifiedClaims) -> Member<'_> {
    let members = verified.claims();
    match verified.event_log() {
        None => Member::Object(members),
        Some((name, json)) => Member::Extended(Extended { members, name, json }),
    }
}

impl AnnotatedEvidence {
    /// Claims, and what their evidence was to be bound to.
    pub(crate) fn of(verified: VerifiedClaims, binding: Arc<Binding>) -> Result<Self, PolicyError> {
        let names = BOUND.into_iter().chain([verified.tee().as_str()]);
        let members: BTreeMap<&str, Member<'_>> = names
            .filter_map(|name| Some((name, member(&verified, &binding, name)?)))
            .collect();
        let json = match verified.event_log() {
            // Of megabytes, which need not be looked at again.
            Some(_) => to_raw_value(&members),
            None => claims_json::object(members.into_iter()),
        };
        let json = json.map_err(|error| PolicyError::Input(error.to_string()))?;
        Ok(Self {
            class: verified.class(),
            verified,
            binding,
            json: Arc::new(json),
        })
    }

    /// The policy that the operator has for a guest which was started so.
    pub(crate) fn chosen_policy<'m>(&self, map: &'m PolicyMap) -> Option<&'m str> {
        match self.verified.is_vouched_for() {
            true => map.choose(self.verified.init_data()?, &self.binding.init_data_claims),
            // Anybody makes such evidence, with whatever is to be measured.
            false => None,
        }
    }

    /// What `policy` makes of it. `policy_id` is the one the caller asked for, without the class suffix.
    pub(crate) fn appraise(
        &self,
        policy_id: &str,
        policy: &ReadyPolicy,
        reference_values: &View,
    ) -> Result<Submodule, PolicyError> {
        Ok(Submodule {
            class: self.class,
            policy_id: policy_id.to_owned(),
            policy_digest: policy.digest().to_owned(),
            appraisal: self.appraisal(policy, &reference_values.values)?,
            reference_values_age: reference_values.age,
            evidence: Arc::clone(&self.json),
        })
    }

    /// The claims as policies see them.
    pub(crate) fn input(&self) -> Result<PolicyInput, PolicyError> {
        PolicyInput::from_json(self.json.get())
    }

    fn appraisal(
        &self,
        policy: &ReadyPolicy,
        reference_values: &ReferenceValueSnapshot,
    ) -> Result<Arc<Appraisal>, PolicyError> {
        policy.pace.time(SLOW, || {
            let fingerprint = policy.fingerprint(self);
            if let Some(known) = fingerprint.and_then(|same| policy.recall(&same, reference_values)) {
                return Ok(known);
            }
            let input = self.input()?;
            let appraisal = policy.evaluate(&input, reference_values, &Limits::default())?;
            let appraisal = Arc::new(appraisal);
            if let Some(fingerprint) = fingerprint {
                policy.keep(fingerprint, reference_values, &appraisal);
            }
            Ok(appraisal)
        })
    }
}

impl Claims for AnnotatedEvidence {
    fn member(&self, name: &str) -> Option<Member<'_>> {
        member(&self.verified, &self.binding, name)
    }
}

impl Serialize for Submodule {
    /// draft-ietf-rats-ear, section 3.2, in the member order that the ecosystem emits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ear.status", self.appraisal.vector.status().as_str())?;
        map.serialize_entry("ear.trustworthiness-vector", &self.appraisal.vector)?;
        map.serialize_entry("ear.appraisal-policy-id", &self.policy_id)?;
        map.serialize_entry("ear.veraison.annotated-evidence", &*self.evidence)?;
        for extension in self
            .appraisal
            .extensions
            .iter()
            .filter(|extension| !extension.value.is_null())
        {
            map.serialize_entry(&extension.name, &extension.value)?;
        }
        map.serialize_entry(policy::appraisal::POLICY_DIGEST, &self.policy_digest)?;
        if let Some(age) = self.reference_values_age {
            map.serialize_entry(policy::appraisal::REFERENCE_VALUES_AGE, &age)?;
        }
        map.end()
    }
}
