use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use daemon::telemetry::RequestContext;
use kbs_types::Tee;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::{Decision, Device, Devices, Kind, PolicyUsed, Verdict};
use super::{DecisionId, FailedCheck};
use crate::resource::ActivePolicy;

/// Longest explanation that is kept, in bytes.
const MAX_EXPLANATION: usize = 64 << 10;
/// Longest reason that is kept, in characters.
const MAX_REASON: usize = 1000;

/// What a handler tells of a decision: no more than it has at hand, for it is not to be held up.
pub(crate) struct Occurrence {
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) tee: Option<Tee>,
    /// With the plugin in front.
    pub(crate) resource: Option<String>,
    /// Those that had a say.
    pub(crate) policies: Vec<Arc<ActivePolicy>>,
    /// The attestation that a release relies on.
    pub(crate) attestation: Option<DecisionId>,
    /// The claims of a believed token.
    pub(crate) claims: Option<Arc<str>>,
    /// The Attestation Service's, or what a resource policy denied.
    pub(crate) explanation: Option<Box<RawValue>>,
    /// Where evidence was refused.
    pub(crate) failed_check: Option<Box<FailedCheck>>,
    /// Whether the evidence is of a kind that anybody can make.
    pub(crate) cheap: bool,
}

/// How it ended.
pub(crate) enum Outcome {
    /// There are claims, and they say how.
    Appraised,
    /// It ended this way, and nothing failed.
    Decided(Verdict),
    /// It ended in an error of this class, for this reason.
    Error(Verdict, &'static str, String),
}

/// An occurrence with its name, time and request, for those who write it down.
pub(crate) struct Noted {
    pub(crate) id: DecisionId,
    pub(crate) at: i64,
    pub(crate) context: Option<RequestContext>,
    pub(crate) what: Occurrence,
    devices: OnceLock<Arc<Devices>>,
}

impl Occurrence {
    /// An attestation. Until more is known, a TPM is one that nobody vouches for.
    pub(crate) fn attestation(tee: Option<Tee>, outcome: Outcome) -> Self {
        Self {
            kind: Kind::Attestation,
            outcome,
            tee,
            resource: None,
            policies: Vec::new(),
            attestation: None,
            claims: None,
            explanation: None,
            failed_check: None,
            cheap: matches!(tee, Some(Tee::Sample | Tee::SampleDevice | Tee::Tpm)),
        }
    }

    /// A request for what `plugin` has at `path`.
    pub(crate) fn release(plugin: &str, path: &[String], outcome: Outcome) -> Self {
        let mut resource = plugin.to_owned();
        for segment in path {
            resource.push('/');
            resource.push_str(segment);
        }
        Self {
            kind: Kind::Release,
            resource: Some(resource),
            ..Self::attestation(None, outcome)
        }
    }
}

impl Noted {
    pub(super) fn new(id: DecisionId, at: i64, what: Occurrence) -> Self {
        Self {
            id,
            at,
            context: RequestContext::current(),
            what,
            devices: OnceLock::new(),
        }
    }

    /// What the claims say of each device. They are read once, by whoever asks first.
    pub(crate) fn devices(&self) -> &Arc<Devices> {
        self.devices
            .get_or_init(|| Arc::new(self.what.claims.as_deref().map(devices).unwrap_or_default()))
    }

    /// The same, if they are wanted.
    pub(crate) fn devices_if(&self, wanted: bool) -> Option<&Devices> {
        wanted.then(|| &**self.devices())
    }

    /// How it ended.
    pub(crate) fn verdict(&self) -> Verdict {
        match &self.what.outcome {
            Outcome::Appraised => Verdict::of(self.devices()),
            Outcome::Decided(verdict) | Outcome::Error(verdict, ..) => *verdict,
        }
    }

    /// Whether somebody who has shown nothing can bring this about as often as he likes.
    pub(crate) fn is_cheap(&self) -> bool {
        match &self.what.outcome {
            // Whatever the claims say: they are not read for this.
            Outcome::Appraised => self.what.cheap,
            Outcome::Decided(verdict) | Outcome::Error(verdict, ..) => verdict.is_cheap() || self.what.cheap,
        }
    }

    /// The resource policies that had a say.
    pub(crate) fn policies(&self) -> Vec<PolicyUsed> {
        let used = |policy: &Arc<ActivePolicy>| PolicyUsed {
            id: policy.id().to_owned(),
            digest: policy.digest().to_owned(),
            version: policy.version(),
        };
        self.what.policies.iter().map(used).collect()
    }

    /// The error that was answered, and why.
    pub(crate) fn error(&self) -> Option<(&'static str, Option<String>)> {
        match &self.what.outcome {
            Outcome::Error(_, class, reason) => {
                let reason = Some(bounded(reason)).filter(|reason| !reason.is_empty());
                Some((class, reason))
            }
            _ => None,
        }
    }

    /// The record. `devices` are its own, or those of the attestation that it relies on.
    pub(super) fn decision(&self, devices: Arc<Devices>) -> Decision {
        let what = &self.what;
        let (class, reason) = self.error().unzip();
        let explanation = what.explanation.as_ref();
        let explanation = explanation.filter(|text| text.get().len() <= MAX_EXPLANATION);
        Decision {
            id: self.id,
            at: self.at,
            kind: what.kind,
            verdict: self.verdict(),
            class: class.map(str::to_owned),
            reason: reason.flatten(),
            request_id: self
                .context
                .as_ref()
                .map(|context| context.request_id().to_string()),
            tee: what.tee.map(|tee| tee.to_string()),
            resource: what.resource.clone(),
            policies: self.policies(),
            attestation: what.attestation,
            devices,
            failed_check: what.failed_check.clone(),
            explanation: explanation.cloned(),
            cheap: what.cheap,
        }
    }
}

/// What a token in the form of an EAR says of each device; nothing for a token in another form.
fn devices(claims_json: &str) -> Devices {
    #[derive(Deserialize)]
    struct Claims {
        submods: BTreeMap<String, Submod>,
    }
    #[derive(Deserialize)]
    struct Submod {
        #[serde(rename = "ear.status", default)]
        status: String,
        #[serde(rename = "ear.trustworthiness-vector", default)]
        vector: BTreeMap<String, i64>,
        #[serde(rename = "ear.appraisal-policy-id", default)]
        policy_id: Option<String>,
        #[serde(rename = "ear.trustee.policy-digest", default)]
        policy_digest: Option<String>,
        #[serde(rename = "ear.trustee.reference-values-age", default)]
        reference_values_age: Option<u64>,
    }
    let claims: Option<Claims> = serde_json::from_str(claims_json).ok();
    let submods = claims.map(|claims| claims.submods).unwrap_or_default();
    submods
        .into_iter()
        .map(|(name, submod)| {
            let device = Device {
                status: submod.status,
                vector: submod.vector,
                policy_id: submod.policy_id,
                policy_digest: submod.policy_digest,
                reference_values_age: submod.reference_values_age,
            };
            (name, device)
        })
        .collect()
}

/// Short, and on one line.
fn bounded(reason: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    reason.chars().take(MAX_REASON).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_appraisal_of_each_device_is_read_from_the_token() {
        let found = devices(
            r#"{"iat":1,"submods":{"cpu0":{"ear.status":"warning","ear.trustworthiness-vector":{"executables":33},
                "ear.appraisal-policy-id":"default","ear.trustee.reference-values-age":7,"ear.veraison.annotated-evidence":{"x":[1,{}]}},"gpu0":{}}}"#,
        );
        assert_eq!(found["cpu0"].status, "warning");
        assert_eq!(found["cpu0"].vector["executables"], 33);
        assert_eq!(found["cpu0"].policy_id.as_deref(), Some("default"));
        assert_eq!(found["cpu0"].reference_values_age, Some(7));
        assert_eq!(found["gpu0"], Device::default());
        assert_eq!(Verdict::of(&found), Verdict::Unknown);
    }

    #[test]
    fn a_token_in_another_form_has_no_devices_and_an_unknown_verdict() {
        for claims in ["", "{}", "[]", r#"{"submods":7}"#, r#"{"submods":{"cpu0":7}}"#] {
            assert!(devices(claims).is_empty(), "{claims}");
        }
        assert_eq!(Verdict::of(&Devices::new()), Verdict::Unknown);
    }

    #[test]
    fn a_guest_is_as_trustworthy_as_its_worst_device() {
        let guest = |statuses: &[&str]| {
            let device = |status: &&str| Device {
                status: (*status).to_owned(),
                ..Device::default()
            };
            let devices = statuses.iter().enumerate();
            Verdict::of(
                &devices
                    .map(|(n, status)| (format!("cpu{n}"), device(status)))
                    .collect(),
            )
        };
        assert_eq!(guest(&["affirming", "affirming"]), Verdict::Affirming);
        assert_eq!(guest(&["affirming", "none"]), Verdict::None);
        assert_eq!(guest(&["warning", "none"]), Verdict::Warning);
        assert_eq!(
            guest(&["contraindicated", "affirming", "warning"]),
            Verdict::Contraindicated
        );
        assert_eq!(guest(&["affirming", "made up"]), Verdict::Unknown);
    }

    #[test]
    fn a_reason_is_short_and_on_one_line() {
        let text = bounded(&"a\nb".repeat(1000));
        assert_eq!(text.chars().count(), MAX_REASON);
        assert!(!text.contains('\n'));
    }
}
