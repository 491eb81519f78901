use policy::ReleasePolicy;
use serde::Deserialize;

use super::guests::Guest;
use super::{Trial, given_up};
use crate::error::KbsError;
use crate::resource::{MAIN, Scope, Tried, check_id};
use crate::state::Kbs;

/// The most policies with a scope that one trial may be about.
const MAX_SCOPED: usize = 64;

/// A resource policy with a scope.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopedPolicy {
    /// base64url without padding.
    policy: String,
    /// What it would be asked about; not needed for one that is in force, which keeps its scope.
    #[serde(default)]
    scope: Option<String>,
}

/// The resource policies of a trial.
pub(super) struct ResourcePolicies {
    pub(super) in_force: Tried,
    /// Those that would be.
    pub(super) tried: Tried,
    /// Id and scope of those that the trial is about.
    scoped: Vec<(String, Scope)>,
}

impl Trial {
    /// Those in force, and those that would be.
    pub(super) async fn resource_policies(&self, kbs: &Kbs) -> Result<ResourcePolicies, KbsError> {
        if self.scoped_resource_policies.len() > MAX_SCOPED {
            return Err(KbsError::BadTrial(format!(
                "more than {MAX_SCOPED} resource policies with a scope"
            )));
        }
        let in_force = kbs.policy.for_trial();
        let mut tried = in_force.clone();
        if let Some(policy) = &self.resource_policy {
            let (rego, compiled) = compiled(kbs, policy).await?;
            tried = tried.with(MAIN, None, &rego, compiled);
        }
        let mut scoped = Vec::new();
        for (id, policy) in &self.scoped_resource_policies {
            let scope = scope(id, policy.as_ref(), &in_force)?;
            tried = match policy {
                Some(policy) => {
                    let (rego, compiled) = compiled(kbs, &policy.policy).await?;
                    tried.with(id, Some(scope.clone()), &rego, compiled)
                }
                None => tried.without(id),
            };
            scoped.push((id.clone(), scope));
        }
        Ok(ResourcePolicies {
            in_force,
            tried,
            scoped,
        })
    }
}

impl ResourcePolicies {
    /// The policies with a scope that the trial is about, and that nothing is in the scope of.
    pub(super) fn covering_nothing(&self, guests: &[Guest]) -> Vec<String> {
        let covers = |scope: &Scope| {
            let mut asked = guests.iter().flat_map(|guest| &guest.resources);
            asked.any(|path| {
                path.split_first()
                    .is_some_and(|(plugin, path)| scope.covers(plugin, path))
            })
        };
        let idle = self.scoped.iter().filter(|(_, scope)| !covers(scope));
        idle.map(|(id, _)| id.clone()).collect()
    }
}

/// The scope that a policy would have, or that the one to be deleted has.
fn scope(id: &str, policy: Option<&ScopedPolicy>, in_force: &Tried) -> Result<Scope, KbsError> {
    let bad = |what: String| KbsError::BadTrial(format!("resource policy `{id}`: {what}"));
    if id == MAIN {
        return Err(bad(
            "it is asked about everything: give it as `resource_policy`".into()
        ));
    }
    check_id(id).map_err(|error| bad(error.to_string()))?;
    let known = in_force.scope_of(id).flatten().cloned();
    let given = policy.and_then(|policy| policy.scope.as_deref());
    let given = given.map(str::parse::<Scope>).transpose();
    let given = given.map_err(|error| bad(error.to_string()))?;
    match (known, given, policy) {
        (Some(known), Some(given), _) if known != given => Err(bad(format!(
            "it is in force for `{known}`, and a policy keeps its scope: take another id for `{given}`"
        ))),
        (Some(scope), ..) | (None, Some(scope), _) => Ok(scope),
        (None, None, Some(_)) => Err(bad(
            "there is none of this id in force, so say what it would be asked about: give a `scope`".into(),
        )),
        (None, None, None) => Err(bad("there is none of this id in force to be deleted".into())),
    }
}

/// Text and policy, compiled where it holds nobody up.
async fn compiled(kbs: &Kbs, policy: &str) -> Result<(String, ReleasePolicy), KbsError> {
    let rego = crate::body::policy_text(policy)?;
    let text = rego.clone();
    let compiled = kbs
        .policy
        .trials
        .run(move |_| ReleasePolicy::compile(&text))
        .await;
    let compiled = compiled.map_err(given_up)?;
    Ok((
        rego,
        compiled.map_err(|error| KbsError::BadResourcePolicy(error.into()))?,
    ))
}
