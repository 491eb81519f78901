use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{DecisionId, FailedCheck};

/// What is remembered of one attestation or release. It never holds a secret, a token or an admin's credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision {
    /// The name that the guest was told, if it was refused.
    pub id: DecisionId,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// What was decided on.
    pub kind: Kind,
    /// How it ended.
    pub verdict: Verdict,
    /// The last part of the `type` of the error that was answered, such as `PolicyDeny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What failed, in a sentence, where no policy decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of the HTTP request, as the logs of all services have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The kind of attester that began the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tee: Option<String>,
    /// What was asked for, with the plugin in front: `resource/default/key/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The resource policies that were asked about a release. Where it was denied, the last one said no.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyUsed>,
    /// The attestation that a release relied on, if it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<DecisionId>,
    /// The appraisal of each device, by the name of its submodule.
    #[serde(default, skip_serializing_if = "none_at_all")]
    pub devices: Arc<Devices>,
    /// The check that failed, where evidence was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_check: Option<Box<FailedCheck>>,
    /// Why the appraisal is what it is, as the Attestation Service explains it; of a denied release, the conditions of
    /// the resource policy that did not hold: `{"denied": [...]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Box<RawValue>>,
    /// Whether it came of evidence that needs no special machine. Such decisions take at most half of the room, as do
    /// those that end badly.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cheap: bool,
}

/// What was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Evidence.
    Attestation,
    /// A request of an attested guest.
    Release,
}

/// How a decision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Attested, and every device is affirming.
    Affirming,
    /// Attested; the policy claims nothing of some device.
    None,
    /// Attested; some device is in the tier of warnings.
    Warning,
    /// Attested; some device is contraindicated.
    Contraindicated,
    /// Attested, by a token in another form than EAR.
    Unknown,
    /// Attested, but by a token that this service does not trust: it releases nothing here.
    Untrusted,
    /// The evidence, the session or the token does not hold.
    Refused,
    /// The secret was handed out.
    Released,
    /// The resource policy said no.
    Denied,
    /// It could not be decided, or what was asked for could not be had.
    Failed,
}

/// The appraisals of a guest's devices, by name.
pub type Devices = BTreeMap<String, Device>;

/// The appraisal of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `ear.status`.
    #[serde(default)]
    pub status: String,
    /// `ear.trustworthiness-vector`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vector: BTreeMap<String, i64>,
    /// `ear.appraisal-policy-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// SHA-384 of the text of that policy, in hex, where the token says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<String>,
    /// How many seconds the Attestation Service had not reached its RVPS, where the token says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_values_age: Option<u64>,
}

/// A resource policy that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyUsed {
    /// Its id.
    pub id: String,
    /// SHA-384 of its text, in hex.
    pub digest: String,
    /// The number of that text in the history of the policy, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

impl Verdict {
    /// Of all devices together: affirming only if each of them is.
    pub fn of(devices: &Devices) -> Self {
        let rank = |device: &Device| match device.status.as_str() {
            "affirming" => (0, Self::Affirming),
            "none" => (1, Self::None),
            "warning" => (2, Self::Warning),
            "contraindicated" => (3, Self::Contraindicated),
            _ => (4, Self::Unknown),
        };
        let worst = devices.values().map(rank).max_by_key(|(rank, _)| *rank);
        worst.map_or(Self::Unknown, |(_, verdict)| verdict)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Affirming => "affirming",
            Self::None => "none",
            Self::Warning => "warning",
            Self::Contraindicated => "contraindicated",
            Self::Unknown => "unknown",
            Self::Untrusted => "untrusted",
            Self::Refused => "refused",
            Self::Released => "released",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    /// Whether somebody who has shown nothing can bring this about as often as he likes, whatever his evidence is.
    pub(super) fn is_cheap(self) -> bool {
        match self {
            Self::Refused | Self::Denied | Self::Failed | Self::Untrusted => true,
            Self::Released
            | Self::Affirming
            | Self::None
            | Self::Warning
            | Self::Contraindicated
            | Self::Unknown => false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn none_at_all(devices: &Devices) -> bool {
    devices.is_empty()
}
