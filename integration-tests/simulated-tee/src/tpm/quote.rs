//! Quotes with any field set.

use super::{PCR_COUNT, Tpm};
use crate::SimulationError;
use ring::digest::{SHA256, digest};

/// A signed quote and the registers that come beside it.
#[derive(Clone, Debug)]
pub struct Quote {
    /// TPMS_ATTEST.
    pub message: Vec<u8>,
    /// The bare signature: what Azure's guests send.
    pub signature: Vec<u8>,
    /// TPMT_SIGNATURE: what guests with a bare TPM send.
    pub tpmt_signature: Vec<u8>,
    /// The registers as the evidence lists them.
    pub pcrs: [[u8; 32]; PCR_COUNT],
}

/// What a quote says (TPM 2.0 Library, Part 2, section 10.12), before signing.
#[derive(Clone, Debug)]
pub struct QuoteFields {
    /// TPM_GENERATED_VALUE.
    pub magic: u32,
    /// TPM_ST_ATTEST_QUOTE.
    pub kind: u16,
    /// The qualified name of the key.
    pub qualified_signer: Vec<u8>,
    /// The nonce.
    pub extra_data: Vec<u8>,
    /// Milliseconds that the TPM has been powered.
    pub clock: u64,
    /// How often it was reset.
    pub reset_count: u32,
    /// How often it was resumed since.
    pub restart_count: u32,
    /// 1 if no greater value of the clock was ever given out, else 0.
    pub safe: u8,
    /// As its maker counts.
    pub firmware_version: u64,
    /// Bank and bits of each selection.
    pub selections: Vec<(u16, Vec<u8>)>,
    /// SHA-256 over the selected registers.
    pub pcr_digest: Vec<u8>,
    /// What follows the structure: nothing.
    pub trailing: Vec<u8>,
}

/// Makes a quote. What has no method here is set through [`with`](Self::with).
pub struct QuoteBuilder<'a> {
    tpm: &'a Tpm,
    fields: QuoteFields,
}

impl<'a> QuoteBuilder<'a> {
    pub(super) fn new(tpm: &'a Tpm, nonce: &[u8]) -> Self {
        let fields = QuoteFields {
            magic: 0xff54_4347,
            kind: 0x8018,
            qualified_signer: [&[0x00, 0x0b][..], &[0x77; 32]].concat(),
            extra_data: nonce.to_vec(),
            clock: 123_456,
            reset_count: 2,
            restart_count: 0,
            safe: 1,
            firmware_version: 0x2020_0312_0012_0003,
            selections: vec![(0x000b, vec![0xff; PCR_COUNT / 8])],
            pcr_digest: digest(&SHA256, tpm.pcrs.as_flattened()).as_ref().to_vec(),
            trailing: Vec::new(),
        };
        Self { tpm, fields }
    }

    /// Any change at all.
    pub fn with(mut self, change: impl FnOnce(&mut QuoteFields)) -> Self {
        change(&mut self.fields);
        self
    }

    /// Signs it.
    ///
    /// # Errors
    /// There is no randomness, or a field is longer than its length can say.
    pub fn sign(self) -> Result<Quote, SimulationError> {
        let message = self.fields.to_bytes()?;
        let (signature, tpmt_signature) = self.tpm.key.sign(&message)?;
        Ok(Quote {
            message,
            signature,
            tpmt_signature,
            pcrs: self.tpm.pcrs,
        })
    }
}

impl QuoteFields {
    fn to_bytes(&self) -> Result<Vec<u8>, SimulationError> {
        let mut bytes = Vec::new();
        bytes.extend(self.magic.to_be_bytes());
        bytes.extend(self.kind.to_be_bytes());
        bytes.extend(sized(&self.qualified_signer)?);
        bytes.extend(sized(&self.extra_data)?);
        bytes.extend(self.clock.to_be_bytes());
        bytes.extend(self.reset_count.to_be_bytes());
        bytes.extend(self.restart_count.to_be_bytes());
        bytes.push(self.safe);
        bytes.extend(self.firmware_version.to_be_bytes());
        let count = u32::try_from(self.selections.len()).map_err(too_long)?;
        bytes.extend(count.to_be_bytes());
        for (bank, bits) in &self.selections {
            bytes.extend(bank.to_be_bytes());
            bytes.push(u8::try_from(bits.len()).map_err(too_long)?);
            bytes.extend(bits);
        }
        bytes.extend(sized(&self.pcr_digest)?);
        bytes.extend(&self.trailing);
        Ok(bytes)
    }
}

/// A TPM2B.
fn sized(bytes: &[u8]) -> Result<Vec<u8>, SimulationError> {
    let length = u16::try_from(bytes.len()).map_err(too_long)?;
    Ok([&length.to_be_bytes(), bytes].concat())
}

fn too_long(error: std::num::TryFromIntError) -> SimulationError {
    SimulationError::Encoding(error.to_string())
}
