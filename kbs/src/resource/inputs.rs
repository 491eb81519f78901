use std::sync::{Mutex, PoisonError};

use policy::{PolicyError, PolicyInput};

use crate::token::AttestationResult;

/// How many parsed inputs are kept.
const SLOTS: usize = 128;

/// Longer claims are not kept: parsed, they take many times as much.
pub(super) const LONGEST: usize = 32 << 10;

/// Claims that were parsed a moment ago.
///
/// A guest asks for several resources on one session, and to parse its claims
/// costs more than to decide on them. Sessions keep the text only, for there
/// are thousands; a few parsed ones are kept here. A result has one slot, by
/// its serial number, and the next one there drives it out.
pub(super) struct Inputs {
    slots: Box<[Mutex<Option<Parsed>>]>,
}

struct Parsed {
    serial: u64,
    input: PolicyInput,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Mutex::new(None)).collect(),
        }
    }
}

impl Inputs {
    /// The claims of `result`, ready for a policy.
    pub(super) fn of(&self, result: &AttestationResult) -> Result<PolicyInput, PolicyError> {
        let serial = result.serial();
        if let Some(input) = self.known(serial) {
            return Ok(input);
        }
        // Parsed without the lock: others of this slot need not wait for it.
        let input = PolicyInput::from_json(result.claims_json())?;
        if result.claims_json().len() <= LONGEST {
            self.put(serial, input.clone());
        }
        Ok(input)
    }

    fn known(&self, serial: u64) -> Option<PolicyInput> {
        let slot = self.slot(serial)?.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slot.as_ref().filter(|known| known.serial == serial)?;
        Some(known.input.clone())
    }

    fn put(&self, serial: u64, input: PolicyInput) {
        if let Some(slot) = self.slot(serial) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Parsed { serial, input });
        }
    }

    fn slot(&self, serial: u64) -> Option<&Mutex<Option<Parsed>>> {
        let index = usize::try_from(serial % SLOTS as u64).ok()?;
        self.slots.get(index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jose::tee_key::{TeeKeyKind, TeePrivateKey};
    use policy::{Limits, ReleasePolicy, ReleaseRequest};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_result_is_judged_by_its_own_claims_however_many_there_are() {
        let policy = ReleasePolicy::compile(
            "package policy\ndefault allow = false\nallow if input.number == to_number(data.query.number)",
        )
        .unwrap();
        let tee_key = TeePrivateKey::generate(TeeKeyKind::P256)
            .unwrap()
            .public_key()
            .unwrap();
        let inputs = Inputs::default();
        let results: Vec<AttestationResult> = (0..3 * SLOTS)
            .map(|number| AttestationResult::for_tests(&json!({ "number": number }), tee_key.clone(), 0))
            .collect();
        // Forwards, backwards, and each twice in a row: found, driven out, and found again.
        for number in (0..results.len())
            .chain((0..results.len()).rev())
            .flat_map(|number| [number, number])
        {
            let input = inputs.of(&results[number]).unwrap();
            for (asked, expected) in [(number, true), (number + SLOTS, false)] {
                let query = BTreeMap::from([("number".to_owned(), asked.to_string())]);
                let request = ReleaseRequest {
                    plugin: "resource",
                    path: &[],
                    query: &query,
                };
                assert_eq!(
                    policy.evaluate(&input, &request, &Limits::default()).unwrap(),
                    expected
                );
            }
        }
        let kept = inputs
            .slots
            .iter()
            .filter(|slot| slot.lock().unwrap().is_some())
            .count();
        assert!(kept > SLOTS / 2, "{kept} are kept");
    }

    #[test]
    fn long_claims_are_judged_and_not_kept() {
        let tee_key = TeePrivateKey::generate(TeeKeyKind::P256)
            .unwrap()
            .public_key()
            .unwrap();
        let inputs = Inputs::default();
        for (length, kept) in [(LONGEST / 2, 1), (LONGEST, 1)] {
            let claims = json!({ "text": "x".repeat(length) });
            let result = AttestationResult::for_tests(&claims, tee_key.clone(), 0);
            inputs.of(&result).unwrap();
            let slots = inputs.slots.iter();
            let full = slots.filter(|slot| slot.lock().unwrap().is_some());
            assert_eq!(full.count(), kept);
        }
    }
}
