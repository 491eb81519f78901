//! The platform: its keys, its identity, and what vouches for it.

use super::key::{Curve, SigningKey};
use super::token::{Form, TokenBuilder};
use crate::{SimulatedGuest, SimulationError};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// The key of [`Platform::new`]. It is in the repository: trusted by nobody but tests and demonstrations.
const CPAK: &str = include_str!("../../keys/test-only-cca-cpak.key.pem");

/// A simulated machine with one realm.
pub struct Platform {
    pub(super) cpak: SigningKey,
    pub(super) rak: SigningKey,
    pub(super) instance_id: [u8; 33],
}

impl Platform {
    /// The class of machines that all simulated ones are of.
    pub const IMPLEMENTATION_ID: [u8; 32] = *b"simulated CCA platform, class 1\0";
    /// Its configuration.
    pub const CONFIG: [u8; 4] = [0xcf; 4];
    /// The initial measurement of its realm.
    pub const INITIAL_MEASUREMENT: [u8; 32] = [0xa1; 32];
    /// Its extensible measurements.
    pub const EXTENSIBLE_MEASUREMENTS: [[u8; 32]; 4] = [[0xe0; 32], [0xe1; 32], [0; 32], [0; 32]];
    /// Its firmware: type, version, measurement, signer.
    pub const COMPONENTS: [(&str, &str, [u8; 32], [u8; 32]); 2] = [
        ("BL", "3.4.2", [0xb1; 32], [0x51; 32]),
        ("RMM", "1.0", [0xb2; 32], [0x51; 32]),
    ];

    /// The machine with the committed key, so that its trust anchor is the same everywhere and always. The realm's
    /// key is new.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, SimulationError> {
        let (_, der) =
            der::pem::decode_vec(CPAK.as_bytes()).map_err(|error| SimulationError::Key(error.to_string()))?;
        Self::with_cpak(SigningKey::from_pkcs8(Curve::P384, &der)?)
    }

    /// Another machine of the same class, with a new key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate(curve: Curve) -> Result<Self, SimulationError> {
        Self::with_cpak(SigningKey::generate(curve)?)
    }

    /// One that names itself as [`new`](Self::new) does, and has another key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn impostor() -> Result<Self, SimulationError> {
        let instance_id = Self::new()?.instance_id;
        let cpak = SigningKey::generate(Curve::P384)?;
        Ok(Self {
            instance_id,
            ..Self::with_cpak(cpak)?
        })
    }

    fn with_cpak(cpak: SigningKey) -> Result<Self, SimulationError> {
        let mut instance_id = [1; 33];
        let (_, rest) = instance_id.split_at_mut(1);
        rest.copy_from_slice(digest(&SHA256, cpak.point()).as_ref());
        Ok(Self {
            cpak,
            rak: SigningKey::generate(Curve::P384)?,
            instance_id,
        })
    }

    /// Its instance id.
    pub fn instance_id(&self) -> [u8; 33] {
        self.instance_id
    }

    /// The realm's key.
    pub fn rak(&self) -> &SigningKey {
        &self.rak
    }

    /// The trust anchor of this machine, as the file `ta-store` has it.
    pub fn trust_anchors(&self) -> Value {
        json!([{
            "pkey": self.cpak.jwk(),
            "implementation-id": hex::encode(Self::IMPLEMENTATION_ID),
            "instance-id": hex::encode(self.instance_id),
        }])
    }

    /// What is known to be good, as the file `rv-store` has it: this class of machines and its realm.
    pub fn reference_values() -> Value {
        let components = Self::COMPONENTS.map(|(kind, version, measurement, signer)| {
            json!({
                "component-type": kind,
                "version": version,
                "measurement-value": hex::encode(measurement),
                "signer-id": hex::encode(signer),
            })
        });
        json!({
            "platform": [{
                "implementation-id": hex::encode(Self::IMPLEMENTATION_ID),
                "platform-configuration": hex::encode(Self::CONFIG),
                "sw-components": components,
            }],
            "realm": [{
                "initial-measurement": hex::encode(Self::INITIAL_MEASUREMENT),
                "extensible-measurements": Self::EXTENSIBLE_MEASUREMENTS.map(hex::encode),
                "personalization-value": hex::encode([0; 64]),
                "rak-hash-algorithm": "sha-256",
            }],
        })
    }

    /// Begins a token of the realm.
    ///
    /// # Errors
    /// Never in practice.
    pub fn token(&self, form: Form) -> Result<TokenBuilder<'_>, SimulationError> {
        TokenBuilder::new(self, form)
    }
}

impl SimulatedGuest for Platform {
    fn tee(&self) -> &'static str {
        "cca"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let token = self.token(Form::Version1)?.challenge(report_data);
        token
            .personalization_value(init_data.unwrap_or_default())
            .evidence()
    }
}
