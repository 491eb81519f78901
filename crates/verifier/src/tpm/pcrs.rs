//! The values of the platform configuration registers.

use crate::{VerifyError, digits};
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};

/// Registers of a bank (TCG PC Client Platform TPM Profile, section 4.6).
pub(crate) const PCR_COUNT: usize = 24;
/// The names of the registers in claims.
const NAMES: [&str; PCR_COUNT] = [
    "pcr00", "pcr01", "pcr02", "pcr03", "pcr04", "pcr05", "pcr06", "pcr07", "pcr08", "pcr09", "pcr10",
    "pcr11", "pcr12", "pcr13", "pcr14", "pcr15", "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21",
    "pcr22", "pcr23",
];
/// The register that guests extend with the digest of their init-data.
const INIT_DATA: usize = 8;

/// The SHA-256 bank, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pcrs([[u8; 32]; PCR_COUNT]);

impl Pcrs {
    /// From a list of values; `None` if it has another length, or one of them has.
    pub(crate) fn from_values(values: &[Vec<u8>]) -> Option<Self> {
        let values: Option<Vec<[u8; 32]>> = values
            .iter()
            .map(|value| value.as_slice().try_into().ok())
            .collect();
        values?.try_into().ok().map(Self)
    }

    /// The same from hex.
    pub(crate) fn from_hex<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut values = [[0; 32]; PCR_COUNT];
        let mut places = values.iter_mut();
        for text in texts {
            *places.next()? = digits::bytes(text)?;
        }
        places.next().is_none().then_some(Self(values))
    }

    /// SHA-256 over all of them, as a quote has it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256([self.0.as_flattened()])
    }

    /// The value of the register for init-data.
    pub(crate) fn init_data(&self) -> [u8; 32] {
        self.0[INIT_DATA]
    }

    /// Was the register for init-data extended with `expected`, once, and with nothing else?
    ///
    /// A TPM extends a SHA-256 register with 32 bytes: `SHA-256(old || digest)`, from 32 zeros. Guests refuse
    /// to extend it with a digest of another length, neither cut nor hashed again. So no guest can have bound a
    /// SHA-384 or SHA-512 digest, and to expect one is an error.
    pub(crate) fn check_init_data(&self, expected: Option<&[u8]>) -> Result<(), VerifyError> {
        let Some(expected) = expected else { return Ok(()) };
        let digest: &[u8; 32] = expected.try_into().map_err(|_| VerifyError::BindingLength {
            field: "init data",
            length: expected.len(),
        })?;
        let extended = sha256([[0; 32].as_slice(), digest]);
        (extended == self.init_data())
            .then_some(())
            .ok_or(VerifyError::InitDataMismatch)
    }

    /// The values by name, `pcr00` to `pcr23`, as lower-case hex.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        let named = NAMES.iter().zip(&self.0);
        named
            .map(|(name, value)| ((*name).to_owned(), Value::from(digits::hex(value))))
            .collect()
    }
}

fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.into_iter().for_each(|part| context.update(part));
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
