//! Type `corim`: a Concise Reference Integrity Manifest (draft-ietf-rats-corim) in CBOR, signed (COSE_Sign1) or not.
//! Of its CoMIDs the reference values are read, and of those digests and raw bytes. See `docs/extractors/corim.md`.

mod comid;

use ciborium::Value;

use super::{Extracted, Extractor, NativeSignature, Settings, cbor};

/// The tags of CoRIMs (draft-ietf-rats-corim section 12.2).
const UNSIGNED_CORIM: u64 = 501;
const COMID: u64 = 506;

/// Reads the manifest.
pub(crate) struct Corim;

impl Extractor for Corim {
    fn kind(&self) -> &'static str {
        "corim"
    }

    /// The registered one, and that of the drafts until 03.
    fn content_types(&self) -> &'static [&'static str] {
        &["application/rim+cbor", "application/corim-unsigned+cbor"]
    }

    fn native_signature(&self) -> NativeSignature {
        NativeSignature::Cose
    }

    fn extract(&self, payload: &[u8], _: &Settings) -> Result<Extracted, String> {
        let corim = cbor::parse(without_outer_tags(payload))?;
        let map = cbor::tagged(&corim, UNSIGNED_CORIM).unwrap_or(&corim);
        let tags = cbor::member(map, 1)
            .and_then(Value::as_array)
            .ok_or("it is not a CoRIM: it has no tags")?;
        let mut extracted = Extracted::default();
        for tag in tags {
            if let Some(comid) = comid_in(tag)? {
                comid::read(&comid, &mut extracted.values)?;
            }
        }
        if let Some(validity) = cbor::member(map, 4) {
            extracted.times = cbor::validity(validity)?;
        }
        Ok(extracted)
    }
}

/// Strips the tags 500 and 502 that may stand before a CoRIM, several times over: they are `d9 01f4` and `d9 01f6`.
pub(crate) fn without_outer_tags(mut bytes: &[u8]) -> &[u8] {
    while let [0xd9, 0x01, 0xf4 | 0xf6, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The CoMID in a tag of a CoRIM: tag 506 around its bytes, or other bytes that happen to be one. `None`: it is
/// something else (CoSWID, CoTL).
fn comid_in(tag: &Value) -> Result<Option<Value>, String> {
    let (content, certain) = match tag {
        Value::Tag(COMID, content) => (&**content, true),
        Value::Tag(_, content) => (&**content, false),
        content => (content, false),
    };
    let Some(bytes) = content.as_bytes() else {
        return if certain {
            Err("a CoMID is not in bytes".to_owned())
        } else {
            Ok(None)
        };
    };
    match cbor::parse(bytes) {
        Ok(value) if certain || comid::is_comid(&value) => Ok(Some(value)),
        Err(error) if certain => Err(error),
        _ => Ok(None),
    }
}
