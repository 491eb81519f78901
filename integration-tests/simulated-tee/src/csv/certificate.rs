//! Certificates, right or deliberately wrong.

use super::key::SigningKey;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Hygon's root.
    Hrk = 0x0000,
    /// Hygon's signing key.
    Hsk = 0x0013,
    /// The owner's authority.
    Oca = 0x1001,
    /// The platform's key.
    Pek = 0x1002,
    /// The chip's key.
    Cek = 0x1004,
}

/// A certificate of Hygon's keys.
pub struct CaSpec<'a> {
    /// What the key is for.
    pub usage: Usage,
    /// The key.
    pub key: &'a SigningKey,
    /// Who signs.
    pub issuer: &'a SigningKey,
}

impl CaSpec<'_> {
    /// 832 bytes.
    pub fn issue(&self) -> Vec<u8> {
        let mut bytes = 1_u32.to_le_bytes().to_vec();
        bytes.extend([0x1d; 32]);
        bytes.extend((self.usage as u32).to_le_bytes());
        bytes.extend([0; 24]);
        public_key(&mut bytes, self.key);
        bytes.extend([0; 108]);
        let signature = self.issuer.sign(&bytes);
        bytes.extend(signature);
        bytes.extend([0; 112]);
        bytes
    }
}

/// A certificate of a platform's keys.
pub struct PlatformSpec<'a> {
    /// What the key is for.
    pub usage: Usage,
    /// The algorithm of the key: 4, signing with SM2.
    pub algorithm: u32,
    /// The key.
    pub key: &'a SigningKey,
    /// Who signs, what for their key is, and the algorithm of the signature: two at most.
    pub issuers: Vec<(Usage, u32, &'a SigningKey)>,
}

impl PlatformSpec<'_> {
    /// 2084 bytes.
    pub fn issue(&self) -> Vec<u8> {
        let mut bytes = 1_u32.to_le_bytes().to_vec();
        bytes.extend([1, 4, 0, 0]);
        bytes.extend((self.usage as u32).to_le_bytes());
        bytes.extend(self.algorithm.to_le_bytes());
        public_key(&mut bytes, self.key);
        bytes.extend([0; 624]);
        let signed = bytes.clone();
        for (usage, algorithm, issuer) in &self.issuers {
            bytes.extend((*usage as u32).to_le_bytes());
            bytes.extend(algorithm.to_le_bytes());
            bytes.extend(issuer.sign(&signed));
            bytes.extend([0; 368]);
        }
        for _ in self.issuers.len()..2 {
            bytes.extend(0x1000_u32.to_le_bytes());
            bytes.extend([0; 516]);
        }
        bytes
    }
}

fn public_key(bytes: &mut Vec<u8>, key: &SigningKey) {
    bytes.extend(key.public());
    let mut user_id = key.user_id().as_bytes().to_vec();
    bytes.extend([u8::try_from(user_id.len()).unwrap_or(u8::MAX), 0]);
    user_id.resize(254, 0);
    bytes.extend(user_id);
}
