//! Tests of the whole CCA verifier: simulated platforms, then published tokens, then hostile input.

mod claims;
mod hostile;
mod keys;
mod real;
mod stores;
mod structure;

use super::{CcaError, CcaOptions, CcaStores, CcaToken, CcaVerifier};
use crate::{
    Endorsements, EvidenceVerifier, ExpectedBinding, UnverifiedEvidence, VerifiedClaims, VerifyError,
};
use ciborium::Value as Cbor;
use serde_json::{Value, json};
use simulated_tee::cca::{Form, Platform, Token};
use std::sync::LazyLock;

const REPORT_DATA: [u8; 48] = [0xa7; 48];
const INIT_DATA: [u8; 48] = [0x1d; 48];

static MACHINE: LazyLock<Platform> = LazyLock::new(|| Platform::new().unwrap());

/// Trusts the simulated machine.
static STORES: LazyLock<CcaStores> =
    LazyLock::new(|| stores(&MACHINE.trust_anchors(), &Platform::reference_values()));

fn stores(trust_anchors: &Value, reference_values: &Value) -> CcaStores {
    let stores = CcaStores::default();
    stores
        .load(
            trust_anchors.to_string().as_bytes(),
            reference_values.to_string().as_bytes(),
        )
        .unwrap();
    stores
}

fn expected() -> ExpectedBinding {
    ExpectedBinding {
        report_data: Some(REPORT_DATA.to_vec()),
        init_data: Some(INIT_DATA.to_vec()),
    }
}

/// A token of the simulated realm, bound as [`expected`] says, to be changed and signed.
fn builder(form: Form) -> simulated_tee::cca::TokenBuilder<'static> {
    let token = MACHINE.token(form).unwrap();
    token.challenge(&REPORT_DATA).personalization_value(&INIT_DATA)
}

fn good() -> Vec<u8> {
    builder(Form::Version1).sign().unwrap()
}

/// Verifies with every choice open.
struct Attempt<'a> {
    stores: CcaStores,
    expected: ExpectedBinding,
    token: &'a [u8],
}

impl<'a> Attempt<'a> {
    fn new(token: &'a [u8]) -> Self {
        Self {
            stores: STORES.clone(),
            expected: expected(),
            token,
        }
    }

    fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        let verifier = CcaVerifier::new(CcaOptions {
            stores: self.stores.clone(),
        });
        let text = json!({"token": self.token}).to_string();
        let parsed = verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
        assert!(parsed.endorsements_for().is_empty());
        Ok(parsed.verify(&self.expected, &Endorsements::new(), 0)?.remove(0))
    }
}

fn verify(token: &[u8]) -> Result<VerifiedClaims, VerifyError> {
    Attempt::new(token).run()
}

fn refused(error: CcaError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Cca(error))
}

fn decode(bytes: &[u8]) -> Cbor {
    ciborium::from_reader(bytes).unwrap()
}

fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// Changes one of the signed messages (protected header, unprotected header, payload, signature) after signing.
fn with_message(token: &[u8], which: Token, change: impl FnOnce(&mut Vec<Cbor>)) -> Vec<u8> {
    let mut outer = decode(token);
    let Cbor::Tag(_, collection) = &mut outer else {
        panic!()
    };
    let label = match which {
        Token::Platform => 44234,
        Token::Realm => 44241,
    };
    let entries = collection.as_map_mut().unwrap();
    let (_, entry) = entries.iter_mut().find(|(key, _)| *key == label.into()).unwrap();
    let bytes = match entry {
        Cbor::Array(record) => record[1].as_bytes_mut().unwrap(),
        entry => entry.as_bytes_mut().unwrap(),
    };
    let mut message = decode(bytes);
    let Cbor::Tag(18, parts) = &mut message else {
        panic!()
    };
    change(parts.as_array_mut().unwrap());
    *bytes = encode(&message);
    encode(&outer)
}

/// Changes one claim after signing.
fn with_claim(token: &[u8], which: Token, label: i64, change: impl FnOnce(&mut Cbor)) -> Vec<u8> {
    with_message(token, which, |parts| {
        let payload = parts[2].as_bytes_mut().unwrap();
        let mut claims = decode(payload);
        let entries = claims.as_map_mut().unwrap();
        let (_, claim) = entries.iter_mut().find(|(key, _)| *key == label.into()).unwrap();
        change(claim);
        *payload = encode(&claims);
    })
}

/// Flips the lowest bit of the last byte.
fn flip(value: &mut Cbor) {
    *value.as_bytes_mut().unwrap().last_mut().unwrap() ^= 1;
}
