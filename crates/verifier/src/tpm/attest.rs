//! What a TPM signs when it quotes (TPMS_ATTEST; TPM 2.0 Library, Part 2, section 10.12).

use super::TpmError;
use super::pcrs::PCR_COUNT;
use super::reader::Reader;

/// TPM_GENERATED_VALUE: a restricted key signs no other structure that begins with it.
const MAGIC: u32 = 0xff54_4347;
/// TPM_ST_ATTEST_QUOTE.
const QUOTE: u16 = 0x8018;
/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000b;
/// The selection of all 24 PCRs: a bit each, the first in the lowest bit of the first byte.
const ALL_PCRS: [u8; PCR_COUNT / 8] = [0xff; PCR_COUNT / 8];

/// A quote over all 24 PCRs of the SHA-256 bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attest {
    /// The qualified name of the key that signed.
    pub(crate) qualified_signer: Vec<u8>,
    /// What the caller of the TPM wanted to be in the quote: the nonce.
    pub(crate) extra_data: Vec<u8>,
    /// Milliseconds that the TPM has been powered.
    pub(crate) clock: u64,
    /// How often the TPM was reset.
    pub(crate) reset_count: u32,
    /// How often it was resumed since the last reset.
    pub(crate) restart_count: u32,
    /// Was no greater value of the clock ever given out?
    pub(crate) safe: bool,
    /// The TPM's firmware, as its maker counts.
    pub(crate) firmware_version: u64,
    /// SHA-256 over the PCRs in their order.
    pub(crate) pcr_digest: [u8; 32],
}

impl Attest {
    /// Reads the signed bytes. Nothing may follow them.
    ///
    /// # Errors
    /// [`TpmError`]: not made by a TPM, no quote, or of other PCRs than those 24.
    pub(crate) fn parse(message: &[u8]) -> Result<Self, TpmError> {
        const CUT: TpmError = TpmError::Message("it ends too early");
        let mut reader = Reader::new(message);
        let magic = reader.u32().ok_or(CUT)?;
        if magic != MAGIC {
            return Err(TpmError::Magic(magic));
        }
        let kind = reader.u16().ok_or(CUT)?;
        if kind != QUOTE {
            return Err(TpmError::NotAQuote(kind));
        }
        let qualified_signer = reader.sized().ok_or(CUT)?.to_vec();
        let extra_data = reader.sized().ok_or(CUT)?.to_vec();
        let clock = reader.u64().ok_or(CUT)?;
        let reset_count = reader.u32().ok_or(CUT)?;
        let restart_count = reader.u32().ok_or(CUT)?;
        let safe = match reader.byte().ok_or(CUT)? {
            0 => false,
            1 => true,
            _ => return Err(TpmError::Message("its clock is neither safe nor unsafe")),
        };
        let firmware_version = reader.u64().ok_or(CUT)?;
        selection(&mut reader)?;
        let pcr_digest = reader.sized().ok_or(CUT)?;
        let pcr_digest = pcr_digest
            .try_into()
            .map_err(|_| TpmError::Message("its PCR digest is not of SHA-256"))?;
        if !reader.is_empty() {
            return Err(TpmError::Message("something follows it"));
        }
        Ok(Self {
            qualified_signer,
            extra_data,
            clock,
            reset_count,
            restart_count,
            safe,
            firmware_version,
            pcr_digest,
        })
    }
}

/// TPML_PCR_SELECTION: one bank, SHA-256, all of it. A second entry could name the bank again, or another, and
/// the digest would be over more than the evidence lists.
fn selection(reader: &mut Reader<'_>) -> Result<(), TpmError> {
    const CUT: TpmError = TpmError::Message("it ends in its PCR selection");
    let count = reader.u32().ok_or(CUT)?;
    if count != 1 {
        return Err(TpmError::PcrBanks(count));
    }
    let bank = reader.u16().ok_or(CUT)?;
    if bank != SHA256 {
        return Err(TpmError::PcrBank(bank));
    }
    let length = reader.byte().ok_or(CUT)?;
    let selected = reader.bytes(usize::from(length)).ok_or(CUT)?;
    if selected != ALL_PCRS {
        return Err(TpmError::PcrSelection);
    }
    Ok(())
}
