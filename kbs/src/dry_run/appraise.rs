use std::collections::{BTreeMap, BTreeSet};

use policy::PolicyInput;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Trial;
use super::guests::Guest;
use super::report::Side;
use crate::admin::AdminGrant;
use crate::attestation::{PolicyTrial, Tried, TriedClaims, TriedResult};
use crate::error::KbsError;
use crate::handlers::decode_policy;
use crate::state::Kbs;

/// Guests sent at once, at most: their claims and the answer are one message each.
const AT_ONCE: usize = 32;
/// Claims sent at once, in bytes: messages of more than some megabytes are refused. Those of one guest go together.
const BYTES_AT_ONCE: usize = 1 << 20;

/// What a guest's token says, or would say.
pub(super) struct Appraised {
    /// By the name of the submodule.
    pub(super) devices: BTreeMap<String, Side>,
    pub(super) explanations: BTreeMap<String, Box<RawValue>>,
    /// `None` if there is no token, because some device cannot be appraised.
    pub(super) claims: Option<PolicyInput>,
}

impl Trial {
    /// What is said of each guest now, and what would be said then.
    pub(super) async fn appraise(
        &self,
        kbs: &Kbs,
        grant: &AdminGrant,
        guests: &[Guest],
    ) -> Result<Vec<(Appraised, Appraised)>, KbsError> {
        let nothing_new = self.attestation_policies.is_empty() && self.reference_values.is_empty();
        if nothing_new && !self.explain {
            let same = |guest: &Guest| Ok((Appraised::as_recorded(guest)?, Appraised::as_recorded(guest)?));
            return guests.iter().map(same).collect();
        }
        let policies = self.attestation_policies.iter();
        let policies: BTreeMap<String, String> = policies
            .map(|(id, policy)| Ok((id.clone(), decode_policy(policy)?)))
            .collect::<Result<_, KbsError>>()?;
        let mut sides = Vec::with_capacity(guests.len());
        let claims = guests.iter().map(devices).collect();
        for some in batches(claims) {
            let trial = PolicyTrial {
                policies: policies.clone(),
                reference_values: self.reference_values.clone(),
                claims: some.iter().flatten().map(|(_, claims)| claims.clone()).collect(),
                explain_affirming: self.explain,
            };
            let refused = |reason| KbsError::BadTrial(reason);
            let tried = kbs.management(grant)?.try_out(trial).await;
            let mut tried = tried.map_err(|error| error.into_kbs_error(refused))?.into_iter();
            for devices in some {
                // Guests come in their order.
                let guest = guests.get(sides.len());
                sides.push(sides_of(guest.ok_or_else(too_little)?, devices, &mut tried)?);
            }
        }
        Ok(sides)
    }
}

impl Trial {
    /// The attestation policies that are tried and that none of the guests is judged by.
    pub(super) fn judging_nobody(&self, guests: &[Guest]) -> Vec<String> {
        let judging: BTreeSet<String> = guests
            .iter()
            .flat_map(devices)
            .map(|(_, device)| device.policy_id)
            .collect();
        let tried = self.attestation_policies.keys();
        tried.filter(|id| !judging.contains(*id)).cloned().collect()
    }
}

/// What is sent together, of all guests in their order.
fn batches(guests: Vec<Devices>) -> Vec<Vec<Devices>> {
    let mut batches: Vec<Vec<Devices>> = Vec::new();
    let mut bytes = 0;
    for guest in guests {
        let size: usize = guest.iter().map(|(_, tried)| tried.claims.len()).sum();
        bytes += size;
        match batches.last_mut() {
            Some(batch) if batch.len() < AT_ONCE && bytes <= BYTES_AT_ONCE => batch.push(guest),
            _ => {
                bytes = size;
                batches.push(vec![guest]);
            }
        }
    }
    batches
}

/// Takes the results of a guest's devices, which come in their order.
fn sides_of(
    guest: &Guest,
    devices: Devices,
    tried: &mut impl Iterator<Item = Tried>,
) -> Result<(Appraised, Appraised), KbsError> {
    let (mut now, mut then) = (BTreeMap::new(), BTreeMap::new());
    for (name, _) in devices {
        let result = tried.next().ok_or_else(too_little)?;
        now.insert(name.clone(), result.now);
        then.insert(name, result.then);
    }
    Ok((Appraised::with(guest, now)?, Appraised::with(guest, then)?))
}

fn too_little() -> KbsError {
    KbsError::AttestationFailed("it answered too little".into())
}

/// By the name of the submodule, the policy and the claims that a device is appraised by.
type Devices = Vec<(String, TriedClaims)>;

fn devices(guest: &Guest) -> Devices {
    let submods = guest.claims.get("submods").and_then(Value::as_object);
    let device = |(name, submod): (&String, &Value)| {
        let claims = submod.get("ear.veraison.annotated-evidence")?.to_string();
        let id = submod.get("ear.appraisal-policy-id").and_then(Value::as_str);
        let class = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let policy_id = format!("{}_{class}", id.unwrap_or(crate::attestation::POLICY_ID));
        Some((name.clone(), TriedClaims { policy_id, claims }))
    };
    submods.into_iter().flatten().filter_map(device).collect()
}

impl Appraised {
    fn as_recorded(guest: &Guest) -> Result<Self, KbsError> {
        let submods = guest.claims.get("submods").and_then(Value::as_object);
        let devices = submods.into_iter().flatten();
        let devices = devices.map(|(name, submod)| (name.clone(), Side::of(submod)));
        Ok(Self {
            devices: devices.collect(),
            explanations: BTreeMap::new(),
            claims: Some(input(guest.claims.clone())?),
        })
    }

    fn with(guest: &Guest, results: BTreeMap<String, TriedResult>) -> Result<Self, KbsError> {
        let mut claims = guest.claims.clone();
        let mut whole = true;
        let (mut devices, mut explanations) = (BTreeMap::new(), BTreeMap::new());
        for (name, result) in results {
            match result {
                Ok(appraisal) => {
                    devices.insert(
                        name.clone(),
                        Side::of(&Value::Object(appraisal.submodule.clone())),
                    );
                    if let Some(explanation) = appraisal.explanation {
                        explanations.insert(name.clone(), explanation);
                    }
                    let submod = claims
                        .get_mut("submods")
                        .and_then(|submods| submods.get_mut(&name));
                    if let Some(submod) = submod {
                        replace(submod, appraisal.submodule);
                    }
                }
                Err(reason) => {
                    whole = false;
                    devices.insert(name, Side::failed(reason));
                }
            }
        }
        Ok(Self {
            devices,
            explanations,
            claims: if whole { Some(input(claims)?) } else { None },
        })
    }
}

/// Gives a submodule another appraisal; what it is about stays.
fn replace(submod: &mut Value, appraisal: Map<String, Value>) {
    let Some(members) = submod.as_object_mut() else {
        return;
    };
    members.retain(|name, _| {
        matches!(
            name.as_str(),
            "ear.veraison.annotated-evidence" | "ear.appraisal-policy-id" | policy::appraisal::POLICY_DIGEST
        )
    });
    members.extend(appraisal);
}

fn input(claims: Value) -> Result<PolicyInput, KbsError> {
    PolicyInput::from_value(claims).map_err(|error| KbsError::Internal(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(bytes: usize) -> Devices {
        let claims = TriedClaims {
            policy_id: "default_cpu".to_owned(),
            claims: "x".repeat(bytes),
        };
        vec![("cpu0".to_owned(), claims)]
    }

    #[test]
    fn no_message_holds_too_many_guests_or_too_many_bytes_and_the_order_stays() {
        let sizes = [
            10,
            BYTES_AT_ONCE,
            10,
            BYTES_AT_ONCE / 2,
            BYTES_AT_ONCE / 2,
            2 * BYTES_AT_ONCE,
            1,
            1,
        ];
        let sent = batches(sizes.into_iter().map(guest).collect());
        let sent: Vec<Vec<usize>> = sent
            .iter()
            .map(|batch| batch.iter().map(|devices| devices[0].1.claims.len()).collect())
            .collect();
        assert_eq!(sent.concat(), sizes);
        for batch in &sent {
            assert!(
                batch.len() == 1 || batch.iter().sum::<usize>() <= BYTES_AT_ONCE,
                "{batch:?}"
            );
        }
        assert_eq!(sent.len(), 6);
        let many = batches((0..2 * AT_ONCE + 1).map(|_| guest(1)).collect());
        assert_eq!(
            many.iter().map(Vec::len).collect::<Vec<_>>(),
            [AT_ONCE, AT_ONCE, 1]
        );
    }
}
