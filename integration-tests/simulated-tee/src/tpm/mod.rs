//! A simulated TPM 2.0: attestation keys in software, registers, quotes with any field, and authorities that
//! give out certificates for the keys.
//!
//! [`Tpm`] has one attestation key and 24 registers. [`QuoteBuilder`] makes quotes, right or deliberately wrong,
//! always signed by the key. [`Authority`] and [`CertificateSpec`] make certificate chains.

mod authority;
mod key;
mod quote;

pub use authority::{Authority, CertificateSpec, Purpose};
pub use key::KeyKind;
pub use quote::{Quote, QuoteBuilder, QuoteFields};

use crate::{SimulatedGuest, SimulationError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use key::Key;
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};
use std::sync::Arc;

/// Registers of a bank.
pub const PCR_COUNT: usize = 24;
/// The register for init-data.
const INIT_DATA: usize = 8;
/// Bytes of the nonce that guests with a bare TPM ask for.
const BARE_NONCE: usize = 32;

/// A TPM: an attestation key that is as good as it says, and the SHA-256 bank. Clones share the key.
#[derive(Clone)]
pub struct Tpm {
    key: Arc<Key>,
    /// The registers. Extend them with [`Tpm::extend`], or set them.
    pub pcrs: [[u8; 32]; PCR_COUNT],
}

impl Tpm {
    /// A TPM with a new attestation key, and with registers as after a boot: something of its own in each of the first
    /// eight and in the one that unified kernel images are measured into, zero in the others.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(kind: KeyKind) -> Result<Self, SimulationError> {
        Ok(Self::with_key(Key::generate(kind)?))
    }

    /// The same with a committed RSA key, so that a policy can name it before there is any evidence.
    ///
    /// # Errors
    /// Never in practice.
    pub fn known() -> Result<Self, SimulationError> {
        Ok(Self::with_key(Key::known()?))
    }

    fn with_key(key: Key) -> Self {
        let mut tpm = Self {
            key: Arc::new(key),
            pcrs: [[0; 32]; PCR_COUNT],
        };
        for register in [0_u8, 1, 2, 3, 4, 5, 6, 7, 11] {
            tpm.extend(usize::from(register), [0x50 + register; 32]);
        }
        tpm
    }

    /// TPM2_PCR_Extend. Nothing happens for a register that does not exist.
    pub fn extend(&mut self, register: usize, digest: [u8; 32]) {
        if let Some(value) = self.pcrs.get_mut(register) {
            let mut context = Context::new(&SHA256);
            context.update(value);
            context.update(&digest);
            value.copy_from_slice(context.finish().as_ref());
        }
    }

    /// Binds init-data as guests do: PCR 8 is extended with its SHA-256.
    pub fn bind_init_data(&mut self, digest: [u8; 32]) {
        self.extend(INIT_DATA, digest);
    }

    /// The attestation key's public half: DER of its SubjectPublicKeyInfo.
    pub fn ak_spki(&self) -> &[u8] {
        self.key.spki()
    }

    /// Modulus and exponent, for an RSA key.
    pub fn ak_rsa(&self) -> Option<(&[u8], &[u8])> {
        self.key.rsa_parts()
    }

    /// Begins a quote over the registers as they are.
    pub fn quote(&self, nonce: &[u8]) -> QuoteBuilder<'_> {
        QuoteBuilder::new(self, nonce)
    }

    /// Evidence of a guest with a bare TPM in the wire form. `certificates` are the attestation key's chain.
    pub fn wire(&self, quote: &Quote, certificates: Option<&[Vec<u8>]>) -> Value {
        let mut evidence = json!({
            "tpm_quote": {
                "signature": STANDARD.encode(&quote.tpmt_signature),
                "message": STANDARD.encode(&quote.message),
                "pcrs": quote.pcrs.iter().map(hex::encode).collect::<Vec<_>>(),
            },
            "ak_public": STANDARD.encode(self.ak_spki()),
        });
        if let Some(certificates) = certificates {
            let texts: Vec<String> = certificates.iter().map(|der| STANDARD.encode(der)).collect();
            evidence["ak_certificates"] = json!(texts);
        }
        evidence
    }

    /// The key's certificate under [`Authority::known`], and that authority's.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn known_chain(&self) -> Result<Vec<Vec<u8>>, SimulationError> {
        let authority = Authority::known()?;
        let leaf = authority.certify(&CertificateSpec::leaf(Purpose::AttestationKey), self.ak_spki())?;
        Ok(vec![leaf, authority.der().to_vec()])
    }

    /// The same TPM after a guest bound its init-data, if it has some.
    ///
    /// # Errors
    /// A digest of other than 32 bytes, which guests do not extend a register with.
    pub fn with_init_data(&self, digest: Option<&[u8]>) -> Result<Self, SimulationError> {
        let mut tpm = self.clone();
        if let Some(digest) = digest {
            let digest = digest.try_into().map_err(|_| {
                SimulationError::Encoding("only a digest of 32 bytes can be bound to a register".to_owned())
            })?;
            tpm.bind_init_data(digest);
        }
        Ok(tpm)
    }

    /// The nonce of a guest with a bare TPM: the report data, resized to 32 bytes.
    pub fn bare_nonce(report_data: &[u8]) -> [u8; 32] {
        let mut nonce = [0; BARE_NONCE];
        nonce
            .iter_mut()
            .zip(report_data)
            .for_each(|(to, from)| *to = *from);
        nonce
    }
}

impl SimulatedGuest for Tpm {
    fn tee(&self) -> &'static str {
        "tpm"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let tpm = self.with_init_data(init_data)?;
        let quote = tpm.quote(&Self::bare_nonce(report_data)).sign()?;
        Ok(tpm.wire(&quote, Some(&tpm.known_chain()?)))
    }
}
