use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use daemon::audit::{GONE, Names, Origin, Told, bounded};
use serde::Serialize;

use crate::call::Call;
use crate::decisions::{DecisionId, Kind, Noted, PolicyUsed};

/// What a line says, beside its place in the chain.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Event {
    /// Seconds since the Unix epoch; in the line as its `time`.
    #[serde(skip)]
    at: i64,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(flatten)]
    changed: Changed,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tee: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    devices: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policies: Vec<PolicyUsed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation: Option<DecisionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionId>,
    #[serde(flatten)]
    origin: Origin,
}

/// What an administrator has changed, beyond what the path of the request says.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Changed {
    /// The policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_id: Option<String>,
    /// Its version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// SHA-384 of its text now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// The reference values.
    #[serde(flatten)]
    pub(crate) names: Names,
    /// SHA-256 of the message with reference values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_sha256: Option<String>,
}

/// What is to be written down. The line is made by the thread that writes it.
#[derive(Clone)]
pub(crate) enum What {
    /// As it is.
    Event(Box<Event>),
    /// An attestation or a release.
    Decided(Arc<Noted>),
}

impl Event {
    fn new(event: &'static str, at: i64) -> Self {
        Self {
            at,
            event,
            ..Self::default()
        }
    }

    /// For this reason.
    fn because(mut self, reason: &str) -> Self {
        self.reason = Some(bounded(reason));
        self
    }

    /// An administrator may do what he asks, before he does it.
    pub(crate) fn allowed(call: &Call, role: &str, at: i64) -> Self {
        Self {
            outcome: Some("allowed".to_owned()),
            role: Some(role.to_owned()),
            ..Self::admin("admin", call, at)
        }
    }

    /// Somebody may not do what he asks.
    pub(crate) fn refused(call: &Call, reason: &str, at: i64) -> Self {
        Self {
            outcome: Some("refused".to_owned()),
            ..Self::admin("admin", call, at)
        }
        .because(reason)
    }

    /// How it ended what an administrator was allowed to do.
    pub(crate) fn done(call: &Call, role: &str, status: StatusCode, at: i64) -> Self {
        let outcome = if status.is_success() { "done" } else { "failed" };
        Self {
            outcome: Some(outcome.to_owned()),
            role: Some(role.to_owned()),
            status: Some(status.as_u16()),
            changed: call.changed.get().cloned().unwrap_or_default(),
            ..Self::admin("admin-result", call, at)
        }
    }

    fn admin(event: &'static str, call: &Call, at: i64) -> Self {
        Self {
            method: Some(call.method.to_string()),
            path: Some(bounded(call.path.as_str())),
            origin: Origin::current(),
            ..Self::new(event, at)
        }
    }

    fn decided(noted: &Noted) -> Self {
        let event = match noted.what.kind {
            Kind::Attestation => "attestation",
            Kind::Release => "release",
        };
        let (class, reason) = noted.error().unzip();
        // What a release rests on is in the line of its attestation.
        let own = noted.what.attestation.is_none();
        let devices = noted.devices_if(own);
        let status =
            |(name, device): (&String, &crate::decisions::Device)| (name.clone(), device.status.clone());
        Self {
            outcome: Some(noted.verdict().as_str().to_owned()),
            class,
            reason: reason.flatten(),
            tee: noted.what.tee.map(|tee| tee.to_string()),
            devices: devices
                .iter()
                .flat_map(|devices| devices.iter())
                .map(status)
                .collect(),
            resource: noted.what.resource.as_deref().map(bounded),
            policies: noted.policies(),
            attestation: noted.what.attestation,
            decision: Some(noted.id),
            origin: Origin::of(noted.context.as_ref()),
            ..Self::new(event, noted.at)
        }
    }
}

impl Told for What {
    type Line = Event;

    fn at(&self) -> i64 {
        match self {
            Self::Event(event) => event.at,
            Self::Decided(noted) => noted.at,
        }
    }

    fn is_cheap(&self) -> bool {
        match self {
            Self::Event(event) => event.event == "admin" && event.outcome.as_deref() == Some("refused"),
            Self::Decided(noted) => noted.is_cheap(),
        }
    }

    fn line(&self) -> Event {
        match self {
            Self::Event(event) => (**event).clone(),
            Self::Decided(noted) => Event::decided(noted),
        }
    }

    fn withdrawn(&self) -> Event {
        Event {
            outcome: Some("withdrawn".to_owned()),
            ..self.line()
        }
        .because(GONE)
    }
}

impl From<Event> for What {
    fn from(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}
