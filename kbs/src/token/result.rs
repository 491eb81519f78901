use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use jose::jwe::{Jwe, JweError, Recipient};
use jose::jwt::Claims;
use jose::secret::Secret;
use jose::tee_key::TeePublicKey;
use kbs_types::Tee;
use policy::text::FindError;
use serde_json::Value;

use super::error::TokenError;
use super::places::{Places, SUBMODULES, Shown, SignedBy};
use crate::decisions::DecisionId;

/// Where the verified init-data of the first CPU stands in an EAR.
const INIT_DATA_POINTER: &str = "/submods/cpu0/ear.veraison.annotated-evidence/init_data_claims";

/// A believed attestation result: what the rest of the service may know of a
/// guest.
///
/// Only [`TokenVerifier`](super::TokenVerifier) makes one. It holds no more
/// than a resource request needs, for thousands of them live in sessions.
pub struct AttestationResult {
    /// Unique in this process.
    serial: u64,
    /// Shared with the record of the attestation.
    claims_json: Arc<str>,
    tee_key: TeePublicKey,
    /// Made when the first secret goes to this guest.
    recipient: OnceLock<Box<Recipient>>,
    expires_at: i64,
    /// Whether anybody can have one like it.
    cheap: bool,
    /// How hard the evidence was to come by.
    shown: Shown,
    /// The record of the attestation, if it was made here.
    decision: Option<DecisionId>,
}

impl AttestationResult {
    /// From claims whose issuer is believed. The TEE key is looked for at
    /// all `places`: it must be at one where this issuer puts it, and the
    /// same wherever it is.
    pub(super) fn from_claims(
        claims: Claims,
        places: &Places,
        signed_by: SignedBy,
    ) -> Result<Self, TokenError> {
        let malformed = |_| jose::jwt::TokenError::Malformed("payload");
        let standing = places.look(claims.json_text()).map_err(malformed)?;
        let mut found: Option<(&str, TeePublicKey)> = None;
        for (pointer, text) in &standing.keys {
            let bad = |cause| TokenError::BadTeeKey {
                pointer: (*pointer).to_owned(),
                cause,
            };
            let value: Value = serde_json::from_str(text).map_err(|_| malformed(FindError))?;
            let key = TeePublicKey::try_from(&value).map_err(bad)?;
            match &found {
                Some((first, other)) if *other != key => {
                    return Err(TokenError::DifferentTeeKeys {
                        first: (*first).to_owned(),
                        second: (*pointer).to_owned(),
                    });
                }
                Some(_) => {}
                None => found = Some((pointer, key)),
            }
        }
        let (first, tee_key) = found.ok_or_else(|| without_key(&claims))?;
        if !places.are_right(&standing, signed_by, &claims) {
            return Err(TokenError::TeeKeyElsewhere(first.to_owned()));
        }
        Ok(Self {
            serial: next_serial(),
            expires_at: claims.expires_at(),
            claims_json: claims.into_json_text().into(),
            tee_key,
            recipient: OnceLock::new(),
            cheap: standing.shown == Shown::Nothing,
            shown: standing.shown,
            decision: None,
        })
    }

    /// A number that no other result of this process has.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// All claims, as the JSON text that was signed: the policy's input.
    pub fn claims_json(&self) -> &str {
        &self.claims_json
    }

    /// The same, for who keeps it.
    pub(crate) fn claims(&self) -> Arc<str> {
        Arc::clone(&self.claims_json)
    }

    /// Notes which attester it began with.
    pub(crate) fn began_as(&mut self, tee: Tee) {
        self.cheap |= match tee {
            Tee::Sample | Tee::SampleDevice => true,
            // A token that does not say who vouches for the key says that nobody does.
            Tee::Tpm => self.shown != Shown::KnownTpm,
            _ => false,
        };
    }

    /// Whether somebody without any special machine can have as many results like this as he likes.
    pub(crate) fn is_cheap(&self) -> bool {
        self.cheap
    }

    /// Notes the record of the attestation.
    pub(crate) fn recorded_as(&mut self, decision: Option<DecisionId>) {
        self.decision = decision;
    }

    /// The record of the attestation, if it was made here.
    pub(crate) fn decision(&self) -> Option<DecisionId> {
        self.decision
    }

    /// The key that replies to this guest are sealed to.
    pub fn tee_key(&self) -> &TeePublicKey {
        &self.tee_key
    }

    /// Seals a secret to this guest's key.
    pub(crate) fn seal(&self, secret: &Secret) -> Result<Jwe, JweError> {
        if let Some(recipient) = self.recipient.get() {
            return recipient.seal(secret);
        }
        let recipient = Box::new(Recipient::new(&self.tee_key)?);
        self.recipient.get_or_init(|| recipient).seal(secret)
    }

    /// The token's `exp`, in seconds since the Unix epoch.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// The init-data that the guest's first CPU vouches for, if there is any.
    pub fn init_data_claims(&self) -> Option<Value> {
        let mut claims: Value = serde_json::from_str(&self.claims_json).ok()?;
        claims.pointer_mut(INIT_DATA_POINTER).map(Value::take)
    }

    /// A result for tests of what demands one.
    #[cfg(test)]
    pub(crate) fn for_tests(claims: &Value, tee_key: TeePublicKey, expires_at: i64) -> Self {
        Self {
            serial: next_serial(),
            claims_json: claims.to_string().into(),
            tee_key,
            recipient: OnceLock::new(),
            cheap: false,
            shown: Shown::Other,
            decision: None,
            expires_at,
        }
    }
}

/// Why there is no key: an EAR has it beside its first CPU.
fn without_key(claims: &Claims) -> TokenError {
    let submods = claims.value().get(SUBMODULES).and_then(Value::as_object);
    match submods.is_some_and(|submods| !submods.contains_key("cpu0")) {
        true => TokenError::NoCpu,
        false => TokenError::NoTeeKey,
    }
}

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Claims are not for logs.
impl std::fmt::Debug for AttestationResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttestationResult")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
