use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use daemon::suggest::nearest;
use policy::{PolicyInput, Reads};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Trial;
use super::guests::Guest;
use super::report::{Side, Unasked};
use crate::admin::AdminGrant;
use crate::attestation::{AttestationError, PolicyTrial, Tried, TriedClaims, TriedResult};
use crate::body::policy_text;
use crate::error::KbsError;
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

/// What is said of all guests, in their order: now, and then.
pub(super) struct Sides {
    pub(super) of_guests: Vec<(Appraised, Appraised)>,
    /// Whether guests that would be appraised anew are taken as they were.
    pub(super) as_recorded: bool,
}

impl Trial {
    /// What is said of each guest now, and what would be said then.
    pub(super) async fn appraise(
        &self,
        kbs: &Kbs,
        grant: &AdminGrant,
        guests: &[Guest],
    ) -> Result<Sides, KbsError> {
        let appraisal_is_tried = !self.attestation_policies.is_empty() || !self.reference_values.is_empty();
        let anew = |guest: &&Guest| appraisal_is_tried || self.explain || guest.attests_again;
        let policies = self.decoded_policies()?;
        let sent: Vec<&Guest> = guests.iter().filter(anew).collect();
        let results = match self.ask(kbs, grant, &policies, &sent).await {
            Ok(results) => results,
            // What it once said still counts for resource policies.
            Err(AttestationError::NotOffered) if !appraisal_is_tried && !self.explain => {
                return Ok(Sides {
                    of_guests: guests.iter().map(as_recorded).collect::<Result<_, _>>()?,
                    as_recorded: !sent.is_empty(),
                });
            }
            Err(error) => return Err(error.into_kbs_error(KbsError::BadTrial)),
        };
        let mut results = results.into_iter();
        let side = |guest: &Guest| match anew(&guest) {
            true => sides_of(guest, &mut results),
            false => as_recorded(guest),
        };
        Ok(Sides {
            of_guests: guests.iter().map(side).collect::<Result<_, _>>()?,
            as_recorded: false,
        })
    }

    /// What the Attestation Service says of the devices of all guests, in their order.
    async fn ask(
        &self,
        kbs: &Kbs,
        grant: &AdminGrant,
        policies: &BTreeMap<String, String>,
        guests: &[&Guest],
    ) -> Result<Vec<Tried>, AttestationError> {
        let mut results = Vec::new();
        for some in batches(guests.iter().map(|guest| devices(guest)).collect()) {
            let trial = PolicyTrial {
                policies: policies.clone(),
                reference_values: self.reference_values.clone(),
                claims: some.into_iter().flatten().map(|(_, claims)| claims).collect(),
                explain_affirming: self.explain,
            };
            results.extend(kbs.attestation.management(grant)?.try_out(trial).await?);
        }
        Ok(results)
    }

    fn decoded_policies(&self) -> Result<BTreeMap<String, String>, KbsError> {
        let policies = self.attestation_policies.iter();
        policies
            .map(|(id, policy)| Ok((id.clone(), policy_text(policy)?)))
            .collect()
    }

    /// The reference values that are tried and that no policy asks for by which a guest is judged. None, where that
    /// cannot be said.
    pub(super) async fn asked_by_nobody(
        &self,
        kbs: &Kbs,
        grant: &AdminGrant,
        guests: &[Guest],
    ) -> Result<Vec<Unasked>, KbsError> {
        if self.reference_values.is_empty() {
            return Ok(Vec::new());
        }
        let mut texts = self.decoded_policies()?;
        for id in judging(guests) {
            let Entry::Vacant(missing) = texts.entry(id) else {
                continue;
            };
            match kbs.management(grant)?.policy(missing.key(), None).await {
                Ok(Some(policy)) => missing.insert(policy.rego),
                Ok(None) | Err(_) => return Ok(Vec::new()),
            };
        }
        let reads: Vec<Reads> = texts.values().map(|text| Reads::of(text)).collect();
        if reads.iter().any(|reads| !reads.computed_ids.is_empty()) {
            return Ok(Vec::new());
        }
        let asked: BTreeSet<&str> = reads
            .iter()
            .flat_map(|reads| &reads.reference_ids)
            .map(|mention| mention.name.as_str())
            .collect();
        let unasked = self
            .reference_values
            .keys()
            .filter(|id| !asked.contains(id.as_str()));
        let unasked = unasked.map(|id| Unasked {
            id: id.clone(),
            nearest: nearest(id, asked.iter().copied()).map(str::to_owned),
        });
        Ok(unasked.collect())
    }

    /// The attestation policies that are tried and that none of the guests is judged by.
    pub(super) fn judging_nobody(&self, guests: &[Guest]) -> Vec<String> {
        let judging = judging(guests);
        let tried = self.attestation_policies.keys();
        tried.filter(|id| !judging.contains(*id)).cloned().collect()
    }
}

/// The attestation policies by which guests are judged.
fn judging(guests: &[Guest]) -> BTreeSet<String> {
    let devices = guests.iter().flat_map(devices);
    devices.map(|(_, device)| device.policy_id).collect()
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
    tried: &mut impl Iterator<Item = Tried>,
) -> Result<(Appraised, Appraised), KbsError> {
    let (mut now, mut then) = (BTreeMap::new(), BTreeMap::new());
    for (name, _) in devices(guest) {
        let result = tried.next().ok_or_else(too_little)?;
        now.insert(name.clone(), result.now);
        then.insert(name, result.then);
    }
    Ok((Appraised::with(guest, now)?, Appraised::with(guest, then)?))
}

fn as_recorded(guest: &Guest) -> Result<(Appraised, Appraised), KbsError> {
    Ok((Appraised::as_recorded(guest)?, Appraised::as_recorded(guest)?))
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
