//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::collections::HashMap;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::encoding::{decode, decode_fixed, encode};
use crate::key::{KeyError, VerificationKey};
use crate::public_key::{PublicKey, sec1_point};
use crate::{SignatureAlgorithm, x5c};

/// A public key that verifies signatures: EC P-256 or P-384, RSA of at least 2048 bits, or Ed25519.
///
/// Written with its members in the order `alg`, `kid`, `use`, `x5u`, `x5c`, `kty`, then those of the type; absent
/// ones are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    key: PublicKey,
    alg: Option<SignatureAlgorithm>,
    kid: Option<String>,
    usage: Option<String>,
    x5u: Option<String>,
    x5c: Vec<String>,
}

impl Jwk {
    /// Reads one key. Private members, weak keys, points off their curve and uses other than signing are errors.
    pub fn from_json(text: &[u8]) -> Result<Self, KeyError> {
        Members::read(text)?.into_jwk()
    }

    /// The algorithm the key names.
    pub fn alg(&self) -> Option<SignatureAlgorithm> {
        self.alg
    }

    /// The key's id.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The certificate chain, leaf first, each base64 of DER; empty when there is none.
    pub fn x5c(&self) -> &[String] {
        &self.x5c
    }

    /// The URL the key names for its certificates. Nothing here ever fetches it.
    pub fn x5u(&self) -> Option<&str> {
        self.x5u.as_deref()
    }

    /// The key for use. **Having a key is not trusting it**: where it comes from decides that.
    pub fn verification_key(&self) -> Result<VerificationKey, KeyError> {
        Ok(VerificationKey::new(self.key.clone(), self.alg))
    }

    /// The same key with another key id.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<String>) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self
        }
    }

    /// The same key with another URL for its certificates.
    #[must_use]
    pub fn with_x5u(self, url: impl Into<String>) -> Self {
        Self {
            x5u: Some(url.into()),
            ..self
        }
    }

    /// The same key with the certificates of a PEM file, in the order of the file. The first one must be this
    /// key's: a chain for another key is [`KeyError::Inconsistent`].
    pub fn with_certificates(self, pem: &[u8]) -> Result<Self, KeyError> {
        let chain = x5c::certificates_of_pem(pem).ok_or(KeyError::NotPem)?;
        let leaf = VerificationKey::from_certificate_der(chain.first().ok_or(KeyError::NotPem)?)?;
        if *leaf.public_key() != self.key {
            return Err(KeyError::Inconsistent);
        }
        Ok(Self {
            x5c: chain
                .iter()
                .map(|der| crate::encoding::encode_standard(der))
                .collect(),
            ..self
        })
    }

    pub(crate) fn new(key: PublicKey, alg: SignatureAlgorithm) -> Self {
        Self {
            key,
            alg: Some(alg),
            kid: None,
            usage: None,
            x5u: None,
            x5c: Vec::new(),
        }
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

/// A set of keys, found by their ids.
#[derive(Debug, Clone, Default)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    by_kid: HashMap<String, usize>,
}

impl JwkSet {
    /// Reads `{"keys":[…]}`.
    ///
    /// Keys of types, curves, algorithms and uses that are not known here are skipped (RFC 7517 section 5). A
    /// known one that is malformed or weak, and two with one `kid`, are errors.
    pub fn from_json(text: &[u8]) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Box<serde_json::value::RawValue>>,
        }
        let set: Set = serde_json::from_slice(text).map_err(|_| KeyError::Malformed)?;
        let mut known = Self::default();
        for key in &set.keys {
            match Members::read(key.get().as_bytes())?.into_jwk() {
                Ok(jwk) => known.push(jwk)?,
                Err(KeyError::Unsupported) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(known)
    }

    /// The key with this id. A key without id is never found.
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.by_kid.get(kid).and_then(|index| self.keys.get(*index))
    }

    /// All keys, in the order of the set.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    fn push(&mut self, jwk: Jwk) -> Result<(), KeyError> {
        if let Some(kid) = jwk.kid()
            && self.by_kid.insert(kid.to_owned(), self.keys.len()).is_some()
        {
            return Err(KeyError::DuplicateKeyId);
        }
        self.keys.push(jwk);
        Ok(())
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("keys", &self.keys)?;
        map.end()
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(alg) = &self.alg {
            map.serialize_entry("alg", alg)?;
        }
        for (name, value) in [("kid", &self.kid), ("use", &self.usage), ("x5u", &self.x5u)] {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if !self.x5c.is_empty() {
            map.serialize_entry("x5c", &self.x5c)?;
        }
        match &self.key {
            PublicKey::P256(point) => write_point(&mut map, "P-256", point)?,
            PublicKey::P384(point) => write_point(&mut map, "P-384", point)?,
            PublicKey::Ed25519(x) => {
                map.serialize_entry("kty", "OKP")?;
                map.serialize_entry("crv", "Ed25519")?;
                map.serialize_entry("x", &encode(x))?;
            }
            PublicKey::Rsa { modulus, exponent } => {
                map.serialize_entry("kty", "RSA")?;
                map.serialize_entry("n", &encode(modulus))?;
                map.serialize_entry("e", &encode(exponent))?;
            }
        }
        map.end()
    }
}

fn write_point<M: SerializeMap>(map: &mut M, curve: &str, point: &[u8]) -> Result<(), M::Error> {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    map.serialize_entry("kty", "EC")?;
    map.serialize_entry("crv", curve)?;
    map.serialize_entry("x", &encode(x))?;
    map.serialize_entry("y", &encode(y))
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Members::deserialize(deserializer)?
            .into_jwk()
            .map_err(serde::de::Error::custom)
    }
}

/// The members as they stand in the JSON. Other members are ignored (RFC 7517 section 4).
#[derive(Deserialize)]
struct Members {
    kty: String,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    x5u: Option<String>,
    #[serde(default)]
    x5c: Vec<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<Value>,
    p: Option<Value>,
    q: Option<Value>,
    dp: Option<Value>,
    dq: Option<Value>,
    qi: Option<Value>,
    oth: Option<Value>,
    k: Option<Value>,
}

impl Members {
    fn read(text: &[u8]) -> Result<Self, KeyError> {
        serde_json::from_slice(text).map_err(|_| KeyError::Malformed)
    }

    fn into_jwk(self) -> Result<Jwk, KeyError> {
        let private = [
            &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k,
        ];
        if private.into_iter().any(Option::is_some) {
            return Err(KeyError::PrivateMembers);
        }
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        if !signs
            || self
                .key_ops
                .as_ref()
                .is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
        {
            return Err(KeyError::Unsupported);
        }
        let alg = self
            .alg
            .as_deref()
            .map(str::parse::<SignatureAlgorithm>)
            .transpose();
        let alg = alg.map_err(|_| KeyError::Unsupported)?;
        let key = self.key()?;
        if alg.is_some_and(|alg| !key.fits(alg)) {
            return Err(KeyError::AlgorithmNotAllowed);
        }
        Ok(Jwk {
            key,
            alg,
            kid: self.kid,
            usage: self.usage,
            x5u: self.x5u,
            x5c: self.x5c,
        })
    }

    fn key(&self) -> Result<PublicKey, KeyError> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => PublicKey::p256(&self.point::<32>()?),
            ("EC", Some("P-384")) => PublicKey::p384(&self.point::<48>()?),
            ("OKP", Some("Ed25519")) => PublicKey::ed25519(&member("x", &self.x)?),
            ("RSA", _) => PublicKey::rsa(&member("n", &self.n)?, &member("e", &self.e)?),
            _ => Err(KeyError::Unsupported),
        }
    }

    fn point<const N: usize>(&self) -> Result<Vec<u8>, KeyError> {
        let x = self.x.as_deref().ok_or(KeyError::Member("x"))?;
        let y = self.y.as_deref().ok_or(KeyError::Member("y"))?;
        match (decode_fixed::<N>(x), decode_fixed::<N>(y)) {
            (Some(x), Some(y)) => Ok(sec1_point(&x, &y)),
            _ => Err(KeyError::WrongWidth),
        }
    }
}

fn member(name: &'static str, value: &Option<String>) -> Result<Vec<u8>, KeyError> {
    value.as_deref().and_then(decode).ok_or(KeyError::Member(name))
}

#[cfg(test)]
mod tests;
