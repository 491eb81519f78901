//! Bounded reading of CBOR (RFC 8949): depth, count and length are limited before anything is believed.

use super::error::{CcaError, CcaToken};
use ciborium::Value;
use ciborium::de::{Error, from_reader_with_recursion_limit};

/// Deeper than any token: a map of a list of maps of scalars.
const MAX_DEPTH: usize = 16;
/// More claims than any profile has.
const MAX_CLAIMS: usize = 64;
/// Longer than any text of a token.
const MAX_TEXT: usize = 1024;
/// Longer than any byte string among the claims.
const MAX_BYTES: usize = 4096;

/// One item, and nothing behind it.
pub(super) fn item(mut bytes: &[u8]) -> Result<Value, &'static str> {
    let value = from_reader_with_recursion_limit(&mut bytes, MAX_DEPTH).map_err(|error| match error {
        Error::RecursionLimitExceeded => "nested too deeply",
        _ => "not CBOR",
    })?;
    if bytes.is_empty() {
        Ok(value)
    } else {
        Err("bytes behind the end")
    }
}

/// The claims of one token, or a part of them: values under integer labels.
///
/// Other labels than those asked for are passed over, as EAT (RFC 9711, section 4) wants it.
pub(super) struct Claims {
    token: CcaToken,
    entries: Vec<(Value, Value)>,
}

impl Claims {
    /// Reads the payload of a token.
    pub(super) fn parse(token: CcaToken, payload: &[u8]) -> Result<Self, CcaError> {
        let value = item(payload).map_err(|reason| CcaError::Claims { token, reason })?;
        Self::of(token, value)
    }

    /// Takes a map apart.
    pub(super) fn of(token: CcaToken, value: Value) -> Result<Self, CcaError> {
        let malformed = |reason| CcaError::Claims { token, reason };
        let entries = value.into_map().map_err(|_| malformed("not a map"))?;
        if entries.len() > MAX_CLAIMS {
            return Err(malformed("too many"));
        }
        Ok(Self { token, entries })
    }

    /// Fails if there is an entry under another label than these.
    pub(super) fn only(&self, labels: &[i128]) -> Result<(), CcaError> {
        let known = |key: &Value| key.as_integer().is_some_and(|key| labels.contains(&key.into()));
        if self.entries.iter().all(|(key, _)| known(key)) {
            return Ok(());
        }
        Err(CcaError::Claims {
            token: self.token,
            reason: "an unknown label in a component",
        })
    }

    /// The value under a label, if it is there.
    pub(super) fn get(&self, label: i128, claim: &'static str) -> Result<Option<&Value>, CcaError> {
        let is_label = |key: &Value| key.as_integer().is_some_and(|key| i128::from(key) == label);
        let mut found = self.entries.iter().filter(|(key, _)| is_label(key));
        let first = found.next().map(|(_, value)| value);
        if found.next().is_some() {
            return Err(CcaError::DuplicateClaim {
                token: self.token,
                claim,
            });
        }
        Ok(first)
    }

    /// The value under a label that must be there.
    pub(super) fn require(&self, label: i128, claim: &'static str) -> Result<&Value, CcaError> {
        self.get(label, claim)?.ok_or(CcaError::MissingClaim {
            token: self.token,
            claim,
        })
    }

    /// The error for a claim that is not what it must be.
    pub(super) fn not(&self, claim: &'static str, expected: &'static str) -> CcaError {
        CcaError::Claim {
            token: self.token,
            claim,
            expected,
        }
    }

    /// A byte string of exactly this length.
    pub(super) fn array<const N: usize>(
        &self,
        label: i128,
        claim: &'static str,
        expected: &'static str,
    ) -> Result<[u8; N], CcaError> {
        let bytes = self.require(label, claim)?.as_bytes();
        bytes
            .and_then(|bytes| bytes.as_slice().try_into().ok())
            .ok_or(self.not(claim, expected))
    }

    /// A byte string that is not empty and not too long.
    pub(super) fn bytes(&self, label: i128, claim: &'static str) -> Result<Vec<u8>, CcaError> {
        match self.require(label, claim)? {
            Value::Bytes(bytes) if !bytes.is_empty() && bytes.len() <= MAX_BYTES => Ok(bytes.clone()),
            _ => Err(self.not(claim, "a byte string of 1 to 4096 bytes")),
        }
    }

    /// A hash value.
    pub(super) fn hash(&self, label: i128, claim: &'static str) -> Result<Vec<u8>, CcaError> {
        self.as_hash(self.require(label, claim)?, claim)
    }

    /// A value of the length of SHA-256, SHA-384 or SHA-512.
    pub(super) fn as_hash(&self, value: &Value, claim: &'static str) -> Result<Vec<u8>, CcaError> {
        match value {
            Value::Bytes(bytes) if matches!(bytes.len(), 32 | 48 | 64) => Ok(bytes.clone()),
            _ => Err(self.not(claim, "a byte string of 32, 48 or 64 bytes")),
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, label: i128, claim: &'static str) -> Result<String, CcaError> {
        self.as_text(self.require(label, claim)?, claim)
    }

    /// A text that may be there.
    pub(super) fn text_if_any(&self, label: i128, claim: &'static str) -> Result<Option<String>, CcaError> {
        let value = self.get(label, claim)?;
        value.map(|value| self.as_text(value, claim)).transpose()
    }

    fn as_text(&self, value: &Value, claim: &'static str) -> Result<String, CcaError> {
        match value {
            Value::Text(text) if text.len() <= MAX_TEXT => Ok(text.clone()),
            _ => Err(self.not(claim, "a text of up to 1024 bytes")),
        }
    }

    /// An integer.
    pub(super) fn integer(&self, label: i128, claim: &'static str) -> Result<i128, CcaError> {
        let value = self.require(label, claim)?.as_integer();
        value.map(i128::from).ok_or_else(|| self.not(claim, "an integer"))
    }
}
