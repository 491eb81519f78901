//! Quotes: form, signature, registers, binding, claims.

use super::*;
use crate::{Fault, Tee, TeeClass};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use simulated_tee::tpm::QuoteFields;

#[test]
fn quotes_by_rsa_and_ecdsa_keys_are_accepted() {
    for tpm in tpms() {
        let claims = verify(tpm, &quote(tpm).sign().unwrap()).unwrap();
        assert_eq!((claims.tee(), claims.class()), (Tee::Tpm, TeeClass::Cpu));
        assert_eq!(claims.report_data(), Some("a7".repeat(32).as_str()));
        assert_eq!(claims.init_data(), Some(hex::encode(tpm.pcrs[8]).as_str()));
        let claims = claims.claims();
        assert_eq!(
            claims.get("ak_public"),
            Some(&json!(STANDARD.encode(tpm.ak_spki())))
        );
        assert_eq!(claims.get("ak_vouched_by"), Some(&json!("nobody")));
        for (number, value) in tpm.pcrs.iter().enumerate() {
            assert_eq!(
                claims.get(&format!("pcr{number:02}")),
                Some(&json!(hex::encode(value)))
            );
        }
        assert_eq!(
            claims.get("tpm_quote"),
            Some(&json!({
                "clock": 123_456, "firmware_version": 0x2020_0312_0012_0003_u64, "reset_count": 2,
                "restart_count": 0, "safe": true, "qualified_signer": format!("000b{}", "77".repeat(32)),
            }))
        );
        assert_eq!(claims.len(), 24 + 3);
    }
}

/// The key signs what `change` makes of a good quote.
fn signed(change: impl Fn(&mut QuoteFields) + Copy) -> Result<VerifiedClaims, VerifyError> {
    let [rsa, ecdsa] = tpms().map(|tpm| verify(tpm, &quote(tpm).with(change).sign().unwrap()));
    // The claims name the key; what is refused is refused alike.
    assert_eq!(rsa.as_ref().err(), ecdsa.as_ref().err());
    rsa
}

#[test]
fn what_a_tpm_did_not_make_is_refused_even_if_the_key_signed_it() {
    for magic in [0, 0xff54_4346, 0x4743_54ff] {
        let outcome = signed(|fields| fields.magic = magic);
        assert_eq!(outcome, refused(TpmError::Magic(magic)));
    }
}

#[test]
fn other_attestations_than_quotes_are_refused() {
    // Certify, creation, time, session audit, command audit, NV.
    for kind in [0x8017, 0x801a, 0x8019, 0x8016, 0x8015, 0x8014, 0] {
        let outcome = signed(|fields| fields.kind = kind);
        assert_eq!(outcome, refused(TpmError::NotAQuote(kind)));
    }
}

#[test]
fn fewer_pcrs_are_refused() {
    for bit in 0..24 {
        let outcome = signed(|fields| fields.selections[0].1[bit / 8] &= !(1 << (bit % 8)));
        assert_eq!(outcome, refused(TpmError::PcrSelection), "without PCR {bit}");
    }
    for bits in [
        vec![],
        vec![0xff, 0xff],
        vec![0xff, 0xff, 0xff, 0x00],
        vec![0xff; 4],
    ] {
        let outcome = signed(|fields| fields.selections[0].1 = bits.clone());
        assert_eq!(outcome, refused(TpmError::PcrSelection), "{bits:?}");
    }
}

#[test]
fn a_quote_over_another_bank_is_refused() {
    // SHA-1, SHA-384, SHA-512, SM3.
    for bank in [0x0004, 0x000c, 0x000d, 0x0012] {
        let outcome = signed(|fields| fields.selections[0].0 = bank);
        assert_eq!(outcome, refused(TpmError::PcrBank(bank)));
    }
}

#[test]
fn several_selections_and_none_are_refused() {
    let all = vec![0xff; 3];
    let twice = signed(|fields| fields.selections.push((0x000b, vec![0xff; 3])));
    assert_eq!(twice, refused(TpmError::PcrBanks(2)));
    let sha1_too = signed(|fields| fields.selections.insert(0, (0x0004, vec![0xff; 3])));
    assert_eq!(sha1_too, refused(TpmError::PcrBanks(2)));
    let split = |fields: &mut QuoteFields| {
        fields.selections = vec![(0x000b, vec![0xff, 0, 0]), (0x000b, vec![0, 0xff, 0xff])];
    };
    assert_eq!(signed(split), refused(TpmError::PcrBanks(2)));
    let many = signed(|fields| fields.selections = vec![(0x000b, all.clone()); 16]);
    assert_eq!(many, refused(TpmError::PcrBanks(16)));
    let none = signed(|fields| fields.selections.clear());
    assert_eq!(none, refused(TpmError::PcrBanks(0)));
}

#[test]
fn malformed_quotes_are_refused() {
    let trailing = signed(|fields| fields.trailing = vec![0]);
    assert_eq!(trailing, refused(TpmError::Message("something follows it")));
    let safe = signed(|fields| fields.safe = 2);
    assert_eq!(
        safe,
        refused(TpmError::Message("its clock is neither safe nor unsafe"))
    );
    for length in [0, 20, 31, 33, 48] {
        let digest = signed(|fields| fields.pcr_digest = vec![7; length]);
        assert_eq!(
            digest,
            refused(TpmError::Message("its PCR digest is not of SHA-256"))
        );
    }
}

#[test]
fn a_quote_cut_anywhere_is_refused() {
    use crate::tpm::attest::Attest;
    let message = quote(&RSA).sign().unwrap().message;
    assert!(Attest::parse(&message).is_ok());
    for length in 0..message.len() {
        assert!(Attest::parse(&message[..length]).is_err(), "{length}");
    }
}

#[test]
fn registers_that_are_not_in_the_quote_are_refused() {
    let wrong_digest = signed(|fields| fields.pcr_digest[31] ^= 1);
    assert_eq!(wrong_digest, refused(TpmError::PcrDigest));
    for tpm in tpms() {
        for register in 0..24 {
            let mut other = quote(tpm).sign().unwrap();
            other.pcrs[register][0] ^= 1;
            assert_eq!(verify(tpm, &other), refused(TpmError::PcrDigest), "{register}");
        }
        let mut swapped = quote(tpm).sign().unwrap();
        swapped.pcrs.swap(0, 23);
        assert_eq!(verify(tpm, &swapped), refused(TpmError::PcrDigest));
    }
}

#[test]
fn one_flipped_bit_in_the_message_or_the_signature_is_refused() {
    for tpm in tpms() {
        let good = quote(tpm).sign().unwrap();
        for at in 0..good.message.len() {
            let mut other = good.clone();
            other.message[at] ^= 0x10;
            assert_eq!(verify(tpm, &other), refused(TpmError::Signature), "message {at}");
        }
        for at in 0..good.tpmt_signature.len() {
            let mut other = good.clone();
            other.tpmt_signature[at] ^= 0x01;
            let error = verify(tpm, &other).unwrap_err();
            let expected = match at {
                0 | 1 => matches!(error, VerifyError::Tpm(TpmError::SignatureScheme(_))),
                2 | 3 => matches!(error, VerifyError::Tpm(TpmError::SignatureHash(_))),
                _ => matches!(
                    error,
                    VerifyError::Tpm(TpmError::SignatureForm(_) | TpmError::Signature)
                ),
            };
            assert!(expected, "signature {at}: {error:?}");
        }
    }
}

#[test]
fn another_keys_quote_is_refused() {
    let other = Tpm::new(KeyKind::Rsa).unwrap();
    let stolen = quote(&RSA).sign().unwrap();
    assert_eq!(verify(&other, &stolen), refused(TpmError::Signature));
    assert_eq!(verify(&ECDSA, &stolen), refused(TpmError::OtherScheme));
}

#[test]
fn signatures_of_other_schemes_and_numbers_out_of_range_are_refused() {
    let mut other = quote(&ECDSA).sign().unwrap();
    for (r, s, error) in [
        (vec![0; 32], vec![1; 32], TpmError::Signature),
        (vec![1; 32], vec![0; 32], TpmError::Signature),
        (vec![0xff; 32], vec![1; 32], TpmError::Signature),
        (vec![], vec![], TpmError::Signature),
        (
            vec![1; 33],
            vec![1; 32],
            TpmError::SignatureForm("a number in it is too long for P-256"),
        ),
    ] {
        let mut tpmt = vec![0x00, 0x18, 0x00, 0x0b];
        for number in [&r, &s] {
            tpmt.extend(u16::try_from(number.len()).unwrap().to_be_bytes());
            tpmt.extend(number);
        }
        other.tpmt_signature = tpmt;
        assert_eq!(verify(&ECDSA, &other), refused(error));
    }
    // RSAPSS, ECDAA, SM2, HMAC, none at all.
    for scheme in [0x0016_u16, 0x001a, 0x001b, 0x0005, 0x0010] {
        other.tpmt_signature = [&scheme.to_be_bytes()[..], &[0, 0x0b, 0, 0]].concat();
        assert_eq!(verify(&ECDSA, &other), refused(TpmError::SignatureScheme(scheme)));
    }
    other.tpmt_signature = [&[0x00, 0x14, 0x00, 0x04, 0x01, 0x00][..], &[7; 256]].concat();
    assert_eq!(verify(&RSA, &other), refused(TpmError::SignatureHash(0x0004)));
    for tpm in [&*RSA, &*ECDSA] {
        let mut longer = quote(tpm).sign().unwrap();
        longer.tpmt_signature.push(0);
        let follows = TpmError::SignatureForm("something follows it");
        assert_eq!(verify(tpm, &longer), refused(follows));
    }
}

#[test]
fn the_nonce_is_the_resized_report_data() {
    let evidence = |nonce: &[u8]| RSA.wire(&RSA.quote(nonce).sign().unwrap(), None);
    let run = |nonce: &[u8], report_data: Option<&[u8]>| {
        let evidence = evidence(nonce);
        let mut attempt = Attempt::new(&evidence);
        attempt.expected.report_data = report_data.map(<[u8]>::to_vec);
        attempt.run().map(|_| ())
    };
    let mismatch = Err(VerifyError::ReportDataMismatch);
    assert_eq!(run(&[0xa7; 32], Some(&[0xa7; 64])), Ok(()));
    assert_eq!(run(&[0xa7; 32], Some(&[0xa7; 32])), Ok(()));
    assert_eq!(run(&[0xa7; 32], None), Ok(()));
    assert_eq!(run(&Tpm::bare_nonce(b"challenge"), Some(b"challenge")), Ok(()));
    assert_eq!(run(b"challenge", Some(b"challenge")), mismatch);
    assert_eq!(run(&[0xa7; 48], Some(&[0xa7; 48])), mismatch);
    assert_eq!(run(&[], Some(&REPORT_DATA)), mismatch);
    for length in [0, 33, 47, 49, 63, 65] {
        let error = VerifyError::BindingLength {
            field: "report data",
            length,
        };
        assert_eq!(error.class(), Fault::Caller);
        assert_eq!(run(&[0xa7; 32], Some(&vec![0xa7; length])), Err(error));
    }
    for bit in 0..256 {
        let mut nonce = [0xa7; 32];
        nonce[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(run(&nonce, Some(&REPORT_DATA)), mismatch, "{bit}");
    }
}

#[test]
fn init_data_of_every_length_is_compared_or_an_error() {
    let evidence = RSA.wire(&quote(&RSA).sign().unwrap(), None);
    for length in 0..100 {
        let mut attempt = Attempt::new(&evidence);
        attempt.expected.init_data = Some(vec![0x1d; length]);
        let outcome = attempt.run();
        match length {
            32 => assert!(outcome.is_ok()),
            _ => assert_eq!(
                outcome,
                Err(VerifyError::BindingLength {
                    field: "init data",
                    length
                })
            ),
        }
    }
}

#[test]
fn init_data_that_was_not_bound_or_bound_beside_something_else_is_refused() {
    let fresh = Tpm::new(KeyKind::EcdsaP256).unwrap();
    let mut other = fresh.clone();
    other.bind_init_data([0x1e; 32]);
    let mut twice = fresh.clone();
    twice.bind_init_data(INIT_DATA);
    twice.bind_init_data(INIT_DATA);
    let mut bare = fresh.clone();
    bare.pcrs[8] = INIT_DATA;
    for tpm in [&fresh, &other, &twice, &bare] {
        let quote = quote(tpm).sign().unwrap();
        assert_eq!(verify(tpm, &quote), Err(VerifyError::InitDataMismatch));
        let evidence = tpm.wire(&quote, None);
        let mut attempt = Attempt::new(&evidence);
        attempt.expected.init_data = None;
        assert!(attempt.run().is_ok());
    }
}
