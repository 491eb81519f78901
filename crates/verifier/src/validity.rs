//! What an endorsement says of itself: whether it is what was asked for, and until when it is good.
//!
//! Nothing of it is verified. It is for those who fetch and keep endorsements: a wrong answer is told from a right
//! one before it is kept, and a new one is fetched before the old one ends.

use der::{DateTime, Decode};
use serde::Deserialize;
use x509_cert::crl::CertificateList;

use crate::EndorsementId;
use crate::dcap::{DcapTee, Fmspc};
use crate::x509::{Certificate, Malformed, seconds};

/// From when and until when an endorsement says to be good, in seconds since the Unix epoch. What it does not say is
/// `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`, `thisUpdate` or `issueDate`.
    pub from: Option<i64>,
    /// `notAfter` or `nextUpdate`. It is good up to this second.
    pub until: Option<i64>,
}

/// The bytes are not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// No certificate in DER or PEM.
    #[error("it is no certificate: {0}")]
    Certificate(String),
    /// No revocation list in DER.
    #[error("it is no revocation list: {0}")]
    RevocationList(String),
    /// Not the JSON document that it should be.
    #[error("it is not the JSON document that was asked for: {0}")]
    Document(String),
    /// A document about something else.
    #[error("it is about {found}, not about {wanted}")]
    OtherSubject {
        /// What it says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
}

impl EndorsementId {
    /// Reads what `bytes` say of themselves, as an answer to this id.
    ///
    /// # Errors
    /// They have not the form of such an answer, or are about something else.
    pub fn validity_of(&self, bytes: &[u8]) -> Result<Validity, FormError> {
        match self {
            EndorsementId::SnpVcek { .. } | EndorsementId::SnpAsvk { .. } => certificate(bytes),
            EndorsementId::SnpCrl { .. }
            | EndorsementId::SnpVlekCrl { .. }
            | EndorsementId::DcapPckCrl { .. }
            | EndorsementId::DcapRootCrl => revocation_list(bytes),
            EndorsementId::DcapTcbInfo { tee, fmspc } => tcb_info(bytes, *tee, *fmspc),
            EndorsementId::DcapQeIdentity { tee } => qe_identity(bytes, *tee),
            EndorsementId::NrasKeys => key_set(bytes),
            // Of the other kinds the verifier alone knows the form.
            _ => Ok(Validity::default()),
        }
    }
}

fn certificate(bytes: &[u8]) -> Result<Validity, FormError> {
    let found = Certificate::parse(bytes).map_err(|Malformed(reason)| FormError::Certificate(reason))?;
    let validity = found.validity();
    Ok(Validity {
        from: Some(validity.from),
        until: Some(validity.until),
    })
}

fn revocation_list(der: &[u8]) -> Result<Validity, FormError> {
    let list =
        CertificateList::from_der(der).map_err(|error| FormError::RevocationList(error.to_string()))?;
    Ok(Validity {
        from: Some(seconds(list.tbs_cert_list.this_update)),
        until: list.tbs_cert_list.next_update.map(seconds),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedTcbInfo {
    tcb_info: TcbInfo,
}

/// Intel, "PCS API version 4", TCB info; version 2, for SGX alone, has no `id`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TcbInfo {
    id: Option<String>,
    fmspc: String,
    issue_date: String,
    next_update: String,
}

fn tcb_info(bytes: &[u8], tee: DcapTee, fmspc: Fmspc) -> Result<Validity, FormError> {
    let SignedTcbInfo { tcb_info } = document(bytes)?;
    let name = match tee {
        DcapTee::Sgx => "SGX",
        DcapTee::Tdx => "TDX",
    };
    same(tcb_info.id.as_deref().unwrap_or("SGX"), name)?;
    same(&tcb_info.fmspc.to_ascii_uppercase(), &fmspc.to_string())?;
    dates(&tcb_info.issue_date, &tcb_info.next_update)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedIdentity {
    enclave_identity: Identity,
}

/// Intel, "PCS API version 4", enclave identity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    id: String,
    issue_date: String,
    next_update: String,
}

fn qe_identity(bytes: &[u8], tee: DcapTee) -> Result<Validity, FormError> {
    let SignedIdentity { enclave_identity } = document(bytes)?;
    let name = match tee {
        DcapTee::Sgx => "QE",
        DcapTee::Tdx => "TD_QE",
    };
    same(&enclave_identity.id, name)?;
    dates(&enclave_identity.issue_date, &enclave_identity.next_update)
}

/// RFC 7517, section 5.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde::de::IgnoredAny>,
}

fn key_set(bytes: &[u8]) -> Result<Validity, FormError> {
    let KeySet { keys } = document(bytes)?;
    match keys.is_empty() {
        true => Err(FormError::Document("it has no keys".to_owned())),
        false => Ok(Validity::default()),
    }
}

/// What is wrong is said by place; the content is not repeated.
fn document<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FormError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        FormError::Document(format!("line {line} column {column}"))
    })
}

fn same(found: &str, wanted: &str) -> Result<(), FormError> {
    if found == wanted {
        return Ok(());
    }
    Err(FormError::OtherSubject {
        found: found.chars().take(SHOWN).collect(),
        wanted: wanted.to_owned(),
    })
}

/// How many characters of a foreign text get into an error.
const SHOWN: usize = 32;

fn dates(from: &str, until: &str) -> Result<Validity, FormError> {
    Ok(Validity {
        from: Some(date(from)?),
        until: Some(date(until)?),
    })
}

/// `2025-06-19T10:16:03Z`, as Intel writes it.
fn date(text: &str) -> Result<i64, FormError> {
    let parsed: DateTime = text
        .parse()
        .map_err(|_| FormError::Document("a date is none".to_owned()))?;
    Ok(i64::try_from(parsed.unix_duration().as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
