//! Nothing that a stranger sends may make the verifier panic.

use super::*;
use crate::Tee;
use crate::tpm::attest::Attest;
use crate::tpm::{AttestationKey, Signature};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn what_is_not_tpm_evidence_is_malformed() {
    let good = RSA.wire(&quote(&RSA).sign().unwrap(), None);
    let changed = |change: fn(&mut Value)| {
        let mut evidence = good.clone();
        change(&mut evidence);
        evidence
    };
    let cases = [
        json!(null),
        json!([]),
        json!({}),
        changed(|it| drop(it.as_object_mut().unwrap().remove("ak_public"))),
        changed(|it| drop(it.as_object_mut().unwrap().remove("tpm_quote"))),
        changed(|it| it["ak_public"] = json!("%")),
        changed(|it| it["ak_public"] = json!(7)),
        changed(|it| it["tpm_quote"]["signature"] = json!("AA=")),
        changed(|it| it["tpm_quote"]["message"] = json!("-_-_")),
        changed(|it| it["tpm_quote"]["pcrs"] = json!([])),
        changed(|it| drop(it["tpm_quote"]["pcrs"].as_array_mut().unwrap().pop())),
        changed(|it| it["tpm_quote"]["pcrs"].as_array_mut().unwrap().push(json!("00"))),
        changed(|it| it["tpm_quote"]["pcrs"][3] = json!("00")),
        changed(|it| it["tpm_quote"]["pcrs"][3] = json!("zz".repeat(32))),
        changed(|it| it["tpm_quote"]["pcrs"][3] = json!(3)),
        changed(|it| it["ak_certificates"] = json!("AA==")),
        changed(|it| it["ak_certificates"] = json!(["%"])),
    ];
    for evidence in cases {
        let outcome = Attempt::new(&evidence).run();
        assert!(
            matches!(outcome, Err(VerifyError::Format { tee: Tee::Tpm, .. })),
            "{evidence}: {outcome:?}"
        );
    }
    let null = changed(|it| it["ak_certificates"] = json!(null));
    assert!(Attempt::new(&null).run().is_ok());
}

#[test]
fn keys_that_prove_nothing_are_refused() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let quote = quote(&RSA).sign().unwrap();
    let with_key = |spki: &[u8]| {
        let mut evidence = RSA.wire(&quote, None);
        evidence["ak_public"] = json!(STANDARD.encode(spki));
        Attempt::new(&evidence).run()
    };
    let good = RSA.ak_spki();
    let trailing = [good, &[0]].concat();
    assert_eq!(
        with_key(&trailing),
        refused(TpmError::Key("it is no SubjectPublicKeyInfo"))
    );
    // The exponent, the last three bytes, becomes 1; the modulus loses half of its bits.
    let mut exponent = good.to_vec();
    let end = exponent.len();
    exponent[end - 3..].copy_from_slice(&[0, 0, 1]);
    assert!(with_key(&exponent).is_err());
    assert_eq!(
        with_key(&rsa_spki(&[0xc7; 128], &[1, 0, 1])),
        refused(TpmError::Signature)
    );
    let (n, _) = RSA.ak_rsa().unwrap();
    for e in [&[1][..], &[2], &[0, 1]] {
        assert!(with_key(&rsa_spki(n, e)).is_err());
    }
    // A point that is on no curve, and one at infinity.
    let mut point = ECDSA.ak_spki().to_vec();
    let end = point.len();
    point[end - 1] ^= 1;
    let mut evidence = ECDSA.wire(&super::quote(&ECDSA).sign().unwrap(), None);
    evidence["ak_public"] = json!(STANDARD.encode(&point));
    assert_eq!(Attempt::new(&evidence).run(), refused(TpmError::Signature));
    // P-384.
    let p384 = "3076301006072a8648ce3d020106052b81040022036200";
    let mut p384 = hex::decode(p384).unwrap();
    p384.extend([4; 97]);
    assert_eq!(
        with_key(&p384),
        refused(TpmError::Key("it is neither RSA nor of P-256"))
    );
}

fn rsa_spki(n: &[u8], e: &[u8]) -> Vec<u8> {
    use der::asn1::{Any, BitString, ObjectIdentifier, Uint};
    use der::{Encode, Sequence};
    use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
    #[derive(Sequence)]
    struct Key {
        n: Uint,
        e: Uint,
    }
    let key = Key {
        n: Uint::new(n).unwrap(),
        e: Uint::new(e).unwrap(),
    };
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
            parameters: Some(Any::null()),
        },
        subject_public_key: BitString::from_bytes(&key.to_der().unwrap()).unwrap(),
    }
    .to_der()
    .unwrap()
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Attest::parse(&bytes);
        let _ = Signature::parse(&bytes);
        let _ = AttestationKey::from_spki(&bytes);
        let _ = crate::x509::Certificate::parse(&bytes);
    }

    #[test]
    fn no_change_of_a_quote_makes_the_parser_panic(
        at in 0..200_usize, value: u8, cut in 0..200_usize
    ) {
        let mut message = quote(&ECDSA).sign().unwrap().message;
        if let Some(byte) = message.get_mut(at) {
            *byte = value;
        }
        let _ = Attest::parse(&message);
        message.truncate(cut);
        let _ = Attest::parse(&message);
    }
}
