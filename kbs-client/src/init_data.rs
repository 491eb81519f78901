//! Which value a platform's register must hold so that evidence from it is bound to an init-data document.
//!
//! The host sets the register when it starts the guest, or the guest's early boot extends it; what Trustee then
//! expects is written down here as the other end, and on the platforms' pages.

use sha2::{Digest, Sha256};

/// A register that a platform's evidence shows, and the rule that makes its value from a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// The TEE's name on the wire.
    pub tee: &'static str,
    /// The name in the vendor's documents.
    pub name: &'static str,
    rule: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A field of so many bytes: a shorter digest is followed by zeros, of a longer one the first bytes count.
    Field(usize),
    /// A register that starts as 32 zeros and is extended once: SHA-256 over the zeros and the digest.
    Extended,
}

/// The registers of all platforms that have one.
pub const REGISTERS: [Register; 7] = [
    // AMD 56860: set by the hypervisor at launch.
    field("snp", "HOST_DATA", 32),
    // Intel 348549: set by the VMM with TDH.MNG.INIT.
    field("tdx", "MRCONFIGID", 48),
    // Intel SDM volume 3D: set when the enclave is created, with Key Separation and Sharing.
    field("sgx", "CONFIGID", 64),
    // Arm DEN0137: the realm personalization value.
    field("cca", "personalization value", 64),
    extended("az-snp-vtpm"),
    extended("az-tdx-vtpm"),
    extended("tpm"),
];

/// No value of the register is bound to the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Guests extend a register with a digest of its own size, and refuse any other.
    #[error("only a digest of 32 bytes can be bound here: set `algorithm` to sha256 or sm3")]
    NotExtendable,
}

impl Register {
    /// The register of a TEE, if it has one for init-data.
    pub fn of(tee: &str) -> Option<Self> {
        REGISTERS.into_iter().find(|register| register.tee == tee)
    }

    /// What the register must hold.
    ///
    /// # Errors
    /// The digest has a length that this register cannot be bound to.
    pub fn value(self, digest: &[u8]) -> Result<Vec<u8>, RegisterError> {
        match self.rule {
            Rule::Field(size) => {
                let mut value = digest.to_vec();
                value.resize(size, 0);
                Ok(value)
            }
            Rule::Extended if digest.len() == 32 => {
                let register = Sha256::new().chain_update([0; 32]).chain_update(digest);
                Ok(register.finalize().to_vec())
            }
            Rule::Extended => Err(RegisterError::NotExtendable),
        }
    }

    /// How the value comes from a digest of so many bytes, in a few words.
    pub fn rule(self, digest_length: usize) -> String {
        match self.rule {
            Rule::Field(size) if digest_length > size => format!("the first {size} bytes"),
            Rule::Field(size) if digest_length < size => format!("followed by zeros to {size} bytes"),
            Rule::Field(_) => "the digest".to_owned(),
            Rule::Extended => "SHA-256 of 32 zero bytes and the digest".to_owned(),
        }
    }
}

const fn field(tee: &'static str, name: &'static str, size: usize) -> Register {
    let rule = Rule::Field(size);
    Register { tee, name, rule }
}

const fn extended(tee: &'static str) -> Register {
    let (name, rule) = ("PCR 8", Rule::Extended);
    Register { tee, name, rule }
}

#[cfg(test)]
mod tests;
