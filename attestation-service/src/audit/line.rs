use std::collections::{BTreeMap, BTreeSet};

use daemon::audit::{AdminLine, GONE, Origin, Told, bounded};
use daemon::causes::causes;
use policy::ar4si::TrustTier;
use serde::Serialize;
use verifier::Tee;

use super::{Seen, joined};
use crate::error::Fault;
use crate::token;

/// A line of the audit log.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    /// Somebody changes a policy or a reference value.
    Admin(Box<AdminLine>),
    /// Evidence was appraised, or refused.
    Attestation(Box<Attestation>),
}

/// How an evaluation ended.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Attestation {
    #[serde(skip)]
    at: i64,
    event: &'static str,
    outcome: &'static str,
    tee: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    devices: BTreeMap<String, &'static str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    policies: BTreeSet<PolicyUsed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    origin: Origin,
}

/// A policy that appraised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct PolicyUsed {
    id: String,
    digest: String,
}

impl Attestation {
    pub(crate) fn of(tees: &[Tee], seen: Seen<'_>, at: i64) -> Self {
        let line = Self {
            at,
            event: "attestation",
            tee: joined(tees.iter().map(|tee| tee.as_str())),
            origin: Origin::current(),
            ..Self::default()
        };
        let (evaluation, submodules) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                let refused = matches!(error.fault(), Fault::Request | Fault::Attester);
                return Self {
                    outcome: if refused { "refused" } else { "failed" },
                    reason: Some(bounded(&causes(error))),
                    ..line
                };
            }
        };
        let names = token::names(submodules.iter().map(|submodule| submodule.class));
        let tiers = submodules
            .iter()
            .map(|submodule| submodule.appraisal.vector.status());
        let worst = tiers.clone().max_by_key(|tier| rank(*tier));
        let policies = submodules.iter().map(|submodule| PolicyUsed {
            id: evaluation.full_policy_id(submodule.class),
            digest: submodule.policy_digest().to_owned(),
        });
        Self {
            outcome: worst.unwrap_or(TrustTier::None).as_str(),
            devices: names.zip(tiers.map(TrustTier::as_str)).collect(),
            policies: policies.collect(),
            ..line
        }
    }
}

impl Told for Line {
    type Line = Self;

    fn at(&self) -> i64 {
        match self {
            Self::Admin(line) => line.at(),
            Self::Attestation(line) => line.at,
        }
    }

    fn is_cheap(&self) -> bool {
        match self {
            Self::Admin(line) => line.is_cheap(),
            Self::Attestation(line) => line.outcome == "refused",
        }
    }

    fn line(&self) -> Self {
        self.clone()
    }

    fn withdrawn(&self) -> Self {
        match self {
            Self::Admin(line) => line.withdrawn().into(),
            Self::Attestation(line) => Self::from(Attestation {
                outcome: "withdrawn",
                reason: Some(GONE.to_owned()),
                ..(**line).clone()
            }),
        }
    }
}

impl From<AdminLine> for Line {
    fn from(line: AdminLine) -> Self {
        Self::Admin(Box::new(line))
    }
}

impl From<Attestation> for Line {
    fn from(line: Attestation) -> Self {
        Self::Attestation(Box::new(line))
    }
}

/// Of all devices together: affirming only if each of them is.
fn rank(tier: TrustTier) -> u8 {
    match tier {
        TrustTier::Affirming => 0,
        TrustTier::None => 1,
        TrustTier::Warning => 2,
        TrustTier::Contraindicated => 3,
    }
}
