//! Certificates that vouch for attestation keys.

use super::*;
use crate::TpmRootError;
use serde_json::json;
use simulated_tee::tpm::{Authority, CertificateSpec, Purpose};

static ROOT: LazyLock<Authority> =
    LazyLock::new(|| Authority::root(&CertificateSpec::authority("root")).unwrap());
static MIDDLE: LazyLock<Authority> =
    LazyLock::new(|| ROOT.below(&CertificateSpec::authority("middle")).unwrap());

fn leaf() -> CertificateSpec {
    CertificateSpec::leaf(Purpose::AttestationKey)
}

/// The simulated root is believed about attestation keys.
fn trusting() -> TpmOptions {
    TpmOptions {
        ak_roots: vec![ROOT.der().to_vec()],
        ek_roots: Vec::new(),
    }
}

fn run(options: &TpmOptions, chain: &[Vec<u8>]) -> Result<VerifiedClaims, VerifyError> {
    let evidence = RSA.wire(&quote(&RSA).sign().unwrap(), Some(chain));
    Attempt {
        options: options.clone(),
        ..Attempt::new(&evidence)
    }
    .run()
}

/// A chain of the key's certificate and the one between.
fn chain(spec: &CertificateSpec) -> [Vec<u8>; 2] {
    [
        MIDDLE.certify(spec, RSA.ak_spki()).unwrap(),
        MIDDLE.der().to_vec(),
    ]
}

#[test]
fn a_chain_to_a_root_vouches_for_the_key_and_the_claims_say_which() {
    let [leaf, middle] = chain(&leaf());
    let with_root = [leaf.clone(), middle.clone(), ROOT.der().to_vec()];
    let direct = [ROOT.certify(&super::chains::leaf(), RSA.ak_spki()).unwrap()];
    let fingerprint = ring::digest::digest(&ring::digest::SHA256, ROOT.der());
    for chain in [&[leaf, middle][..], &with_root, &direct] {
        let verified = run(&trusting(), chain).unwrap();
        let claims = verified.claims();
        assert_eq!(claims.get("ak_vouched_by"), Some(&json!("ak_certificate")));
        assert_eq!(claims.get("ak_root"), Some(&json!(hex::encode(fingerprint))));
        assert_eq!(claims.get("ak_certificate_serial"), Some(&json!("4d2a")));
    }
}

#[test]
fn an_intermediate_authority_can_be_the_root() {
    let options = TpmOptions {
        ak_roots: vec![MIDDLE.der().to_vec()],
        ..TpmOptions::default()
    };
    let [leaf, middle] = chain(&leaf());
    assert!(run(&options, &[leaf.clone(), middle]).is_ok());
    assert!(run(&options, &[leaf]).is_ok());
}

#[test]
fn an_endorsement_key_that_signs_is_vouched_for_by_its_makers_root_alone() {
    let chain = chain(&CertificateSpec::leaf(Purpose::EndorsementKey));
    assert_eq!(run(&trusting(), &chain), refused(TpmError::UntrustedChain));
    let makers = TpmOptions {
        ak_roots: Vec::new(),
        ek_roots: vec![ROOT.der().to_vec()],
    };
    let claims = run(&makers, &chain).unwrap();
    assert_eq!(
        claims.claims().get("ak_vouched_by"),
        Some(&json!("ek_certificate"))
    );
    assert_eq!(
        run(&makers, &super::chains::chain(&leaf())),
        refused(TpmError::UntrustedChain)
    );
}

#[test]
fn a_chain_that_is_given_must_lead_to_a_root() {
    let chain = chain(&leaf());
    assert_eq!(
        run(&TpmOptions::default(), &chain),
        refused(TpmError::UntrustedChain)
    );
    let stranger = Authority::root(&CertificateSpec::authority("root")).unwrap();
    let options = TpmOptions {
        ak_roots: vec![stranger.der().to_vec()],
        ..TpmOptions::default()
    };
    assert_eq!(run(&options, &chain), refused(TpmError::UntrustedChain));
    assert_eq!(run(&trusting(), &[]), refused(TpmError::UntrustedChain));
    // Self-made, with the name of the root.
    let spoofed = stranger.certify(&leaf(), RSA.ak_spki()).unwrap();
    assert_eq!(
        run(&trusting(), &[spoofed, stranger.der().to_vec()]),
        refused(TpmError::UntrustedChain)
    );
}

#[test]
fn a_certificate_of_another_key_does_not_vouch_for_this_one() {
    let other = Tpm::new(KeyKind::EcdsaP256).unwrap();
    let certificate = ROOT.certify(&leaf(), other.ak_spki()).unwrap();
    assert_eq!(
        run(&trusting(), &[certificate]),
        refused(TpmError::CertificateOfOtherKey)
    );
    assert_eq!(
        run(&trusting(), &[ROOT.der().to_vec()]),
        refused(TpmError::CertificateOfOtherKey)
    );
}

#[test]
fn a_certificate_for_another_purpose_does_not_vouch() {
    let cases = [
        CertificateSpec::leaf(Purpose::WebServer),
        CertificateSpec {
            purpose: None,
            ..leaf()
        },
        CertificateSpec {
            signs: false,
            ..leaf()
        },
        CertificateSpec { ca: true, ..leaf() },
        CertificateSpec {
            ca: true,
            key_usage: false,
            ..leaf()
        },
    ];
    for spec in cases {
        assert_eq!(
            run(&trusting(), &chain(&spec)),
            refused(TpmError::CertificatePurpose),
            "{spec:?}"
        );
    }
}

#[test]
fn who_may_not_sign_certificates_signs_none() {
    let cases = [
        CertificateSpec {
            ca: false,
            ..CertificateSpec::authority("middle")
        },
        CertificateSpec {
            signs: false,
            ..CertificateSpec::authority("middle")
        },
    ];
    for spec in cases {
        let middle = ROOT.below(&spec).unwrap();
        let chain = [
            middle.certify(&leaf(), RSA.ak_spki()).unwrap(),
            middle.der().to_vec(),
        ];
        assert_eq!(run(&trusting(), &chain), refused(TpmError::ChainSignature(0)));
    }
    let shallow = Authority::root(&CertificateSpec {
        path_length: Some(0),
        ..CertificateSpec::authority("shallow")
    })
    .unwrap();
    let middle = shallow.below(&CertificateSpec::authority("middle")).unwrap();
    let chain = [
        middle.certify(&leaf(), RSA.ak_spki()).unwrap(),
        middle.der().to_vec(),
    ];
    let options = TpmOptions {
        ak_roots: vec![shallow.der().to_vec()],
        ..TpmOptions::default()
    };
    assert_eq!(run(&options, &chain), refused(TpmError::UntrustedChain));
}

#[test]
fn a_shuffled_or_foreign_chain_is_refused() {
    let [leaf, middle] = chain(&leaf());
    let stranger = ROOT.below(&CertificateSpec::authority("middle")).unwrap();
    assert_eq!(
        run(&trusting(), &[leaf.clone(), stranger.der().to_vec()]),
        refused(TpmError::ChainSignature(0))
    );
    assert_eq!(
        run(&trusting(), &[middle, leaf]),
        refused(TpmError::CertificateOfOtherKey)
    );
}

#[test]
fn every_certificate_must_be_valid_now() {
    const DAY: u64 = 86_400;
    let now = u64::try_from(NOW).unwrap();
    let expired = CertificateSpec {
        not_after: now - DAY,
        ..leaf()
    };
    let early = CertificateSpec {
        not_before: now + DAY,
        ..leaf()
    };
    for spec in [expired, early] {
        assert_eq!(run(&trusting(), &chain(&spec)), refused(TpmError::Validity));
    }
    let evidence = RSA.wire(&quote(&RSA).sign().unwrap(), Some(&chain(&leaf())));
    for now in [0, 1_704_067_199, 2_335_219_201, i64::MAX] {
        let attempt = Attempt {
            options: trusting(),
            now,
            ..Attempt::new(&evidence)
        };
        assert_eq!(attempt.run(), refused(TpmError::Validity), "{now}");
    }
}

#[test]
fn a_chain_that_is_remembered_still_expires_and_vouches_for_its_own_key_alone() {
    let verifier = TpmVerifier::new(&trusting()).unwrap();
    let run = |tpm: &Tpm, chain: &[Vec<u8>], now: i64| {
        let text = tpm.wire(&quote(tpm).sign().unwrap(), Some(chain)).to_string();
        let parsed = verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
        parsed.verify(&expected(), &Endorsements::new(), now)
    };
    let chain = chain(&leaf());
    assert!(run(&RSA, &chain, NOW).is_ok());
    assert!(run(&RSA, &chain, NOW).is_ok());
    assert_eq!(run(&RSA, &chain, i64::MAX), Err(TpmError::Validity.into()));
    assert_eq!(
        run(&ECDSA, &chain, NOW),
        Err(TpmError::CertificateOfOtherKey.into())
    );
}

#[test]
fn evidence_is_cheap_once_its_chain_is_known_and_without_a_chain() {
    let verifier = TpmVerifier::new(&trusting()).unwrap();
    let chain = chain(&leaf());
    let parse = |tpm: &Tpm, chain: Option<&[Vec<u8>]>| {
        let text = tpm.wire(&quote(tpm).sign().unwrap(), chain).to_string();
        verifier.parse(UnverifiedEvidence::new(text.as_bytes())).unwrap()
    };
    assert!(parse(&RSA, None).is_cheap());
    let first = parse(&RSA, Some(&chain));
    assert!(!first.is_cheap());
    first.verify(&expected(), &Endorsements::new(), NOW).unwrap();
    assert!(parse(&RSA, Some(&chain)).is_cheap());
    assert!(!parse(&RSA, Some(&chain[..1])).is_cheap());
    let mut other = chain.clone();
    other[0].push(0);
    assert!(!parse(&RSA, Some(&other)).is_cheap());
    assert!(!parse(&ECDSA, None).is_cheap());
}

#[test]
fn unknown_critical_extensions_and_flipped_bits_are_refused() {
    let critical = CertificateSpec {
        unknown_critical: true,
        ..leaf()
    };
    assert_eq!(
        run(&trusting(), &chain(&critical)),
        refused(TpmError::Certificate {
            position: 0,
            reason: "it has an unknown critical extension".to_owned()
        })
    );
    let good = chain(&leaf());
    for (position, certificate) in good.iter().enumerate() {
        for at in 0..certificate.len() {
            let mut chain = good.clone();
            chain[position][at] ^= 1;
            let error = run(&trusting(), &chain).unwrap_err();
            assert!(matches!(error, VerifyError::Tpm(_)), "{position} {at}: {error:?}");
        }
        let mut chain = good.clone();
        chain[position].push(0);
        assert!(run(&trusting(), &chain).is_err());
    }
}

#[test]
fn too_many_or_too_long_certificates_are_malformed() {
    for chain in [vec![vec![0x30]; 7], vec![vec![0x30; 8193]]] {
        let outcome = run(&trusting(), &chain);
        assert!(matches!(outcome, Err(VerifyError::Format { .. })), "{outcome:?}");
    }
}

#[test]
fn a_root_must_be_an_authority() {
    let options = |der: Vec<u8>| TpmOptions {
        ak_roots: vec![der],
        ..TpmOptions::default()
    };
    let leaf = ROOT.certify(&leaf(), RSA.ak_spki()).unwrap();
    let error = TpmVerifier::new(&options(leaf)).err();
    assert_eq!(
        error,
        Some(TpmRootError::NotAnAuthority(
            "CN=TPM key,O=Simulated TPM of Trustee".to_owned()
        ))
    );
    let error = TpmVerifier::new(&options(vec![1, 2])).err();
    assert!(matches!(error, Some(TpmRootError::Malformed(_))));
    assert_eq!(
        super::super::certificates_from_pem(ROOT.pem().as_bytes()),
        Ok(vec![ROOT.der().to_vec()])
    );
    assert!(super::super::certificates_from_pem(b"nothing").is_err());
}

#[test]
fn a_root_without_a_key_usage_may_be_trusted_and_one_whose_key_usage_says_otherwise_not() {
    let spec = CertificateSpec {
        key_usage: false,
        ..CertificateSpec::authority("made with openssl")
    };
    let plain = Authority::root(&spec).unwrap();
    let options = |root: &Authority| TpmOptions {
        ak_roots: vec![root.der().to_vec()],
        ..TpmOptions::default()
    };
    let leaf = [plain.certify(&leaf(), RSA.ak_spki()).unwrap()];
    assert!(run(&options(&plain), &leaf).is_ok());
    assert!(super::super::certificates_from_pem(plain.pem().as_bytes()).is_ok());

    let spec = CertificateSpec {
        signs: false,
        ..CertificateSpec::authority("signs messages alone")
    };
    let wrong = Authority::root(&spec).unwrap();
    let error = TpmVerifier::new(&options(&wrong))
        .err()
        .map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("CN=signs messages alone")));
    assert!(super::super::certificates_from_pem(wrong.pem().as_bytes()).is_err());
}

#[test]
fn a_key_for_agreements_on_the_right_curve_is_no_attestation_key() {
    use crate::tpm::key::AttestationKey;
    use der::asn1::{Any, BitString, ObjectIdentifier};
    use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
    let read = |kind| {
        let curve = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
        let info = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: ObjectIdentifier::new_unwrap(kind),
                parameters: Some(Any::encode_from(&curve).unwrap()),
            },
            subject_public_key: BitString::from_bytes(&[4; 65]).unwrap(),
        };
        AttestationKey::from_spki(&der::Encode::to_der(&info).unwrap())
    };
    assert_eq!(read("1.2.840.10045.2.1"), Ok(AttestationKey::P256([4; 65])));
    assert_eq!(
        read("1.3.132.1.12"),
        Err(TpmError::Key("it is neither RSA nor of P-256"))
    );
}
