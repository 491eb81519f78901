//! What a policy or reference values that are not in force would change: for which guests, and for which of their
//! secrets. Nothing is stored, released or signed.
//!
//! [`Trial`] is what is tried and on whom, [`Report`] what came of it.

mod appraise;
mod guests;
mod report;
mod resource_policies;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use daemon::aside::AsideError;
use policy::{PolicyInput, ReleaseRequest};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::guests::GivenGuest;
pub use self::report::{DeviceReport, GuestReport, Report, ResourceReport, Side, Unasked};
pub use self::resource_policies::ScopedPolicy;
use crate::admin::AdminGrant;
use crate::error::KbsError;
use crate::resource::{Answer, Tried};
use crate::state::Kbs;

/// The most guests that one trial may be about.
pub const MAX_GUESTS: usize = 1000;

/// What is tried, and on whom.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Attestation policies (base64url without padding) by the ids of those that they would replace.
    #[serde(default)]
    pub attestation_policies: BTreeMap<String, String>,
    /// A resource policy (base64url without padding) that would replace the one that is asked about everything.
    #[serde(default)]
    pub resource_policy: Option<String>,
    /// Resource policies with a scope that would join those in force, or take the place of the one of their id; null for
    /// one that would be deleted.
    #[serde(default)]
    pub scoped_resource_policies: BTreeMap<String, Option<ScopedPolicy>>,
    /// Reference values that would count instead of the registered ones, by id; null where there would be none.
    #[serde(default)]
    pub reference_values: Map<String, Value>,
    /// So many of the guests that were attested last.
    #[serde(default)]
    pub last: Option<usize>,
    /// Other guests.
    #[serde(default)]
    pub guests: Vec<GivenGuest>,
    /// What to ask for each guest, beside what it asked for itself: `repository/type/tag`.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Explain every appraisal, not only those that would not be affirming. Then there need not be anything to try.
    #[serde(default)]
    pub explain: bool,
}

impl Trial {
    /// Runs it.
    ///
    /// # Errors
    /// The trial cannot be made: something in it cannot be read, or a service that it needs does not answer.
    pub async fn run(&self, kbs: &Kbs, grant: &AdminGrant) -> Result<Report, KbsError> {
        if self.attestation_policies.is_empty()
            && self.resource_policy.is_none()
            && self.scoped_resource_policies.is_empty()
            && self.reference_values.is_empty()
            && !self.explain
        {
            return Err(KbsError::BadTrial(
                "nothing is tried: give attestation_policies, a resource_policy, scoped_resource_policies, \
                 reference_values or explain"
                    .into(),
            ));
        }
        let policies = self.resource_policies(kbs).await?;
        let guests = self.guests(kbs, grant).await?;
        let sides = self.appraise(kbs, grant, &guests).await?;
        let unasked = self.asked_by_nobody(kbs, grant, &guests).await?;
        let nobody = self.judging_nobody(&guests);
        let idle = policies.covering_nothing(&guests);
        let (explain, as_recorded) = (self.explain, sides.as_recorded);
        let reports = kbs.policy.trials.run(move |deadline| {
            let mut reports = Vec::with_capacity(guests.len());
            for (guest, (now, then)) in guests.iter().zip(sides.of_guests) {
                let mut resources = Vec::with_capacity(guest.resources.len());
                for path in &guest.resources {
                    deadline.check()?;
                    let was = decide(&policies.in_force, path, now.claims.as_ref());
                    let would_be = decide(&policies.tried, path, then.claims.as_ref());
                    resources.push(ResourceReport::new(path, was, would_be));
                }
                reports.push(GuestReport::new(guest, now, then, resources, explain));
            }
            Ok(reports)
        });
        let reports = reports.await.flatten().map_err(given_up)?;
        Ok(Report {
            as_recorded,
            judges_nobody: nobody,
            covers_nothing: idle,
            asked_by_nobody: unasked,
            ..Report::of(reports)
        })
    }
}

/// The trial has no end, or there is no room for it.
fn given_up(error: AsideError) -> KbsError {
    match error {
        AsideError::Late(_) => KbsError::BadTrial(format!(
            "{error}: try fewer guests, or a policy that does less: it may compare huge values with each other"
        )),
        AsideError::Busy | AsideError::Broken => KbsError::Busy(error),
    }
}

/// What the resource policies say. A guest without claims has no token, and gets nothing.
fn decide(policies: &Tried, path: &[String], claims: Option<&PolicyInput>) -> Answer {
    let (Some(claims), Some((plugin, path))) = (claims, path.split_first()) else {
        return Answer::Denied(Vec::new());
    };
    let request = ReleaseRequest {
        plugin,
        path,
        query: &BTreeMap::new(),
    };
    policies.try_out(claims, &request)
}
