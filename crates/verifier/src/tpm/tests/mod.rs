//! Tests of the bare TPM's verifier: simulated TPMs, then a real quote, then hostile input, then the emulator
//! that Debian has.

mod chains;
mod emulator;
mod hostile;
mod quotes;
mod real;

use super::{TpmError, TpmOptions, TpmVerifier};
use crate::{
    Endorsements, EvidenceVerifier, ExpectedBinding, UnverifiedEvidence, VerifiedClaims, VerifyError,
};
use serde_json::Value;
use simulated_tee::tpm::{KeyKind, Quote, QuoteBuilder, Tpm};
use std::sync::LazyLock;

/// 2026-11-22, when every certificate of these tests is valid.
const NOW: i64 = 1_795_305_600;
/// A SHA-384 digest, as guests have it; the nonce is its first 32 bytes.
const REPORT_DATA: [u8; 48] = [0xa7; 48];
const INIT_DATA: [u8; 32] = [0x1d; 32];

static RSA: LazyLock<Tpm> = LazyLock::new(|| bound(KeyKind::Rsa));
static ECDSA: LazyLock<Tpm> = LazyLock::new(|| bound(KeyKind::EcdsaP256));

fn bound(kind: KeyKind) -> Tpm {
    Tpm::new(kind).unwrap().with_init_data(Some(&INIT_DATA)).unwrap()
}

fn tpms() -> [&'static Tpm; 2] {
    [&RSA, &ECDSA]
}

fn expected() -> ExpectedBinding {
    ExpectedBinding {
        report_data: Some(REPORT_DATA.to_vec()),
        init_data: Some(INIT_DATA.to_vec()),
    }
}

/// A quote with the nonce that [`expected`] says.
fn quote(tpm: &Tpm) -> QuoteBuilder<'_> {
    tpm.quote(&Tpm::bare_nonce(&REPORT_DATA))
}

/// Verifies with every choice open.
struct Attempt<'a> {
    options: TpmOptions,
    expected: ExpectedBinding,
    now: i64,
    evidence: &'a Value,
}

impl<'a> Attempt<'a> {
    fn new(evidence: &'a Value) -> Self {
        Self {
            options: TpmOptions::default(),
            expected: expected(),
            now: NOW,
            evidence,
        }
    }

    fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        let text = self.evidence.to_string();
        let verifier = TpmVerifier::new(&self.options).unwrap();
        let parsed = verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
        assert!(parsed.endorsements_for().is_empty());
        let mut claims = parsed.verify(&self.expected, &Endorsements::new(), self.now)?;
        assert_eq!(claims.len(), 1);
        Ok(claims.remove(0))
    }
}

/// Verifies a quote of this TPM, with everything else as it should be.
fn verify(tpm: &Tpm, quote: &Quote) -> Result<VerifiedClaims, VerifyError> {
    Attempt::new(&tpm.wire(quote, None)).run()
}

fn refused(error: TpmError) -> Result<VerifiedClaims, VerifyError> {
    Err(VerifyError::Tpm(error))
}
