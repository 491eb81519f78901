//! Tokens, right or deliberately wrong.

use super::key::SigningKey;
use super::platform::Platform;
use super::{Cbor, Header};
use crate::SimulationError;
use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// What a token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Before the RMM specification 1.0: no profile in the realm token, whose key is a bare point.
    Early,
    /// Of the RMM specification 1.0.
    Version1,
    /// Of draft-ffm-rats-cca-token-03: more claims, and a wrapped collection.
    Draft3,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Early, Form::Version1, Form::Draft3];
}

/// One of the two tokens in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Signed by the CPAK.
    Platform,
    /// Signed by the RAK.
    Realm,
}

/// A token in the making. Begin with [`Platform::token`].
pub struct TokenBuilder<'a> {
    form: Form,
    platform: Part<'a>,
    realm: Part<'a>,
}

struct Part<'a> {
    claims: Vec<(Cbor, Cbor)>,
    header: Header,
    key: &'a SigningKey,
}

impl<'a> TokenBuilder<'a> {
    pub(super) fn new(machine: &'a Platform, form: Form) -> Result<Self, SimulationError> {
        let public_key = match form {
            Form::Early => machine.rak.point().to_vec(),
            Form::Version1 | Form::Draft3 => machine.rak.cose()?,
        };
        Ok(Self {
            form,
            platform: Part::new(platform_claims(machine, form, &public_key), &machine.cpak),
            realm: Part::new(realm_claims(machine, form, public_key), &machine.rak),
        })
    }

    /// The challenge: padded with zeros, or cut.
    pub fn challenge(self, bytes: &[u8]) -> Self {
        self.set(Token::Realm, 10, Cbor::Bytes(register(bytes)))
    }

    /// The personalization value: padded with zeros, or cut.
    pub fn personalization_value(self, bytes: &[u8]) -> Self {
        self.set(Token::Realm, 44235, Cbor::Bytes(register(bytes)))
    }

    /// Sets a claim, in its place if it is there.
    pub fn set(mut self, token: Token, label: i64, value: Cbor) -> Self {
        let claims = &mut self.part(token).claims;
        match claims.iter_mut().find(|(name, _)| *name == label.into()) {
            Some((_, place)) => *place = value,
            None => claims.push((label.into(), value)),
        }
        self
    }

    /// Leaves a claim out.
    pub fn leave_out(mut self, token: Token, label: i64) -> Self {
        self.part(token).claims.retain(|(name, _)| *name != label.into());
        self
    }

    /// Adds an entry, even if there is one of this name.
    pub fn add(mut self, token: Token, name: Cbor, value: Cbor) -> Self {
        self.part(token).claims.push((name, value));
        self
    }

    /// Another protected header.
    pub fn header(mut self, token: Token, header: Header) -> Self {
        self.part(token).header = header;
        self
    }

    /// Another key to sign with, under the header as it is.
    pub fn key(mut self, token: Token, key: &'a SigningKey) -> Self {
        self.part(token).key = key;
        self
    }

    fn part(&mut self, token: Token) -> &mut Part<'a> {
        match token {
            Token::Platform => &mut self.platform,
            Token::Realm => &mut self.realm,
        }
    }

    /// Signs both and puts them together.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn sign(self) -> Result<Vec<u8>, SimulationError> {
        let (platform, realm) = (self.platform.sign()?, self.realm.sign()?);
        let (tag, entry): (u64, fn(Vec<u8>) -> Cbor) = match self.form {
            Form::Early | Form::Version1 => (399, Cbor::Bytes),
            Form::Draft3 => (907, |token| Cbor::Array(vec![263.into(), Cbor::Bytes(token)])),
        };
        let tokens = vec![(44234.into(), entry(platform)), (44241.into(), entry(realm))];
        encode(&Cbor::Tag(tag, Box::new(Cbor::Map(tokens))))
    }

    /// The token in the wire form of evidence.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn evidence(self) -> Result<Value, SimulationError> {
        Ok(json!({"token": self.sign()?}))
    }
}

impl<'a> Part<'a> {
    fn new(claims: Vec<(Cbor, Cbor)>, key: &'a SigningKey) -> Self {
        let header = HeaderBuilder::new().algorithm(key.curve().algorithm()).build();
        Self { claims, header, key }
    }

    fn sign(self) -> Result<Vec<u8>, SimulationError> {
        let message = CoseSign1Builder::new()
            .protected(self.header)
            .payload(encode(&Cbor::Map(self.claims))?)
            .try_create_signature(&[], |signed| self.key.sign(signed))?
            .build();
        message
            .to_tagged_vec()
            .map_err(|error| SimulationError::Encoding(error.to_string()))
    }
}

fn platform_claims(machine: &Platform, form: Form, public_key: &[u8]) -> Vec<(Cbor, Cbor)> {
    let profile = match form {
        Form::Early => "http://arm.com/CCA-SSD/1.0.0",
        Form::Version1 => "tag:arm.com,2023:cca_platform#1.0.0",
        Form::Draft3 => "tag:arm.com,2024:cca_platform#2.0.0",
    };
    let components = Platform::COMPONENTS.map(|(kind, version, measurement, signer)| {
        Cbor::Map(vec![
            (1.into(), kind.into()),
            (2.into(), Cbor::Bytes(measurement.to_vec())),
            (4.into(), version.into()),
            (5.into(), Cbor::Bytes(signer.to_vec())),
            (6.into(), "sha-256".into()),
        ])
    });
    let vouched_for = digest(&SHA256, public_key).as_ref().to_vec();
    let mut claims = vec![
        (265.into(), profile.into()),
        (10.into(), Cbor::Bytes(vouched_for)),
        (2396.into(), Cbor::Bytes(Platform::IMPLEMENTATION_ID.to_vec())),
        (256.into(), Cbor::Bytes(machine.instance_id.to_vec())),
        (2401.into(), Cbor::Bytes(Platform::CONFIG.to_vec())),
        (2395.into(), 0x3003.into()),
        (2399.into(), Cbor::Array(components.to_vec())),
        (2400.into(), "https://verifier.example".into()),
        (2402.into(), "sha-256".into()),
    ];
    if form == Form::Draft3 {
        claims.push((2394.into(), 1.into()));
    }
    claims
}

fn realm_claims(machine: &Platform, form: Form, public_key: Vec<u8>) -> Vec<(Cbor, Cbor)> {
    let extensible = Platform::EXTENSIBLE_MEASUREMENTS.map(|value| Cbor::Bytes(value.to_vec()));
    let mut claims = vec![
        (10.into(), Cbor::Bytes(vec![0; 64])),
        (44235.into(), Cbor::Bytes(vec![0; 64])),
        (44236.into(), "sha-256".into()),
        (44237.into(), Cbor::Bytes(public_key)),
        (44238.into(), Cbor::Bytes(Platform::INITIAL_MEASUREMENT.to_vec())),
        (44239.into(), Cbor::Array(extensible.to_vec())),
        (44240.into(), "sha-256".into()),
    ];
    match form {
        Form::Early => {}
        Form::Version1 => claims.push((265.into(), "tag:arm.com,2023:realm#1.0.0".into())),
        Form::Draft3 => claims.extend([
            (265.into(), "tag:arm.com,2024:realm#2.0.0".into()),
            (256.into(), Cbor::Bytes(machine.instance_id.to_vec())),
            (44243.into(), "private".into()),
        ]),
    }
    claims
}

/// 64 bytes.
fn register(bytes: &[u8]) -> Vec<u8> {
    let mut register = bytes.to_vec();
    register.resize(64, 0);
    register
}

fn encode(value: &Cbor) -> Result<Vec<u8>, SimulationError> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(|error| SimulationError::Encoding(error.to_string()))?;
    Ok(bytes)
}
