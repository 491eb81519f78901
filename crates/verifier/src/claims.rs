//! The proof that evidence was verified.

use crate::{Tee, TeeClass};
use serde_json::{Map, Value};

/// Claims about one TEE, each of them checked. Only a verifier of this crate can make one.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedClaims {
    tee: Tee,
    class: TeeClass,
    claims: Map<String, Value>,
    report_data: Option<String>,
    init_data: Option<String>,
}

impl VerifiedClaims {
    pub(crate) fn new(tee: Tee, class: TeeClass, claims: Map<String, Value>) -> Self {
        #[cfg(test)]
        crate::claim_paths::tests::check(tee, &claims);
        Self {
            tee,
            class,
            claims,
            report_data: None,
            init_data: None,
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

    /// The claims by name, without `report_data` and `init_data`, which the token carries beside them.
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

    /// Claims, report data and init data, for the maker of the token.
    pub fn into_parts(self) -> (Map<String, Value>, Option<String>, Option<String>) {
        (self.claims, self.report_data, self.init_data)
    }
}
