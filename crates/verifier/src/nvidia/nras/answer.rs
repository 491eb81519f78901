//! The service's answer: a detached EAT bundle (RFC 9711, section 5) as JSON, `[["JWT", overall], {name: EAT}]`.
//! The overall token vouches for the device's by its digest.

use super::keys::KeySet;
use super::token::Token;
use super::{NvidiaError, OVERALL};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The answer in form.
#[derive(Deserialize)]
pub(super) struct Answer(Overall, Device);

/// `["JWT", token]`
#[derive(Deserialize)]
struct Overall(Jwt, String);

#[derive(Deserialize)]
enum Jwt {
    #[serde(rename = "JWT")]
    Jwt,
}

/// The one device's name and token.
struct Device {
    name: String,
    token: String,
}

impl Answer {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NvidiaError> {
        serde_json::from_slice(bytes)
            .map_err(|_| NvidiaError::Answer("it is not an overall token and the token of one device"))
    }

    /// Checks both tokens, and gives the device's claims and the overall result.
    pub(super) fn verify(
        self,
        keys: &KeySet,
        issuers: &[String],
        nonce: &[u8; 32],
        now: i64,
    ) -> Result<(Map<String, Value>, bool), NvidiaError> {
        let Self(Overall(Jwt::Jwt, overall), Device { name, token }) = self;
        let check = |text: &str| {
            let claims = Token::parse(text)?.verify(keys)?.validate(issuers, now)?;
            let names_nonce = claims
                .get("eat_nonce")
                .is_some_and(|found| is_hex_of(found, nonce));
            names_nonce.then_some(claims).ok_or(NvidiaError::TokenNonce)
        };
        let overall = check(&overall)?;
        let claims = check(&token)?;
        if !vouches_for(&overall, &name, &token) {
            return Err(NvidiaError::TokenDigest);
        }
        match overall.get(OVERALL) {
            Some(Value::Bool(result)) => Ok((claims, *result)),
            _ => Err(NvidiaError::Answer("there is no overall result")),
        }
    }
}

/// `"submods": {name: ["DIGEST", ["SHA-256", hex]]}`, and nothing else in it.
fn vouches_for(overall: &Map<String, Value>, name: &str, token: &str) -> bool {
    let Some(Value::Object(submods)) = overall.get("submods") else {
        return false;
    };
    let Some(Value::Array(entry)) = submods.get(name).filter(|_| submods.len() == 1) else {
        return false;
    };
    let [Value::String(kind), Value::Array(entry)] = entry.as_slice() else {
        return false;
    };
    let [Value::String(algorithm), found] = entry.as_slice() else {
        return false;
    };
    kind == "DIGEST"
        && matches!(algorithm.as_str(), "SHA-256" | "SHA256")
        && is_hex_of(found, digest(&SHA256, token.as_bytes()).as_ref())
}

fn is_hex_of(found: &Value, bytes: &[u8]) -> bool {
    found
        .as_str()
        .and_then(|text| hex::decode(text).ok())
        .is_some_and(|found| found == bytes)
}

/// By hand, because a map would let a second token of the same name hide the first.
impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Device;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the token of one device")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Device, A::Error> {
                let first: Option<(String, String)> = map.next_entry()?;
                let (name, token) = first.ok_or_else(|| A::Error::custom("no device"))?;
                if map.next_key::<String>()?.is_some() {
                    return Err(A::Error::custom("several devices"));
                }
                Ok(Device { name, token })
            }
        }
        deserializer.deserialize_map(One)
    }
}
