use std::collections::BTreeMap;

use policy::FailedCondition;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::appraise::Appraised;
use super::guests::Guest;
use crate::resource::Answer;

/// What a trial showed.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How many guests were looked at.
    pub tried: usize,
    /// How many of them are appraised differently, or get other secrets.
    pub changed: usize,
    /// How many secrets would be released that are not now, counted for each guest.
    pub gained: usize,
    /// How many secrets would not be released that are now.
    pub lost: usize,
    /// The attestation policies that none of these guests is judged by: of them nothing was found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub judges_nobody: Vec<String>,
    /// The resource policies with a scope that nothing lies in of what these guests asked for: of them nothing was found
    /// out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers_nothing: Vec<String>,
    /// The reference values that no policy asks for by which one of these guests is judged: of them nothing was found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked_by_nobody: Vec<Unasked>,
    /// The Attestation Service in use appraises nobody for a trial: guests of the records are taken as they were
    /// appraised, though today's policies and reference values may say otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub as_recorded: bool,
    /// Each guest: those that were given, then those of the records, the newest first.
    pub guests: Vec<GuestReport>,
}

/// A reference value that nobody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unasked {
    /// Its id.
    pub id: String,
    /// An id that is asked for and looks almost the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

/// What it would mean for one guest.
#[derive(Debug, Serialize)]
pub struct GuestReport {
    /// The id of the attestation in the records, or the name that was given.
    pub name: String,
    /// When it was attested, in seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The kind of attester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee: Option<String>,
    /// Whether anything would be different.
    pub changed: bool,
    /// By the name of the submodule.
    pub devices: BTreeMap<String, DeviceReport>,
    /// What it asked for, or was asked for in the trial.
    pub resources: Vec<ResourceReport>,
}

/// The appraisal of one device.
#[derive(Debug, Serialize)]
pub struct DeviceReport {
    /// With what is in force.
    pub was: Side,
    /// With what is tried.
    pub would_be: Side,
    /// Why it would be so, where it would not be affirming or all should be explained: an entry of an explanation
    /// (docs/explanations.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<RawValue>>,
}

/// One side of the comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// `ear.status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `ear.trustworthiness-vector`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vector: BTreeMap<String, i64>,
    /// Why there would be no token at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether a guest gets something.
#[derive(Debug, Serialize)]
pub struct ResourceReport {
    /// With the plugin in front: `resource/default/key/1`.
    pub resource: String,
    /// With what is in force.
    pub was: bool,
    /// With what is tried.
    pub would_be: bool,
    /// What would deny it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<FailedCondition>,
    /// Why the policy in force could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was_error: Option<String>,
    /// Why the policy could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    /// Counts.
    pub(super) fn of(guests: Vec<GuestReport>) -> Self {
        let resources = || guests.iter().flat_map(|guest| &guest.resources);
        Self {
            tried: guests.len(),
            changed: guests.iter().filter(|guest| guest.changed).count(),
            gained: resources().filter(|each| !each.was && each.would_be).count(),
            lost: resources().filter(|each| each.was && !each.would_be).count(),
            judges_nobody: Vec::new(),
            covers_nothing: Vec::new(),
            asked_by_nobody: Vec::new(),
            as_recorded: false,
            guests,
        }
    }
}

impl GuestReport {
    pub(super) fn new(
        guest: &Guest,
        now: Appraised,
        mut then: Appraised,
        resources: Vec<ResourceReport>,
        explain: bool,
    ) -> Self {
        let mut devices = BTreeMap::new();
        for (name, would_be) in then.devices {
            let report = DeviceReport {
                was: now.devices.get(&name).cloned().unwrap_or_default(),
                why: then
                    .explanations
                    .remove(&name)
                    .filter(|_| explain || would_be.status.as_deref() != Some("affirming")),
                would_be,
            };
            devices.insert(name, report);
        }
        let changed = devices.values().any(|device| device.was != device.would_be)
            || resources.iter().any(ResourceReport::has_changed);
        Self {
            name: guest.name.clone(),
            at: guest.at,
            tee: guest.tee.clone(),
            changed,
            devices,
            resources,
        }
    }
}

impl Side {
    pub(super) fn of(submod: &Value) -> Self {
        let vector = submod
            .get("ear.trustworthiness-vector")
            .and_then(Value::as_object);
        let vector = vector.into_iter().flatten();
        Self {
            status: submod
                .get("ear.status")
                .and_then(Value::as_str)
                .map(str::to_owned),
            vector: vector
                .filter_map(|(claim, value)| Some((claim.clone(), value.as_i64()?)))
                .collect(),
            error: None,
        }
    }

    pub(super) fn failed(reason: String) -> Self {
        Self {
            error: Some(reason),
            ..Self::default()
        }
    }
}

impl ResourceReport {
    /// Whether it is released otherwise, or a policy that can be asked becomes one that cannot, or the other way round.
    fn has_changed(&self) -> bool {
        self.was != self.would_be || self.was_error.is_some() != self.error.is_some()
    }

    pub(super) fn new(path: &[String], was: Answer, would_be: Answer) -> Self {
        let granted = matches!(would_be, Answer::Granted);
        let (why, error) = match would_be {
            Answer::Granted => (Vec::new(), None),
            Answer::Denied(why) => (why, None),
            Answer::Failed(reason) => (Vec::new(), Some(reason)),
        };
        Self {
            resource: path.join("/"),
            was: matches!(was, Answer::Granted),
            would_be: granted,
            why,
            was_error: match was {
                Answer::Failed(reason) => Some(reason),
                _ => None,
            },
            error,
        }
    }
}
