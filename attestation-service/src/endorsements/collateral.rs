//! The spellings of Intel's collateral on its way: URL-encoded chains, lists in DER, hex or PEM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use verifier::EndorsementId;

/// Whether `id` is part of Intel's collateral.
pub(super) fn is_collateral(id: &EndorsementId) -> bool {
    matches!(
        id,
        EndorsementId::DcapTcbInfo { .. }
            | EndorsementId::DcapQeIdentity { .. }
            | EndorsementId::DcapPckCrl { .. }
            | EndorsementId::DcapRootCrl
    )
}

/// A chain of PEM certificates, URL-encoded (RFC 3986, section 2.1) or plain. A plus sign is one, as base64 has it.
pub(super) fn issuer_chain(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.trim().as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                decoded.extend(hex::decode(digits).ok()?);
                after
            }
            (b'%', _) => return None,
            (plain, after) => {
                decoded.push(plain);
                after
            }
        };
    }
    let chain = String::from_utf8(decoded).ok()?;
    chain.starts_with("-----BEGIN CERTIFICATE-----").then_some(chain)
}

/// The DER of a revocation list. Intel's service gives DER, a PCCS often hex, some PEM.
pub(super) fn revocation_list(body: &[u8]) -> Option<Vec<u8>> {
    /// A DER sequence.
    const SEQUENCE: u8 = 0x30;
    // "30", as hex begins, is not: a sequence whose length is '3', and whose first member is of no such tag.
    if let Ok(der) = hex::decode(body.trim_ascii()) {
        return der.first().is_some_and(|first| *first == SEQUENCE).then_some(der);
    }
    if body.first() == Some(&SEQUENCE) {
        return Some(body.to_vec());
    }
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("-----BEGIN X509 CRL-----")?;
    let (base64, _) = rest.split_once("-----END X509 CRL-----")?;
    let base64: String = base64.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

/// A JSON text without the white space between its parts: what was signed before a tool indented it.
pub(super) fn minified(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string {
            (in_string, escaped) = (escaped || character != '"', !escaped && character == '\\');
        } else if character == '"' {
            in_string = true;
        } else if character.is_ascii_whitespace() {
            continue;
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chain_is_decoded_as_intel_encodes_it() {
        let encoded = "-----BEGIN%20CERTIFICATE-----%0AMII%2Ba+b%2f%3D%3D%0A-----END%20CERTIFICATE-----%0A";
        let chain = issuer_chain(encoded).unwrap();
        assert_eq!(
            chain,
            "-----BEGIN CERTIFICATE-----\nMII+a+b/==\n-----END CERTIFICATE-----\n"
        );
        assert_eq!(issuer_chain(&chain).unwrap(), chain.trim());
    }

    #[test]
    fn what_is_no_chain_is_none() {
        for text in [
            "",
            "%",
            "%2",
            "%zz",
            "%ff%fe",
            "hello",
            "-----BEGIN CERTIFICATE-----%",
        ] {
            assert_eq!(issuer_chain(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_is_read_in_der_hex_and_pem() {
        let der = [0x30, 0x82, 0x01, 0xff];
        let pem = "-----BEGIN X509 CRL-----\nMIIB\n/w==\n-----END X509 CRL-----\n";
        for body in [&der[..], b"308201ff", b"308201FF\r\n", pem.as_bytes()] {
            assert_eq!(revocation_list(body).unwrap(), der, "{body:?}");
        }
        for body in [&b""[..], b"<html>", b"0a0b", b"-----BEGIN X509 CRL-----", b"\xff"] {
            assert_eq!(revocation_list(body), None, "{body:?}");
        }
    }

    #[test]
    fn white_space_goes_but_not_from_strings() {
        let text = "{ \"a b\" :\t[1 ,\n 2],\"q\\\" \\\\\": \" x \" }";
        assert_eq!(minified(text), "{\"a b\":[1,2],\"q\\\" \\\\\":\" x \"}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = issuer_chain(&text);
            let _ = revocation_list(&bytes);
        }

        #[test]
        fn a_minified_document_says_the_same(keys in proptest::collection::btree_map(".{0,8}", ".{0,20}", 0..6)) {
            let value = serde_json::json!({"a": keys, "b": [1, null, true]});
            let indented = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(minified(&indented), value.to_string());
        }
    }
}
