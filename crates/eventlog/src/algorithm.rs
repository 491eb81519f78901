//! Hash algorithms of measurement registers.

use ring::digest as sha;
use sm3::Digest as _;
use std::fmt;

/// A hash algorithm, as `TPM_ALG_ID` (TPM 2.0 Library, part 2, table 9) names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// `TPM_ALG_SHA1`. To read old logs; proves nothing any more.
    Sha1,
    /// `TPM_ALG_SHA256`.
    Sha256,
    /// `TPM_ALG_SHA384`: the registers of TDX.
    Sha384,
    /// `TPM_ALG_SHA512`.
    Sha512,
    /// `TPM_ALG_SM3_256`: the registers of Hygon CSV.
    Sm3,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
        Algorithm::Sm3,
    ];

    /// By its TPM id.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id() == id)
    }

    /// Its TPM id.
    pub fn id(self) -> u16 {
        match self {
            Algorithm::Sha1 => 0x0004,
            Algorithm::Sha256 => 0x000b,
            Algorithm::Sha384 => 0x000c,
            Algorithm::Sha512 => 0x000d,
            Algorithm::Sm3 => 0x0012,
        }
    }

    /// Bytes of a digest.
    pub fn size(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 | Algorithm::Sm3 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// The name in claims.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "SHA-1",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha384 => "SHA-384",
            Algorithm::Sha512 => "SHA-512",
            Algorithm::Sm3 => "SM3",
        }
    }

    /// The digest of the parts, one after the other.
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        self.hash(parts).as_ref().to_vec()
    }

    /// The same without an allocation.
    pub(crate) fn hash(self, parts: &[&[u8]]) -> Hash {
        let by_ring = match self {
            Algorithm::Sha1 => &sha::SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => &sha::SHA256,
            Algorithm::Sha384 => &sha::SHA384,
            Algorithm::Sha512 => &sha::SHA512,
            Algorithm::Sm3 => {
                let mut hash = sm3::Sm3::new();
                parts.iter().for_each(|part| hash.update(part));
                return Hash::Sm3(hash.finalize().into());
            }
        };
        let mut context = sha::Context::new(by_ring);
        parts.iter().for_each(|part| context.update(part));
        Hash::Sha(context.finish())
    }
}

/// A digest that was computed here.
pub(crate) enum Hash {
    Sha(sha::Digest),
    Sm3([u8; 32]),
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        match self {
            Hash::Sha(digest) => digest.as_ref(),
            Hash::Sm3(digest) => digest,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A digest of a record, as the log gives it. As long as its algorithm's digests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest<'a> {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The bytes.
    pub bytes: &'a [u8],
}
