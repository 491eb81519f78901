//! Tokens that are signed well and say what no token says.

use super::*;
use coset::HeaderBuilder;

fn token_of(which: Token) -> CcaToken {
    match which {
        Token::Platform => CcaToken::Platform,
        Token::Realm => CcaToken::Realm,
    }
}

/// Every claim that must be there, by form.
fn mandatory(form: Form) -> Vec<(Token, i64, &'static str)> {
    let mut claims = vec![
        (Token::Platform, 265, "profile"),
        (Token::Platform, 10, "challenge"),
        (Token::Platform, 2396, "implementation-id"),
        (Token::Platform, 256, "instance-id"),
        (Token::Platform, 2401, "config"),
        (Token::Platform, 2395, "lifecycle"),
        (Token::Platform, 2399, "sw-components"),
        (Token::Platform, 2402, "hash-algo-id"),
        (Token::Realm, 10, "challenge"),
        (Token::Realm, 44235, "personalization-value"),
        (Token::Realm, 44236, "hash-algo-id"),
        (Token::Realm, 44237, "public-key"),
        (Token::Realm, 44238, "initial-measurement"),
        (Token::Realm, 44239, "extensible-measurements"),
        (Token::Realm, 44240, "public-key-hash-algo-id"),
    ];
    if form == Form::Draft3 {
        claims.extend([
            (Token::Platform, 2394, "client-id"),
            (Token::Realm, 256, "instance-id"),
            (Token::Realm, 44243, "mec-policy"),
        ]);
    }
    claims
}

#[test]
fn a_mandatory_claim_that_is_missing_is_named() {
    for form in Form::ALL {
        for (which, label, claim) in mandatory(form) {
            let token = builder(form).leave_out(which, label).sign().unwrap();
            let missing = CcaError::MissingClaim {
                token: token_of(which),
                claim,
            };
            assert_eq!(verify(&token), refused(missing), "{form:?} {label}");
        }
    }
}

#[test]
fn a_claim_that_is_there_twice_is_named() {
    for form in Form::ALL {
        for (which, label, claim) in mandatory(form) {
            let token = builder(form).add(which, label.into(), Cbor::Null).sign().unwrap();
            let duplicate = CcaError::DuplicateClaim {
                token: token_of(which),
                claim,
            };
            assert_eq!(verify(&token), refused(duplicate), "{form:?} {label}");
        }
    }
}

#[test]
fn a_claim_of_another_type_is_named() {
    for form in Form::ALL {
        for (which, label, claim) in mandatory(form) {
            for wrong in [
                Cbor::Null,
                Cbor::Bool(true),
                Cbor::Map(vec![]),
                Cbor::Float(1.0),
                Cbor::Array(vec![]),
                Cbor::Bytes(vec![]),
            ] {
                let token = builder(form).set(which, label, wrong.clone()).sign().unwrap();
                let outcome = verify(&token);
                let named = matches!(
                    &outcome,
                    Err(VerifyError::Cca(CcaError::Claim { token, claim: named, .. }))
                        if *token == token_of(which) && *named == claim
                );
                assert!(named, "{form:?} {label} {wrong:?}: {outcome:?}");
            }
        }
    }
}

#[test]
fn a_value_out_of_range_is_named() {
    let bytes = |length| Cbor::Bytes(vec![1; length]);
    let cases = [
        (Token::Platform, 10, "challenge", bytes(33)),
        (Token::Platform, 2396, "implementation-id", bytes(31)),
        (Token::Platform, 2396, "implementation-id", bytes(33)),
        (Token::Platform, 256, "instance-id", bytes(32)),
        (Token::Platform, 256, "instance-id", Cbor::Bytes(vec![2; 33])),
        (Token::Platform, 2401, "config", bytes(4097)),
        (Token::Platform, 2395, "lifecycle", 0x3100.into()),
        (Token::Platform, 2395, "lifecycle", 0x7000.into()),
        (Token::Platform, 2395, "lifecycle", 0x1_3000.into()),
        (Token::Platform, 2395, "lifecycle", (-1).into()),
        (Token::Platform, 2402, "hash-algo-id", "sha-1".into()),
        (
            Token::Platform,
            2400,
            "verification-service",
            "x".repeat(1025).into(),
        ),
        (
            Token::Platform,
            2399,
            "sw-components",
            Cbor::Array(vec![Cbor::Null; 65]),
        ),
        (Token::Realm, 10, "challenge", bytes(63)),
        (Token::Realm, 10, "challenge", bytes(65)),
        (Token::Realm, 44235, "personalization-value", bytes(63)),
        (Token::Realm, 44236, "hash-algo-id", "SHA-256".into()),
        (Token::Realm, 44238, "initial-measurement", bytes(20)),
        (
            Token::Realm,
            44239,
            "extensible-measurements",
            Cbor::Array(vec![bytes(32); 3]),
        ),
        (
            Token::Realm,
            44239,
            "extensible-measurements",
            Cbor::Array(vec![bytes(32); 5]),
        ),
        (
            Token::Realm,
            44239,
            "extensible-measurements",
            Cbor::Array(vec![bytes(33); 4]),
        ),
        (Token::Realm, 44240, "public-key-hash-algo-id", "md5".into()),
    ];
    for (which, label, claim, value) in cases {
        let token = builder(Form::Version1).set(which, label, value).sign().unwrap();
        let outcome = verify(&token);
        let named = matches!(
            &outcome,
            Err(VerifyError::Cca(CcaError::Claim { token, claim: named, .. }))
                if *token == token_of(which) && *named == claim
        );
        assert!(named, "{label}: {outcome:?}");
    }
    let drafts = [
        (Token::Platform, 2394, "client-id", 2.into()),
        (Token::Realm, 44243, "mec-policy", Cbor::from("open")),
    ];
    for (which, label, claim, value) in drafts {
        let token = builder(Form::Draft3).set(which, label, value).sign().unwrap();
        let outcome = verify(&token);
        assert!(
            matches!(&outcome, Err(VerifyError::Cca(CcaError::Claim { claim: named, .. })) if *named == claim),
            "{label}: {outcome:?}"
        );
    }
}

#[test]
fn an_unknown_profile_is_refused() {
    for which in [Token::Platform, Token::Realm] {
        for profile in [
            "",
            "tag:arm.com,2026:cca_platform#2.0.0",
            "tag:arm.com,2026:realm#2.0.0",
        ] {
            let token = builder(Form::Version1)
                .set(which, 265, profile.into())
                .sign()
                .unwrap();
            assert_eq!(verify(&token), refused(CcaError::Profile(token_of(which))));
        }
    }
}

#[test]
fn components_have_the_labels_that_they_may_have_and_no_other() {
    let component = |entries: Vec<(i64, Cbor)>| {
        Cbor::Map(
            entries
                .into_iter()
                .map(|(label, value)| (label.into(), value))
                .collect(),
        )
    };
    let good = vec![(2, Cbor::Bytes(vec![1; 32])), (5, Cbor::Bytes(vec![1; 32]))];
    let with = |label: i64, value: Cbor| {
        let mut entries = good.clone();
        entries.retain(|(name, _)| *name != label);
        entries.push((label, value));
        component(entries)
    };
    let without = |label: i64| component(good.iter().filter(|(name, _)| *name != label).cloned().collect());
    for wrong in [
        Cbor::Null,
        Cbor::Array(vec![]),
        with(3, Cbor::Null),
        with(1, Cbor::Null),
        with(2, Cbor::Bytes(vec![1; 31])),
        with(4, 1.into()),
        with(5, Cbor::Bytes(vec![])),
        with(6, "sha-1".into()),
        without(2),
        without(5),
        Cbor::Map(vec![("2".into(), Cbor::Null)]),
    ] {
        let token = builder(Form::Version1).set(Token::Platform, 2399, Cbor::Array(vec![wrong.clone()]));
        let outcome = verify(&token.sign().unwrap());
        let about_claims = matches!(
            outcome,
            Err(VerifyError::Cca(
                CcaError::Claims { .. } | CcaError::Claim { .. } | CcaError::MissingClaim { .. }
            ))
        );
        assert!(about_claims, "{wrong:?}: {outcome:?}");
    }
}

#[test]
fn claims_are_bounded_in_number_and_depth() {
    for which in [Token::Platform, Token::Realm] {
        let mut many = builder(Form::Version1);
        for label in 0..64 {
            many = many.add(which, (100_000 + label).into(), Cbor::Null);
        }
        let too_many = CcaError::Claims {
            token: token_of(which),
            reason: "too many",
        };
        assert_eq!(verify(&many.sign().unwrap()), refused(too_many));
        let nested = (0..40).fold(Cbor::Null, |inner, _| Cbor::Array(vec![inner]));
        let deep = builder(Form::Version1)
            .add(which, 100_000.into(), nested)
            .sign()
            .unwrap();
        let too_deep = CcaError::Claims {
            token: token_of(which),
            reason: "nested too deeply",
        };
        assert_eq!(verify(&deep), refused(too_deep));
    }
}

#[test]
fn a_payload_is_one_map() {
    for (payload, reason) in [
        (vec![0x80], "not a map"),
        (vec![0xa0, 0], "bytes behind the end"),
        (vec![0xff], "not CBOR"),
        (vec![], "not CBOR"),
    ] {
        let token = with_message(&good(), Token::Platform, |parts| parts[2] = Cbor::Bytes(payload));
        let malformed = CcaError::Claims {
            token: CcaToken::Platform,
            reason,
        };
        assert_eq!(verify(&token), refused(malformed));
    }
}

#[test]
fn a_message_is_cose_sign1_with_a_payload_and_nothing_critical() {
    for which in [Token::Platform, Token::Realm] {
        let envelope = |reason| {
            refused(CcaError::Envelope {
                token: token_of(which),
                reason,
            })
        };
        let detached = with_message(&good(), which, |parts| parts[2] = Cbor::Null);
        assert_eq!(verify(&detached), envelope("no payload"));
        let short = with_message(&good(), which, |parts| drop(parts.pop()));
        assert_eq!(verify(&short), envelope("not COSE_Sign1"));
        let text = with_message(&good(), which, |parts| parts[3] = "signature".into());
        assert_eq!(verify(&text), envelope("not COSE_Sign1"));
        let twice = with_message(&good(), which, |parts| {
            parts[1] = Cbor::Map(vec![
                (4.into(), Cbor::Bytes(vec![1])),
                (4.into(), Cbor::Bytes(vec![1])),
            ]);
        });
        assert_eq!(verify(&twice), envelope("not COSE_Sign1"));
        let critical = HeaderBuilder::new()
            .algorithm(coset::iana::Algorithm::ES384)
            .add_critical(coset::iana::HeaderParameter::Kid)
            .build();
        let token = builder(Form::Version1).header(which, critical).sign().unwrap();
        assert_eq!(verify(&token), envelope("a critical header"));
    }
}

#[test]
fn a_collection_has_both_tokens_once_under_a_known_tag() {
    let Cbor::Tag(_, content) = decode(&good()) else {
        panic!()
    };
    let entries = content.into_map().unwrap();
    let collection =
        |tag, entries: &[(Cbor, Cbor)]| encode(&Cbor::Tag(tag, Box::new(Cbor::Map(entries.to_vec()))));
    let error = |reason| refused(CcaError::Collection(reason));
    assert!(verify(&collection(399, &entries)).is_ok());
    assert_eq!(
        verify(&collection(398, &entries)),
        refused(CcaError::CollectionTag(398))
    );
    assert_eq!(verify(&encode(&Cbor::Map(entries.clone()))), error("no CBOR tag"));
    assert_eq!(
        verify(&encode(&Cbor::Tag(399, Box::new(Cbor::Null)))),
        error("not a map")
    );
    assert_eq!(
        verify(&collection(399, &entries[1..])),
        refused(CcaError::MissingToken(CcaToken::Platform))
    );
    assert_eq!(
        verify(&collection(399, &entries[..1])),
        refused(CcaError::MissingToken(CcaToken::Realm))
    );
    let twice = [entries.clone(), entries.clone()].concat();
    assert_eq!(verify(&collection(399, &twice)), error("a label is there twice"));
    let unknown = [entries.clone(), vec![(1.into(), Cbor::Null)]].concat();
    assert_eq!(verify(&collection(399, &unknown)), error("an unknown label"));
    let unwrapped = error("a token is not wrapped as application/eat+cwt");
    assert_eq!(verify(&collection(907, &entries)), unwrapped);
    let wrap = |format: i64| {
        let wrapped = entries
            .iter()
            .map(|(label, token)| (label.clone(), Cbor::Array(vec![format.into(), token.clone()])));
        wrapped.collect::<Vec<_>>()
    };
    assert!(verify(&collection(907, &wrap(263))).is_ok());
    assert_eq!(verify(&collection(907, &wrap(60))), unwrapped);
    assert_eq!(
        verify(&collection(399, &wrap(263))),
        error("a token is no byte string")
    );
}
