//! The proof that evidence was verified.

use crate::{Tee, TeeClass};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The name of the claim that is kept as JSON text.
const EVENT_LOG: &str = "uefi_event_logs";

/// The claim that says by what the key of a TPM is known, and what it is of one that is not.
pub(crate) const AK_VOUCHED_BY: &str = "ak_vouched_by";
pub(crate) const NOBODY: &str = "nobody";

/// Claims about one TEE, each of them checked. Only a verifier of this crate can make one.
#[derive(Clone, Debug)]
pub struct VerifiedClaims {
    tee: Tee,
    class: TeeClass,
    claims: Map<String, Value>,
    event_log: Option<Box<RawValue>>,
    report_data: Option<String>,
    init_data: Option<String>,
}

impl PartialEq for VerifiedClaims {
    fn eq(&self, other: &Self) -> bool {
        let log = |claims: &Self| claims.event_log.as_ref().map(|log| log.get().to_owned());
        (self.tee, self.class, &self.claims) == (other.tee, other.class, &other.claims)
            && log(self) == log(other)
            && (self.report_data(), self.init_data()) == (other.report_data(), other.init_data())
    }
}

impl VerifiedClaims {
    pub(crate) fn new(tee: Tee, class: TeeClass, claims: Map<String, Value>) -> Self {
        #[cfg(test)]
        crate::claim_paths::check(tee, &claims);
        Self {
            tee,
            class,
            claims,
            event_log: None,
            report_data: None,
            init_data: None,
        }
    }

    /// A log may be of megabytes, which nobody may ever look into: it stays the text it was written as.
    pub(crate) fn with_event_log(self, log: Option<Box<RawValue>>) -> Self {
        #[cfg(test)]
        crate::claim_paths::check(
            self.tee,
            &Self {
                event_log: log.clone(),
                ..self.clone()
            }
            .to_map(),
        );
        Self {
            event_log: log,
            ..self
        }
    }

    pub(crate) fn with_report_data(self, text: String) -> Self {
        Self {
            report_data: Some(text),
            ..self
        }
    }

    pub(crate) fn with_init_data(self, text: String) -> Self {
        Self {
            init_data: Some(text),
            ..self
        }
    }

    /// The TEE.
    pub fn tee(&self) -> Tee {
        self.tee
    }

    /// The class of submodule they make.
    pub fn class(&self) -> TeeClass {
        self.class
    }

    /// Whether anybody but the attester says that it is such a TEE. Nobody does of samples, nor of a TPM of whose key no
    /// authority that is configured knows.
    pub fn is_vouched_for(&self) -> bool {
        match self.tee {
            Tee::Sample | Tee::SampleDevice => false,
            Tee::Tpm => self.claims.get(AK_VOUCHED_BY).is_some_and(|by| by != NOBODY),
            Tee::AzSnpVtpm
            | Tee::AzTdxVtpm
            | Tee::Cca
            | Tee::Csv
            | Tee::HygonDcu
            | Tee::Nvidia
            | Tee::NvidiaDpu
            | Tee::Se
            | Tee::Sgx
            | Tee::Snp
            | Tee::Tdx => true,
        }
    }

    /// The claims by name, without `report_data` and `init_data`, which the token carries beside them, and without
    /// the [event log](Self::event_log).
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The report data as the TEE's claims spell it; present when the evidence carries it.
    pub fn report_data(&self) -> Option<&str> {
        self.report_data.as_deref()
    }

    /// The init-data digest as the TEE's claims spell it; present when the evidence carries it.
    pub fn init_data(&self) -> Option<&str> {
        self.init_data.as_deref()
    }

    /// One more claim by its name, as JSON text: what the event log says, if there is one and it was replayed.
    pub fn event_log(&self) -> Option<(&'static str, &RawValue)> {
        self.event_log.as_deref().map(|log| (EVENT_LOG, log))
    }

    /// All claims in one, for tests.
    #[cfg(test)]
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let mut all = self.claims.clone();
        if let Some((name, log)) = self.event_log() {
            let log = serde_json::from_str(log.get());
            all.extend(log.ok().map(|log| (name.to_owned(), log)));
        }
        all
    }
}
