//! A record as text: in the storage, and in a bundle.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use verifier::{EndorsementId, FormError};

use super::names;
use super::record::Record;
use super::source::Fetched;

/// One record, in JSON. What it holds is checked for its form when it is unpacked, and is as unverified as what comes
/// from a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packed {
    /// The name of the endorsement.
    pub(crate) id: String,
    /// The source that gave it.
    pub(crate) source: String,
    /// When, in seconds since the Unix epoch.
    pub(crate) fetched_at: i64,
    /// Base64, with padding.
    pub(crate) bytes: String,
    /// PEM, leaf first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) issuer_chain: Option<String>,
}

/// It cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PackedError {
    /// Not JSON of this form.
    #[error("it has not the form of an entry")]
    Entry,
    /// A name that names nothing.
    #[error("it is called `{0}`, which is the name of no endorsement")]
    Name(String),
    /// An entry under another's name.
    #[error("it is an entry for `{0}`")]
    OtherName(String),
    /// Not base64.
    #[error("its content is not base64")]
    Encoding,
    /// Longer than any endorsement.
    #[error("it is longer than {MAX_RECORD} bytes")]
    TooLong,
    /// Not what its name says.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// No endorsement with its chain is longer, in bytes.
pub(crate) const MAX_RECORD: usize = 4 * 1024 * 1024;

impl Packed {
    /// The text form of a record; `None` for what is never kept.
    pub(crate) fn pack(id: &EndorsementId, record: &Record) -> Option<Self> {
        let endorsement = &record.endorsement;
        Some(Self {
            id: names::name(id)?,
            source: record.source.to_string(),
            fetched_at: record.fetched_at,
            bytes: STANDARD.encode(&endorsement.bytes),
            issuer_chain: endorsement.issuer_chain.as_deref().map(str::to_owned),
        })
    }

    /// The record.
    pub(crate) fn unpack(self) -> Result<(EndorsementId, Record), PackedError> {
        let chain = self.issuer_chain.as_ref().map_or(0, String::len);
        if self.bytes.len() / 4 * 3 + chain > MAX_RECORD {
            return Err(PackedError::TooLong);
        }
        let id =
            names::parse(&self.id).ok_or_else(|| PackedError::Name(self.id.chars().take(64).collect()))?;
        let bytes = STANDARD.decode(self.bytes).map_err(|_| PackedError::Encoding)?;
        let fetched = Fetched {
            bytes,
            issuer_chain: self.issuer_chain,
            fetched_at: Some(self.fetched_at),
        };
        let source: Arc<str> = self.source.chars().take(256).collect::<String>().into();
        let record = Record::new(&id, fetched, &source, self.fetched_at)?;
        Ok((id, record))
    }

    /// As a value of the storage.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From a value of the storage under `name`.
    pub(crate) fn from_json(name: &str, json: &[u8]) -> Result<(EndorsementId, Record), PackedError> {
        let packed: Self = serde_json::from_slice(json).map_err(|_| PackedError::Entry)?;
        if packed.id != name {
            return Err(PackedError::OtherName(packed.id.chars().take(64).collect()));
        }
        packed.unpack()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endorsements::record::tests::{ISSUED, TCB_INFO, record};

    fn packed() -> Packed {
        let mut record = record(1, ISSUED);
        record.endorsement.issuer_chain = Some("-----BEGIN CERTIFICATE-----".into());
        Packed::pack(&TCB_INFO, &record).unwrap()
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let packed = packed();
        let (id, record) = Packed::from_json("dcap-tcb-info.tdx.00806F050000", &packed.to_json()).unwrap();
        assert_eq!(id, TCB_INFO);
        assert_eq!(Packed::pack(&id, &record).unwrap(), packed);
        assert_eq!(record.fetched_at, ISSUED);
    }

    #[test]
    fn every_damage_is_an_error_of_its_own() {
        let change = |change: fn(&mut Packed)| {
            let mut packed = packed();
            change(&mut packed);
            packed.unpack().unwrap_err()
        };
        assert_eq!(
            change(|packed| packed.bytes = "?".to_owned()),
            PackedError::Encoding
        );
        assert_eq!(
            change(|packed| packed.id = "x".to_owned()),
            PackedError::Name("x".to_owned())
        );
        assert_eq!(
            change(|packed| packed.bytes = "A".repeat(2 * MAX_RECORD)),
            PackedError::TooLong
        );
        let other = change(|packed| packed.id = "dcap-tcb-info.sgx.00806F050000".to_owned());
        assert!(
            matches!(other, PackedError::Form(FormError::OtherSubject { .. })),
            "{other}"
        );

        let json = packed().to_json();
        let other = Packed::from_json("dcap-root-crl", &json).unwrap_err();
        assert!(matches!(other, PackedError::OtherName(_)), "{other}");
        for cut in 0..json.len() {
            let part = json.get(..cut).unwrap_or_default();
            assert!(Packed::from_json("dcap-tcb-info.tdx.00806F050000", part).is_err());
        }
    }
}
