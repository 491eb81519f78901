//! The step from a quote that somebody sent to one that a key signed.

use super::attest::Attest;
use super::{AttestationKey, Pcrs, Signature, TpmError};
use serde_json::{Value, json};

/// A quote as it came: message, signature, and the PCRs that it is said to be over.
#[derive(Clone, Debug)]
pub(crate) struct UnverifiedQuote {
    message: Vec<u8>,
    signature: Signature,
    pcrs: Pcrs,
}

/// A quote that an attestation key signed, with the PCRs that are in it. Made by [`UnverifiedQuote::verify`]
/// alone.
#[derive(Debug)]
pub(crate) struct VerifiedQuote<'a> {
    attest: Attest,
    pcrs: &'a Pcrs,
}

impl UnverifiedQuote {
    pub(crate) fn new(message: Vec<u8>, signature: Signature, pcrs: Pcrs) -> Self {
        Self {
            message,
            signature,
            pcrs,
        }
    }

    /// Verifies the signature, then that what is signed is a quote over all PCRs of the SHA-256 bank, then that
    /// they are the PCRs at hand. Says nothing about the nonce, nor about who holds the key.
    ///
    /// # Errors
    /// [`TpmError`] naming the first check that failed.
    pub(crate) fn verify(&self, key: &AttestationKey) -> Result<VerifiedQuote<'_>, TpmError> {
        key.verify(&self.message, &self.signature)?;
        let attest = Attest::parse(&self.message)?;
        if attest.pcr_digest != self.pcrs.digest() {
            return Err(TpmError::PcrDigest);
        }
        Ok(VerifiedQuote {
            attest,
            pcrs: &self.pcrs,
        })
    }
}

impl VerifiedQuote<'_> {
    /// The nonce.
    pub(crate) fn extra_data(&self) -> &[u8] {
        &self.attest.extra_data
    }

    /// The quoted registers.
    pub(crate) fn pcrs(&self) -> &Pcrs {
        self.pcrs
    }

    /// The claim `tpm_quote`: what the quote says of the TPM itself.
    pub(crate) fn claims(&self) -> Value {
        let Attest {
            qualified_signer,
            clock,
            reset_count,
            restart_count,
            safe,
            firmware_version,
            ..
        } = &self.attest;
        json!({
            "clock": clock,
            "firmware_version": firmware_version,
            "qualified_signer": crate::digits::hex(qualified_signer),
            "reset_count": reset_count,
            "restart_count": restart_count,
            "safe": safe,
        })
    }
}
