//! Comparison with the reference values. The platform must match one of them; how far the realm does is a claim,
//! for policies to judge.

use super::error::CcaError;
use super::platform::PlatformClaims;
use super::realm::RealmClaims;
use super::stores::ReferenceValues;

/// How far the realm matches, as the values of AR4SI's claim `executables` (draft-ietf-rats-ar4si, section 2.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RealmOutcome {
    /// Initial and extensible measurements are those of one reference value.
    ApprovedRuntime = 2,
    /// The initial measurement is, and that reference value leaves the others open.
    ApprovedBoot = 3,
    /// The initial measurement is, the extensible ones are not.
    ContraindicatedRuntime = 96,
    /// No reference value has the initial measurement.
    UnrecognizedBoot = -97,
}

/// The platform is in a known good state, or the evidence is refused.
pub(super) fn platform(values: &ReferenceValues, platform: &PlatformClaims) -> Result<(), CcaError> {
    let mut of_this_kind = values
        .platform
        .iter()
        .filter(|reference| reference.implementation_id.0 == platform.implementation_id)
        .peekable();
    if of_this_kind.peek().is_none() {
        return Err(CcaError::UnknownImplementation {
            implementation_id: crate::digits::hex(platform.implementation_id),
        });
    }
    of_this_kind
        .any(|reference| reference.matches(platform))
        .then_some(())
        .ok_or(CcaError::PlatformMismatch)
}

/// How far the realm matches a reference value.
pub(super) fn realm(values: &ReferenceValues, realm: &RealmClaims) -> RealmOutcome {
    let mut outcome = RealmOutcome::UnrecognizedBoot;
    let of_this_image = values
        .realm
        .iter()
        .filter(|reference| reference.initial_measurement.0 == realm.initial_measurement);
    for reference in of_this_image {
        match &reference.extensible_measurements {
            None => return RealmOutcome::ApprovedBoot,
            Some(wanted) => {
                let found = &realm.extensible_measurements;
                if wanted.iter().map(|value| &value.0).eq(found.iter()) {
                    return RealmOutcome::ApprovedRuntime;
                }
                outcome = RealmOutcome::ContraindicatedRuntime;
            }
        }
    }
    outcome
}
