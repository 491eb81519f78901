//! What the operator vouches for: trust anchors and reference values, in the JSON of the `ccatoken` tools.
//!
//! Their tool `ccatoken golden` writes both files. Trust anchors:
//! `[{"pkey": JWK, "implementation-id": hex, "instance-id": hex}]`. Reference values: `{"platform":
//! [{"implementation-id", "platform-configuration", "sw-components": [{"measurement-value", "signer-id",
//! "version"?, "component-type"?, "hash-algo-id"?}]}], "realm": [{"initial-measurement",
//! "extensible-measurements"?: [4], …}]}`, byte strings in hex.

use super::CcaError;
use super::key::{Jwk, PublicKey};
use super::platform::{Component, PlatformClaims};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The trust anchors and reference values in force. Clones share them, so that they can be replaced while
/// verifications go on; each verification sees one state. Empty at first: then all evidence is refused.
#[derive(Clone, Debug, Default)]
pub struct CcaStores(Arc<RwLock<State>>);

#[derive(Debug)]
enum State {
    /// There are none, and why.
    Missing(CcaError),
    Loaded(Arc<Stores>),
}

impl Default for State {
    fn default() -> Self {
        Self::Missing(CcaError::NotConfigured)
    }
}

/// A store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CcaStoreError {
    /// The trust anchors have not the form of trust anchors.
    #[error("malformed trust anchors: {0}")]
    TrustAnchors(String),
    /// The reference values have not the form of reference values.
    #[error("malformed reference values: {0}")]
    ReferenceValues(String),
    /// A trust anchor's key is no EC key on P-256 or P-384.
    #[error("the key of instance {0} is no public key on P-256 or P-384")]
    Key(String),
    /// Two trust anchors for one platform.
    #[error("two trust anchors for instance {0}")]
    Duplicate(String),
}

impl CcaStores {
    /// Replaces both stores at once, from their JSON texts. On an error nothing changes.
    ///
    /// # Errors
    /// One of them has not the form that it must have.
    pub fn load(&self, trust_anchors: &[u8], reference_values: &[u8]) -> Result<(), CcaStoreError> {
        let stores = Stores::parse(trust_anchors, reference_values)?;
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *place = State::Loaded(Arc::new(stores));
        Ok(())
    }

    /// They cannot be had for this reason. It is what evidence is refused with, unless others were loaded before:
    /// those stay in force.
    pub fn cannot_be_had(&self, reason: &str) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let State::Missing(error) = &mut *place {
            *error = CcaError::NotUsable(reason.to_owned());
        }
    }

    /// Does anybody else hold a clone? Whoever only keeps them up to date need not go on if not.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// What is in force now.
    pub(super) fn current(&self) -> Result<Arc<Stores>, CcaError> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Missing(error) => Err(error.clone()),
            State::Loaded(stores) => Ok(Arc::clone(stores)),
        }
    }
}

/// One state of both stores.
#[derive(Debug)]
pub(super) struct Stores {
    anchors: HashMap<([u8; 32], [u8; 33]), PublicKey>,
    pub(super) values: ReferenceValues,
}

impl Stores {
    fn parse(trust_anchors: &[u8], reference_values: &[u8]) -> Result<Self, CcaStoreError> {
        let entries: Vec<TrustAnchor> = serde_json::from_slice(trust_anchors)
            .map_err(|error| CcaStoreError::TrustAnchors(error.to_string()))?;
        let mut anchors = HashMap::new();
        for entry in entries {
            let Hex(instance_id) = entry.instance_id;
            let name = || crate::digits::hex(instance_id);
            let key = PublicKey::from_jwk(&entry.key).ok_or_else(|| CcaStoreError::Key(name()))?;
            if anchors
                .insert((entry.implementation_id.0, instance_id), key)
                .is_some()
            {
                return Err(CcaStoreError::Duplicate(name()));
            }
        }
        let values = serde_json::from_slice(reference_values)
            .map_err(|error| CcaStoreError::ReferenceValues(error.to_string()))?;
        Ok(Self { anchors, values })
    }

    /// The key of one platform (CPAK).
    pub(super) fn key_of(&self, platform: &PlatformClaims) -> Option<&PublicKey> {
        self.anchors
            .get(&(platform.implementation_id, platform.instance_id))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TrustAnchor {
    #[serde(rename = "pkey")]
    key: Jwk,
    implementation_id: Hex<[u8; 32]>,
    instance_id: Hex<[u8; 33]>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReferenceValues {
    #[serde(default)]
    pub(super) platform: Vec<PlatformReference>,
    #[serde(default)]
    pub(super) realm: Vec<RealmReference>,
}

/// A platform in a good state.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PlatformReference {
    pub(super) implementation_id: Hex<[u8; 32]>,
    platform_configuration: Hex<Vec<u8>>,
    sw_components: Vec<ComponentReference>,
}

impl PlatformReference {
    /// Configuration and all components in their order; what the reference leaves out, may be anything.
    pub(super) fn matches(&self, platform: &PlatformClaims) -> bool {
        let components = self.sw_components.iter().zip(&platform.components);
        self.platform_configuration.0 == platform.config
            && self.sw_components.len() == platform.components.len()
            && components
                .into_iter()
                .all(|(reference, found)| reference.matches(found))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ComponentReference {
    measurement_value: Hex<Vec<u8>>,
    signer_id: Hex<Vec<u8>>,
    version: Option<String>,
    component_type: Option<String>,
    hash_algo_id: Option<String>,
}

impl ComponentReference {
    fn matches(&self, found: &Component) -> bool {
        let may_be = |wanted: &Option<String>, found: Option<&str>| match wanted {
            Some(wanted) => found == Some(wanted),
            None => true,
        };
        self.measurement_value.0 == found.measurement
            && self.signer_id.0 == found.signer
            && may_be(&self.version, found.version.as_deref())
            && may_be(&self.component_type, found.kind.as_deref())
            && may_be(&self.hash_algo_id, found.hash.map(|hash| hash.name()))
    }
}

/// A realm in a good state.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RealmReference {
    pub(super) initial_measurement: Hex<Vec<u8>>,
    pub(super) extensible_measurements: Option<[Hex<Vec<u8>>; 4]>,
}

/// Bytes that are hex in JSON, in upper or lower case.
#[derive(Debug)]
pub(super) struct Hex<T>(pub(super) T);

impl<'de, T: TryFrom<Vec<u8>>> Deserialize<'de> for Hex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = hex::decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        let length = bytes.len();
        T::try_from(bytes)
            .map(Hex)
            .map_err(|_| D::Error::custom(format!("{length} bytes are not the right length")))
    }
}
