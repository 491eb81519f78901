//! The service's keys: a JWK Set (RFC 7517) of P-384 keys.

use super::NvidiaError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::collections::HashMap;

/// More than the service keeps in use.
const MAX_KEYS: usize = 256;

/// The keys by id, as uncompressed points.
#[derive(Debug)]
pub(super) struct KeySet(HashMap<String, [u8; 97]>);

#[derive(Deserialize)]
struct WireSet {
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads the set. Keys of other kinds are passed over; two keys of one id are refused, because which one counts
    /// would be a matter of luck.
    pub(super) fn parse(json: &[u8]) -> Result<Self, NvidiaError> {
        let set: WireSet =
            serde_json::from_slice(json).map_err(|_| NvidiaError::KeySet("it is no JWK Set"))?;
        if set.keys.len() > MAX_KEYS {
            return Err(NvidiaError::KeySet("it has too many keys"));
        }
        let mut keys = HashMap::new();
        for key in set.keys.into_iter().filter(WireKey::signs_es384) {
            let point = key
                .point()
                .ok_or(NvidiaError::KeySet("a key has no point of P-384"))?;
            let id = key.kid.ok_or(NvidiaError::KeySet("a key has no id"))?;
            if keys.insert(id, point).is_some() {
                return Err(NvidiaError::KeySet("two keys have one id"));
            }
        }
        if keys.is_empty() {
            return Err(NvidiaError::KeySet("it has no key of P-384"));
        }
        Ok(Self(keys))
    }

    pub(super) fn find(&self, id: &str) -> Option<&[u8; 97]> {
        self.0.get(id)
    }
}

impl WireKey {
    fn signs_es384(&self) -> bool {
        let is = |found: &Option<String>, wanted| found.as_deref().is_none_or(|found| found == wanted);
        self.kty == "EC"
            && self.crv.as_deref() == Some("P-384")
            && is(&self.alg, "ES384")
            && is(&self.usage, "sig")
    }

    /// That it is a point of the curve is checked when a signature is.
    fn point(&self) -> Option<[u8; 97]> {
        let coordinate = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let (x, y) = (coordinate(&self.x)?, coordinate(&self.y)?);
        let fits = x.len() == 48 && y.len() == 48;
        let point = fits.then(|| [&[4], x.as_slice(), y.as_slice()].concat())?;
        point.try_into().ok()
    }
}
