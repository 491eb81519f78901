//! The wire form of CCA evidence, and the sequence of checks.

use super::envelope::{self, Envelope};
use super::error::CcaError;
use super::platform::PlatformClaims;
use super::realm::RealmClaims;
use super::stores::CcaStores;
use super::{appraisal, claims};
use crate::binding::{check_init_data, check_report_data};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use serde::Deserialize;

/// Evidence in form. Nothing of it is proved.
pub(super) struct CcaEvidence {
    stores: CcaStores,
    signed_platform: Envelope,
    signed_realm: Envelope,
    platform: PlatformClaims,
    realm: RealmClaims,
}

/// The JSON object a guest sends.
#[derive(Deserialize)]
struct Wire {
    token: Vec<u8>,
}

impl CcaEvidence {
    pub(super) fn parse(stores: CcaStores, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let wire: Wire = evidence.parse(Tee::Cca)?;
        let (signed_platform, signed_realm) = envelope::split(&wire.token)?;
        Ok(Self {
            stores,
            platform: PlatformClaims::parse(signed_platform.payload())?,
            realm: RealmClaims::parse(signed_realm.payload())?,
            signed_platform,
            signed_realm,
        })
    }

    /// The platform's key by the trust anchors, the realm's by the platform.
    fn check_signatures(&self, stores: &super::stores::Stores) -> Result<(), CcaError> {
        let Self { platform, realm, .. } = self;
        let Some(platform_key) = stores.key_of(platform) else {
            return Err(CcaError::UnknownPlatform {
                instance_id: crate::digits::hex(platform.instance_id),
                implementation_id: crate::digits::hex(platform.implementation_id),
            });
        };
        self.signed_platform
            .verify(platform_key, CcaError::PlatformSignature)?;
        self.signed_realm.verify(&realm.key, CcaError::RealmSignature)?;
        let vouched_for = realm.public_key_hash.digest(&realm.public_key);
        (vouched_for.as_ref() == platform.challenge)
            .then_some(())
            .ok_or(CcaError::RealmKeyBinding)
    }
}

impl ParsedEvidence for CcaEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        Vec::new()
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        _: &Endorsements,
        _: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let stores = self.stores.current()?;
        self.check_signatures(&stores)?;
        appraisal::platform(&stores.values, &self.platform)?;
        let outcome = appraisal::realm(&stores.values, &self.realm);
        // Freshness must be asked for: nothing else in a token tells a new one from an old one.
        let report_data = expected.report_data.as_deref().unwrap_or_default();
        check_report_data(Some(report_data), &self.realm.challenge)?;
        check_init_data(expected.init_data.as_deref(), &self.realm.personalization_value)?;
        let claims = claims::of(&self.platform, &self.realm, outcome);
        let verified = VerifiedClaims::new(Tee::Cca, TeeClass::Cpu, claims)
            .with_report_data(crate::digits::hex(self.realm.challenge))
            .with_init_data(crate::digits::hex(self.realm.personalization_value));
        Ok(vec![verified])
    }
}
