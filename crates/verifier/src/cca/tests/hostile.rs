//! Tokens by others, of others, of another time, and changed on their way.

use super::*;
use coset::{HeaderBuilder, iana};
use proptest::prelude::*;
use simulated_tee::cca::{Curve, SigningKey};

#[test]
fn without_stores_everything_is_refused_and_the_operator_is_told() {
    let token = good();
    let attempt = Attempt {
        stores: CcaStores::default(),
        ..Attempt::new(&token)
    };
    let outcome = attempt.run();
    assert_eq!(outcome, refused(CcaError::NotConfigured));
    assert_eq!(outcome.unwrap_err().class(), crate::Fault::Operator);
}

#[test]
fn a_platform_without_trust_anchor_is_unknown() {
    let machine = Platform::generate(Curve::P384).unwrap();
    let token = machine.token(Form::Version1).unwrap().sign().unwrap();
    let unknown = CcaError::UnknownPlatform {
        instance_id: hex::encode(machine.instance_id()),
        implementation_id: hex::encode(Platform::IMPLEMENTATION_ID),
    };
    assert_eq!(verify(&token), refused(unknown));
}

#[test]
fn a_trust_anchor_is_of_one_implementation() {
    let mut anchors = MACHINE.trust_anchors();
    anchors[0]["implementation-id"] = json!(hex::encode([9; 32]));
    let token = good();
    let attempt = Attempt {
        stores: stores(&anchors, &Platform::reference_values()),
        ..Attempt::new(&token)
    };
    assert!(matches!(
        attempt.run(),
        Err(VerifyError::Cca(CcaError::UnknownPlatform { .. }))
    ));
}

#[test]
fn the_name_of_a_platform_with_another_key_is_refused() {
    let impostor = Platform::impostor().unwrap();
    let token = impostor.token(Form::Version1).unwrap().sign().unwrap();
    assert_eq!(verify(&token), refused(CcaError::PlatformSignature));
}

#[test]
fn a_realm_token_must_be_signed_by_the_key_in_it() {
    let other = SigningKey::generate(Curve::P384).unwrap();
    let token = builder(Form::Version1).key(Token::Realm, &other).sign().unwrap();
    assert_eq!(verify(&token), refused(CcaError::RealmSignature));
}

#[test]
fn a_realm_key_that_the_platform_does_not_vouch_for_is_refused() {
    for form in Form::ALL {
        let other = SigningKey::generate(Curve::P384).unwrap();
        let key = match form {
            Form::Early => other.point().to_vec(),
            _ => other.cose().unwrap(),
        };
        let token = builder(form)
            .key(Token::Realm, &other)
            .set(Token::Realm, 44237, Cbor::Bytes(key));
        let token = token.sign().unwrap();
        assert_eq!(verify(&token), refused(CcaError::RealmKeyBinding), "{form:?}");
    }
}

#[test]
fn the_hash_of_the_realm_key_is_not_compared_by_its_beginning() {
    let key = MACHINE.rak().cose().unwrap();
    let mut longer = ring::digest::digest(&ring::digest::SHA256, &key)
        .as_ref()
        .to_vec();
    longer.resize(64, 0);
    let token = builder(Form::Version1).set(Token::Platform, 10, Cbor::Bytes(longer));
    assert_eq!(verify(&token.sign().unwrap()), refused(CcaError::RealmKeyBinding));
}

#[test]
fn two_good_tokens_of_different_machines_do_not_make_a_good_one() {
    let other = Platform::generate(Curve::P384).unwrap();
    let foreign = other.token(Form::Version1).unwrap().challenge(&REPORT_DATA);
    let foreign = decode(&foreign.personalization_value(&INIT_DATA).sign().unwrap());
    let mut mixed = decode(&good());
    let (Cbor::Tag(_, mixed_content), Cbor::Tag(_, foreign)) = (&mut mixed, foreign) else {
        panic!()
    };
    mixed_content.as_map_mut().unwrap()[1] = foreign.into_map().unwrap().remove(1);
    assert_eq!(verify(&encode(&mixed)), refused(CcaError::RealmKeyBinding));
}

#[test]
fn the_algorithm_is_that_of_the_key_and_in_the_protected_header() {
    let header = |algorithm| HeaderBuilder::new().algorithm(algorithm).build();
    for (which, token) in [
        (Token::Platform, CcaToken::Platform),
        (Token::Realm, CcaToken::Realm),
    ] {
        for wrong in [
            header(iana::Algorithm::ES256),
            header(iana::Algorithm::ES512),
            header(iana::Algorithm::EdDSA),
            header(iana::Algorithm::HMAC_256_256),
            HeaderBuilder::new().build(),
        ] {
            let changed = builder(Form::Version1).header(which, wrong).sign().unwrap();
            assert_eq!(verify(&changed), refused(CcaError::Algorithm(token)));
        }
        let only_unprotected = builder(Form::Version1).header(which, HeaderBuilder::new().build());
        let moved = with_message(&only_unprotected.sign().unwrap(), which, |parts| {
            parts[1] = Cbor::Map(vec![(1.into(), (-35).into())]);
        });
        assert_eq!(verify(&moved), refused(CcaError::Algorithm(token)));
    }
}

#[test]
fn freshness_must_be_asked_for() {
    let token = good();
    let attempt = Attempt {
        expected: ExpectedBinding::default(),
        ..Attempt::new(&token)
    };
    assert_eq!(
        attempt.run(),
        Err(VerifyError::BindingLength {
            field: "report data",
            length: 0
        })
    );
}

#[test]
fn the_challenge_is_compared_in_all_its_bytes() {
    for bit in (0..512).step_by(73) {
        let mut challenge = [0; 64];
        challenge[..48].copy_from_slice(&REPORT_DATA);
        challenge[bit / 8] ^= 1 << (bit % 8);
        let token = builder(Form::Version1).challenge(&challenge).sign().unwrap();
        assert_eq!(verify(&token), Err(VerifyError::ReportDataMismatch), "{bit}");
    }
}

#[test]
fn the_personalization_value_is_the_init_data_padded_with_zeros() {
    for length in [32, 48, 64] {
        let digest = vec![0x5a; length];
        let token = builder(Form::Version1)
            .personalization_value(&digest)
            .sign()
            .unwrap();
        let mut attempt = Attempt::new(&token);
        attempt.expected.init_data = Some(digest.clone());
        assert!(attempt.run().is_ok(), "{length}");
        let mut shorter = digest;
        shorter.pop();
        attempt.expected.init_data = Some(shorter);
        assert_eq!(attempt.run(), Err(VerifyError::InitDataMismatch), "{length}");
    }
    let token = builder(Form::Version1).personalization_value(&[]).sign().unwrap();
    assert_eq!(verify(&token), Err(VerifyError::InitDataMismatch));
    let mut padded = [0; 64];
    padded[..48].copy_from_slice(&INIT_DATA);
    padded[63] = 1;
    let token = builder(Form::Version1)
        .personalization_value(&padded)
        .sign()
        .unwrap();
    assert_eq!(verify(&token), Err(VerifyError::InitDataMismatch));
}

#[test]
fn no_bit_of_a_token_can_be_flipped() {
    // Of one form: the published tokens undergo the same in another.
    let good = builder(Form::Draft3).sign().unwrap();
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(verify(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn a_token_cannot_be_cut_or_continued() {
    let good = good();
    for length in (0..good.len()).step_by(7) {
        assert!(verify(&good[..length]).is_err(), "{length}");
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(
        verify(&longer),
        refused(CcaError::Collection("bytes behind the end"))
    );
    assert_eq!(verify(&vec![0; 65537]), refused(CcaError::TooLong(65537)));
}

#[test]
fn what_is_no_evidence_is_malformed() {
    let verifier = CcaVerifier::new(CcaOptions::default());
    for text in [
        "",
        "null",
        "{}",
        r#"{"token":"AA=="}"#,
        r#"{"token":[256]}"#,
        r#"{"token":[-1]}"#,
    ] {
        let outcome = verifier.parse(UnverifiedEvidence::new(text.as_bytes()));
        assert!(
            matches!(outcome.err(), Some(VerifyError::Format { .. })),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn nothing_panics_on_arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(verify(&bytes).is_err());
    }

    #[test]
    fn nothing_panics_on_spliced_tokens(at in 0_usize..1000, bytes in proptest::collection::vec(any::<u8>(), 1..64)) {
        let mut token = good();
        let at = at % token.len();
        let end = (at + bytes.len()).min(token.len());
        let unchanged = token[at..end] == bytes[..];
        token.splice(at..end, bytes);
        prop_assert!(unchanged || verify(&token).is_err());
    }
}
