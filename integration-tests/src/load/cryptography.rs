//! What the bare cryptography of each operation costs here, so that a service's figure can be held against
//! what no service could do without.

use std::time::{Duration, Instant};

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, UnparsedPublicKey,
};
use ring::{aead, agreement};
use serde::Serialize;

/// Microseconds of one operation on one core.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Costs {
    /// Verifying an attestation report's signature: ECDSA P-384 over 0x2a0 bytes.
    pub p384_verify_us: f64,
    /// Signing an attestation token: ECDSA P-256.
    pub p256_sign_us: f64,
    /// Verifying an attestation token: ECDSA P-256.
    pub p256_verify_us: f64,
    /// Sealing a secret: a fresh P-256 key, one agreement, AES-256-GCM of 32 bytes.
    pub seal_us: f64,
}

impl Costs {
    /// The cryptography that one SNP evaluation cannot do without, in microseconds.
    pub fn snp_evaluation_us(&self) -> f64 {
        self.p384_verify_us + self.p256_sign_us
    }

    /// The cryptography that one handshake and one GET of a `sample` guest cannot do without, in microseconds.
    pub fn rcar_and_get_us(&self) -> f64 {
        self.p256_sign_us + self.p256_verify_us + self.seal_us
    }
}

/// Measures each cost for `each` long.
pub fn measure(each: Duration) -> anyhow::Result<Costs> {
    let random = SystemRandom::new();
    let message = [0x5a; 0x2a0];
    let p256 = key(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
    let p384 = key(&ECDSA_P384_SHA384_FIXED_SIGNING, &random)?;
    let p256_signature = p256.sign(&random, &message).map_err(refused)?;
    let p384_signature = p384.sign(&random, &message).map_err(refused)?;
    let p256_public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, p256.public_key().as_ref());
    let p384_public = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, p384.public_key().as_ref());
    Ok(Costs {
        p384_verify_us: time(each, || p384_public.verify(&message, p384_signature.as_ref()))?,
        p256_sign_us: time(each, || p256.sign(&random, &message).map(drop))?,
        p256_verify_us: time(each, || p256_public.verify(&message, p256_signature.as_ref()))?,
        seal_us: time(each, || seal(&random, p256.public_key().as_ref()))?,
    })
}

fn key(algorithm: &'static EcdsaSigningAlgorithm, random: &SystemRandom) -> anyhow::Result<EcdsaKeyPair> {
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, random).map_err(refused)?;
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), random).map_err(|error| anyhow::anyhow!(error))
}

fn seal(random: &SystemRandom, peer: &[u8]) -> Result<(), ring::error::Unspecified> {
    let ephemeral = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, random)?;
    ephemeral.compute_public_key()?;
    let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, peer);
    let secret = agreement::agree_ephemeral(ephemeral, &peer, |shared| {
        let mut key = [0; 32];
        key.copy_from_slice(shared);
        key
    })?;
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &secret)?);
    let mut text = [7; 32];
    let nonce = aead::Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_separate_tag(nonce, aead::Aad::empty(), &mut text)
        .map(drop)
}

fn time(
    limit: Duration,
    mut operation: impl FnMut() -> Result<(), ring::error::Unspecified>,
) -> anyhow::Result<f64> {
    for _ in 0..20 {
        operation().map_err(refused)?;
    }
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < limit {
        operation().map_err(refused)?;
        count += 1;
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(count.max(1)))
}

fn refused(_: ring::error::Unspecified) -> anyhow::Error {
    anyhow::anyhow!("the cryptographic library refused an operation")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cost_is_measured() {
        let costs = measure(Duration::from_millis(2)).unwrap();
        assert!(costs.p384_verify_us > 0.0 && costs.seal_us > 0.0);
        assert!(costs.snp_evaluation_us() > costs.p384_verify_us);
        assert!(costs.rcar_and_get_us() > costs.seal_us);
    }
}
