//! The signatures of each TEE's evidence, and that of the token, and nothing else: what no verifier can do without.

mod quote;

use anyhow::{Context, bail};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use simulated_tee::tpm::{KeyKind, Tpm};
use sm2::dsa::signature::{Signer, Verifier};

use quote::Quote;

/// Keys and signatures, made once.
pub(super) struct Floors {
    random: SystemRandom,
    p256: EcdsaKeyPair,
    p384_public: Vec<u8>,
    p384_signature: Vec<u8>,
    tpm: TpmQuote,
    tdx: Quote,
    sgx: Quote,
    sm2: sm2::dsa::VerifyingKey,
    sm2_signature: sm2::dsa::Signature,
}

struct TpmQuote {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// As long as the signed part of an SNP report.
const MESSAGE: [u8; 0x2a0] = [0x5a; 0x2a0];

impl Floors {
    /// Makes the keys and signs something with each.
    pub(super) fn new() -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let p384 = key(&ECDSA_P384_SHA384_FIXED_SIGNING, &random)?;
        let tpm = Tpm::new(KeyKind::Rsa)?;
        let quote = tpm.quote(&[7; 32]).sign()?;
        let (modulus, exponent) = tpm.ak_rsa().context("the key is no RSA key")?;
        let sm2 = sm2::dsa::SigningKey::from_slice("bench", &[0x11; 32])
            .map_err(|_| anyhow::anyhow!("no scalar of SM2"))?;
        Ok(Self {
            p256: key(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?,
            p384_public: p384.public_key().as_ref().to_vec(),
            p384_signature: p384.sign(&random, &MESSAGE).map_err(refused)?.as_ref().to_vec(),
            tpm: TpmQuote {
                modulus: modulus.to_vec(),
                exponent: exponent.to_vec(),
                message: quote.message,
                signature: quote.signature,
            },
            tdx: Quote::tdx()?,
            sgx: Quote::sgx()?,
            sm2_signature: sm2.sign(&MESSAGE),
            sm2: sm2.verifying_key().clone(),
            random,
        })
    }

    /// The signatures of one evaluation: of the evidence, and of `token`, of which each byte is hashed to be signed.
    pub(super) fn once(&self, tee: &str, token: &[u8]) -> anyhow::Result<()> {
        match tee {
            "cca" => {
                self.p384()?;
                self.p384()?;
            }
            "snp" | "nvidia" => self.p384()?,
            "az-snp-vtpm" => {
                self.p384()?;
                self.rsa()?;
            }
            "tpm" => self.rsa()?,
            "tdx" => self.tdx.verify()?,
            "sgx" => self.sgx.verify()?,
            "az-tdx-vtpm" => {
                self.tdx.verify()?;
                self.rsa()?;
            }
            "csv" => self
                .sm2
                .verify(&MESSAGE, &self.sm2_signature)
                .map_err(|_| anyhow::anyhow!("an SM2 signature does not verify"))?,
            _ => bail!("no floor is known for TEE {tee}"),
        }
        self.p256.sign(&self.random, token).map(drop).map_err(refused)
    }

    fn p384(&self) -> anyhow::Result<()> {
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &self.p384_public);
        key.verify(&MESSAGE, &self.p384_signature).map_err(refused)
    }

    fn rsa(&self) -> anyhow::Result<()> {
        let TpmQuote {
            modulus,
            exponent,
            message,
            signature,
        } = &self.tpm;
        let key = RsaPublicKeyComponents {
            n: modulus,
            e: exponent,
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(refused)
    }
}

fn key(algorithm: &'static EcdsaSigningAlgorithm, random: &SystemRandom) -> anyhow::Result<EcdsaKeyPair> {
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, random).map_err(refused)?;
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), random).map_err(|error| anyhow::anyhow!(error))
}

fn refused(_: ring::error::Unspecified) -> anyhow::Error {
    anyhow::anyhow!("the cryptographic library refused an operation")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_floor_can_be_measured() {
        let floors = Floors::new().unwrap();
        for (tee, _, _) in super::super::tees::TEES {
            floors.once(tee, b"token").unwrap();
        }
        assert!(floors.once("abacus", b"token").is_err());
    }
}
