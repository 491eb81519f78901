//! Tests of certificate chains.

mod signatures;

use der::{Any, Decode, Encode};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use ring::rand::SystemRandom;
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::*;
use crate::{SigningKey, UnverifiedToken};

const RECORDED: &str = include_str!("../../testdata/ear-token.txt");
const RECORDED_ROOT: &[u8] = include_bytes!("../../testdata/as-root.pem");
/// Within the validity of the recorded chain, and of those made here.
const NOW: i64 = 1_795_309_100;
const YEAR: i64 = 365 * 86_400;

/// A certificate with its key and what it was made from.
struct Made {
    key: KeyPair,
    params: CertificateParams,
    der: Vec<u8>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    params
}

fn authority(name: &str, below: BasicConstraints) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(below);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn root(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Made { key, params, der }
}

fn issue(params: CertificateParams, issuer: &Made) -> Made {
    issue_for(KeyPair::generate().unwrap(), params, issuer)
}

fn issue_for(key: KeyPair, params: CertificateParams, issuer: &Made) -> Made {
    let issuer = Issuer::from_params(&issuer.params, &issuer.key);
    let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
    Made { key, params, der }
}

fn usual_root() -> Made {
    root(authority("root", BasicConstraints::Unconstrained))
}

fn anchors(made: &Made) -> TrustAnchors {
    TrustAnchors::from_pem(crate::pem::encode("CERTIFICATE", &made.der).as_bytes()).unwrap()
}

fn x5c(chain: &[&Made]) -> Vec<String> {
    chain
        .iter()
        .map(|made| encoding::encode_standard(&made.der))
        .collect()
}

fn verdict(root: &Made, chain: &[&Made]) -> Result<(), X5cError> {
    anchors(root).verify(&x5c(chain), NOW).map(drop)
}

/// The same certificate after `change`, signed again by `key`.
fn altered(der: &[u8], key: &KeyPair, change: impl FnOnce(&mut Certificate)) -> Vec<u8> {
    let mut certificate = Certificate::from_der(der).unwrap();
    change(&mut certificate);
    let tbs = certificate.tbs_certificate.to_der().unwrap();
    let random = SystemRandom::new();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, key.serialized_der(), &random).unwrap();
    let signature = pair.sign(&random, &tbs).unwrap();
    certificate.signature = der::asn1::BitString::from_bytes(signature.as_ref()).unwrap();
    certificate.to_der().unwrap()
}

fn to_v1(certificate: &mut Certificate) {
    certificate.tbs_certificate.version = Version::V1;
    certificate.tbs_certificate.extensions = None;
}

#[test]
fn the_recorded_chain_with_its_v1_leaf_vouches_for_the_recorded_token() {
    let token = UnverifiedToken::parse(RECORDED.trim()).unwrap();
    let anchors = TrustAnchors::from_pem(RECORDED_ROOT).unwrap();
    let chain = anchors.verify_jwk(token.jwk().unwrap(), NOW).unwrap();
    assert!(token.verify(&chain.key).is_ok());
    assert!(chain.is_current(NOW) && !chain.is_current(NOW + YEAR) && !chain.is_current(NOW - YEAR));
    // The root need not be part of the chain.
    assert!(anchors.verify(&token.jwk().unwrap().x5c()[..1], NOW).is_ok());
    assert_eq!(
        anchors
            .verify(token.jwk().unwrap().x5c(), NOW + YEAR)
            .unwrap_err(),
        X5cError::Expired
    );
    assert_eq!(
        anchors
            .verify(token.jwk().unwrap().x5c(), NOW - YEAR)
            .unwrap_err(),
        X5cError::NotYetValid
    );
}

#[test]
fn without_anchors_nothing_is_trusted() {
    let token = UnverifiedToken::parse(RECORDED.trim()).unwrap();
    let verdict = TrustAnchors::default().verify(token.jwk().unwrap().x5c(), NOW);
    assert_eq!(verdict.unwrap_err(), X5cError::Untrusted);
    assert!(TrustAnchors::default().is_empty());
    assert_eq!(TrustAnchors::from_pem(b"").unwrap_err(), X5cError::NotPem);
}

#[test]
fn a_self_made_chain_is_refused() {
    let (trusted, own) = (usual_root(), usual_root());
    let leaf = issue(params("as"), &own);
    assert_eq!(verdict(&own, &[&leaf, &own]), Ok(()));
    assert_eq!(verdict(&trusted, &[&leaf, &own]), Err(X5cError::Untrusted));
    assert_eq!(verdict(&trusted, &[&leaf]), Err(X5cError::Untrusted));
    let self_signed = root(params("as"));
    assert_eq!(verdict(&trusted, &[&self_signed]), Err(X5cError::Untrusted));
    assert_eq!(
        verdict(&trusted, &[&self_signed, &trusted]),
        Err(X5cError::WrongIssuer)
    );
}

#[test]
fn a_genuine_chain_does_not_vouch_for_another_key() {
    let root = usual_root();
    let leaf = issue(params("as"), &root);
    let own = SigningKey::generate_p256().unwrap().public_jwk();
    let mut jwk = serde_json::to_value(own).unwrap();
    jwk["x5c"] = serde_json::json!(x5c(&[&leaf, &root]));
    let jwk: Jwk = serde_json::from_value(jwk).unwrap();
    assert_eq!(
        anchors(&root).verify_jwk(&jwk, NOW).unwrap_err(),
        X5cError::AnotherKey
    );
}

#[test]
fn a_key_without_a_chain_is_refused() {
    let own = SigningKey::generate_p256().unwrap().public_jwk();
    assert_eq!(
        anchors(&usual_root()).verify_jwk(&own, NOW).unwrap_err(),
        X5cError::NoChain
    );
}

#[test]
fn a_leaf_that_is_not_for_signing_tokens_is_refused() {
    let root = usual_root();
    let with = |usages: &[KeyUsagePurpose], purposes: &[ExtendedKeyUsagePurpose]| {
        let mut params = params("as");
        params.key_usages = usages.to_vec();
        params.extended_key_usages = purposes.to_vec();
        verdict(&root, &[&issue(params, &root)])
    };
    use ExtendedKeyUsagePurpose as Purpose;
    use KeyUsagePurpose as Usage;
    let jwt = || Purpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 37]);
    let refused = Err(X5cError::NotForSigning);
    assert_eq!(with(&[], &[]), Ok(()));
    assert_eq!(with(&[Usage::DigitalSignature], &[]), Ok(()));
    assert_eq!(with(&[Usage::KeyEncipherment], &[]), refused);
    assert_eq!(with(&[Usage::KeyCertSign], &[]), refused);
    assert_eq!(with(&[], &[Purpose::ServerAuth]), refused);
    assert_eq!(with(&[], &[Purpose::ClientAuth, Purpose::ServerAuth]), refused);
    assert_eq!(
        with(
            &[],
            &[Purpose::CodeSigning, Purpose::TimeStamping, Purpose::OcspSigning]
        ),
        refused
    );
    assert_eq!(with(&[], &[Purpose::ServerAuth, jwt()]), Ok(()));
    assert_eq!(with(&[], &[Purpose::Any]), Ok(()));
    assert_eq!(
        with(&[], &[Purpose::Other(vec![1, 3, 6, 1, 4, 1, 99_999, 1])]),
        Ok(())
    );
}

#[test]
fn an_authority_is_no_leaf_unless_it_is_pinned_itself() {
    let root_of_trust = usual_root();
    let below = issue(authority("sub", BasicConstraints::Unconstrained), &root_of_trust);
    assert_eq!(verdict(&root_of_trust, &[&below]), Err(X5cError::NotForSigning));
    let mut without_key_usage = authority("sub", BasicConstraints::Unconstrained);
    without_key_usage.key_usages.clear();
    let below = issue(without_key_usage, &root_of_trust);
    assert_eq!(verdict(&root_of_trust, &[&below]), Err(X5cError::NotForSigning));
    let mut pinned = params("as");
    pinned.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pinned = root(pinned);
    assert_eq!(verdict(&pinned, &[&pinned]), Ok(()));
    let only_for_certificates = usual_root();
    assert_eq!(
        verdict(&only_for_certificates, &[&only_for_certificates]),
        Err(X5cError::NotForSigning)
    );
}

#[test]
fn a_leaf_may_be_pinned_but_then_issues_nothing() {
    let root = usual_root();
    let pinned = issue(params("as"), &root);
    let below = issue(params("other"), &pinned);
    assert_eq!(verdict(&pinned, &[&pinned]), Ok(()));
    assert_eq!(verdict(&pinned, &[&below]), Err(X5cError::Untrusted));
    assert_eq!(verdict(&pinned, &[&below, &pinned]), Err(X5cError::NotAnIssuer));
}

#[test]
fn a_pinned_leaf_may_be_one_for_tls_though_not_one_that_must_not_sign() {
    let root = usual_root();
    let with = |usages: &[KeyUsagePurpose]| {
        let mut params = params("as");
        params.key_usages = usages.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        issue(params, &root)
    };
    use KeyUsagePurpose as Usage;
    let leaf = with(&[Usage::DigitalSignature, Usage::KeyEncipherment]);
    assert_eq!(verdict(&leaf, &[&leaf]), Ok(()));
    assert_eq!(verdict(&leaf, &[&leaf, &root]), Ok(()));
    // Pinned or not is a matter of the very certificate.
    assert_eq!(verdict(&root, &[&leaf]), Err(X5cError::NotForSigning));
    let other = with(&[Usage::DigitalSignature]);
    assert_eq!(verdict(&leaf, &[&other]), Err(X5cError::NotForSigning));
    let encipherer = with(&[Usage::KeyEncipherment]);
    assert_eq!(verdict(&encipherer, &[&encipherer]), Err(X5cError::NotForSigning));
}

#[test]
fn issuers_must_be_authorities_for_a_chain_of_this_length() {
    let none_below = root(authority("root", BasicConstraints::Constrained(0)));
    let sub = issue(authority("sub", BasicConstraints::Unconstrained), &none_below);
    let leaf = issue(params("as"), &sub);
    assert_eq!(verdict(&none_below, &[&leaf, &sub]), Err(X5cError::Untrusted));
    assert_eq!(
        verdict(&none_below, &[&leaf, &sub, &none_below]),
        Err(X5cError::NotAnIssuer)
    );
    assert_eq!(verdict(&none_below, &[&issue(params("as"), &none_below)]), Ok(()));

    let root = usual_root();
    let no_authority = issue(params("sub"), &root);
    let leaf = issue(params("as"), &no_authority);
    assert_eq!(
        verdict(&root, &[&leaf, &no_authority]),
        Err(X5cError::NotAnIssuer)
    );

    let mut no_signer = authority("sub", BasicConstraints::Unconstrained);
    no_signer.key_usages = vec![KeyUsagePurpose::CrlSign];
    let no_signer = issue(no_signer, &root);
    let leaf = issue(params("as"), &no_signer);
    assert_eq!(verdict(&root, &[&leaf, &no_signer]), Err(X5cError::NotAnIssuer));
}

#[test]
fn a_longer_chain_is_followed_in_order_only() {
    let root = usual_root();
    let one = issue(authority("one", BasicConstraints::Constrained(1)), &root);
    let two = issue(authority("two", BasicConstraints::Constrained(0)), &one);
    let leaf = issue(params("as"), &two);
    assert_eq!(verdict(&root, &[&leaf, &two, &one]), Ok(()));
    assert_eq!(verdict(&root, &[&leaf, &two, &one, &root]), Ok(()));
    assert_eq!(verdict(&root, &[&leaf, &one, &two]), Err(X5cError::WrongIssuer));
    assert_eq!(verdict(&root, &[&leaf, &two]), Err(X5cError::Untrusted));
    assert_eq!(verdict(&one, &[&leaf, &two]), Ok(()));
    let long: Vec<_> = std::iter::repeat_n(&leaf, 9).collect();
    assert_eq!(verdict(&root, &long), Err(X5cError::TooLong));
}

#[test]
fn an_x509_v1_certificate_that_another_issued_is_a_leaf_and_never_an_issuer() {
    let root = usual_root();
    let mut leaf = issue(params("as"), &root);
    leaf.der = altered(&leaf.der, &root.key, to_v1);
    assert_eq!(verdict(&root, &[&leaf]), Ok(()));

    let mut sub = issue(params("sub"), &root);
    sub.der = altered(&sub.der, &root.key, to_v1);
    let below = issue(params("as"), &sub);
    assert_eq!(verdict(&root, &[&below, &sub]), Err(X5cError::NotAnIssuer));
    assert_eq!(verdict(&sub, &[&below]), Err(X5cError::Untrusted));
}

#[test]
fn a_self_signed_x509_v1_root_that_is_trusted_issues() {
    let mut own = usual_root();
    own.der = altered(&own.der, &own.key, to_v1);
    let leaf = issue(params("as"), &own);
    assert_eq!(verdict(&own, &[&leaf]), Ok(()));
    assert_eq!(verdict(&own, &[&leaf, &own]), Ok(()));
    let sub = issue(authority("sub", BasicConstraints::Unconstrained), &own);
    let below = issue(params("as"), &sub);
    assert_eq!(verdict(&own, &[&below, &sub]), Ok(()));
    assert_eq!(verdict(&own, &[&below, &sub, &own]), Ok(()));

    // One that is only shown, and one of the same name with another key, vouch for nothing.
    assert_eq!(verdict(&usual_root(), &[&leaf, &own]), Err(X5cError::NotAnIssuer));
    let mut other = usual_root();
    other.der = altered(&other.der, &other.key, to_v1);
    assert_eq!(verdict(&other, &[&leaf]), Err(X5cError::Untrusted));
}

#[test]
fn a_trusted_root_with_a_key_that_cannot_be_used_here_is_named_as_the_reason() {
    // The point of another curve: what it is does not matter, as no P-521 signature is looked at.
    let to_p521 = |certificate: &mut Certificate| {
        let key = &mut certificate.tbs_certificate.subject_public_key_info;
        key.algorithm.parameters = Some(Any::from(crate::public_key::SECP521R1));
    };
    let root = usual_root();
    let leaf = issue(params("as"), &root);
    let mut unusable = usual_root();
    unusable.der = altered(&root.der, &root.key, to_p521);
    for chain in [&[&leaf][..], &[&leaf, &unusable][..]] {
        let refused = verdict(&unusable, chain).unwrap_err();
        assert!(matches!(refused, X5cError::AnchorKey(_)), "{refused}");
    }
    let stranger = issue(
        params("as"),
        &self::root(authority("else", BasicConstraints::Unconstrained)),
    );
    assert_eq!(verdict(&unusable, &[&stranger]), Err(X5cError::Untrusted));
}

#[test]
fn extensions_that_cannot_be_honoured_are_refused() {
    let root = usual_root();
    let custom = |critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 2], vec![5, 0]);
        extension.set_criticality(critical);
        let mut params = params("as");
        params.custom_extensions = vec![extension];
        issue(params, &root)
    };
    assert_eq!(verdict(&root, &[&custom(false)]), Ok(()));
    assert_eq!(verdict(&root, &[&custom(true)]), Err(X5cError::Extension));

    let mut constrained = authority("sub", BasicConstraints::Unconstrained);
    constrained.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("a".into())],
        excluded_subtrees: vec![],
    });
    let constrained = issue(constrained, &root);
    let leaf = issue(params("as"), &constrained);
    assert_eq!(verdict(&root, &[&leaf, &constrained]), Err(X5cError::Extension));
    // They limit names whether they are marked as critical or not.
    let mut constrained = authority("sub", BasicConstraints::Unconstrained);
    constrained.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 30], vec![0x30, 0])];
    let constrained = issue(constrained, &root);
    let leaf = issue(params("as"), &constrained);
    assert_eq!(verdict(&root, &[&leaf, &constrained]), Err(X5cError::Extension));

    let mut twice = custom(false);
    twice.der = altered(&twice.der, &root.key, |certificate| {
        let extensions = certificate.tbs_certificate.extensions.as_mut().unwrap();
        extensions.push(extensions[0].clone());
    });
    assert_eq!(verdict(&root, &[&twice]), Err(X5cError::Extension));
}

#[test]
fn an_issuer_in_between_that_is_out_of_its_time_is_refused() {
    let root = usual_root();
    let below = |change: fn(&mut CertificateParams)| {
        let mut sub = authority("sub", BasicConstraints::Unconstrained);
        change(&mut sub);
        let sub = issue(sub, &root);
        let leaf = issue(params("as"), &sub);
        verdict(&root, &[&leaf, &sub])
    };
    assert_eq!(below(|_| ()), Ok(()));
    let over = below(|sub| sub.not_after = date_time_ymd(2026, 11, 1));
    assert_eq!(over, Err(X5cError::Expired));
    let early = below(|sub| sub.not_before = date_time_ymd(2026, 12, 1));
    assert_eq!(early, Err(X5cError::NotYetValid));
}

#[test]
fn expired_issuers_are_refused_and_a_renewed_root_is_found() {
    let key = KeyPair::generate().unwrap();
    let mut old = authority("root", BasicConstraints::Unconstrained);
    old.not_after = date_time_ymd(2026, 6, 1);
    let old_der = old.self_signed(&key).unwrap().der().to_vec();
    let old = Made {
        key,
        params: old,
        der: old_der,
    };
    let leaf = issue(params("as"), &old);
    assert_eq!(verdict(&old, &[&leaf]), Err(X5cError::Expired));

    let renewed = authority("root", BasicConstraints::Unconstrained);
    let der = renewed.self_signed(&old.key).unwrap().der().to_vec();
    let mut both = anchors(&old);
    both.extend(TrustAnchors::from_pem(crate::pem::encode("CERTIFICATE", &der).as_bytes()).unwrap());
    assert!(both.verify(&x5c(&[&leaf]), NOW).is_ok());
}

#[test]
fn keys_of_every_type_may_sign_chains_and_be_vouched_for() {
    let root_of_trust = usual_root();
    for algorithm in [
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_ECDSA_P256_SHA256,
    ] {
        let key = || KeyPair::generate_for(algorithm).unwrap();
        let sub = issue_for(
            key(),
            authority("sub", BasicConstraints::Unconstrained),
            &root_of_trust,
        );
        let leaf = issue_for(key(), params("as"), &sub);
        assert_eq!(verdict(&root_of_trust, &[&leaf, &sub]), Ok(()));
    }
}

#[test]
fn rsa_pss_signatures_are_verified_and_their_parameters_held_to() {
    let pem = include_bytes!("../../testdata/rsa2048-pkcs1-key.pem");
    let block = crate::pem::blocks(pem).unwrap().remove(0);
    let pair = ring::rsa::KeyPair::from_der(&block.der).unwrap();
    let key = SigningKey::from_pem(pem).unwrap().verification_key();
    let mut value = vec![0; 256];
    pair.sign(
        &ring::signature::RSA_PSS_SHA256,
        &SystemRandom::new(),
        b"message",
        &mut value,
    )
    .unwrap();
    let algorithm = |salt: u8| {
        let parameters = rsa::pkcs1::RsaPssParams::new::<sha2::Sha256>(salt)
            .to_der()
            .unwrap();
        AlgorithmIdentifierOwned {
            oid: "1.2.840.113549.1.1.10".parse().unwrap(),
            parameters: Some(Any::from_der(&parameters).unwrap()),
        }
    };
    assert!(signature::verify(
        key.public_key(),
        &algorithm(32),
        b"message",
        &value
    ));
    assert!(!signature::verify(
        key.public_key(),
        &algorithm(32),
        b"massage",
        &value
    ));
    assert!(!signature::verify(
        key.public_key(),
        &algorithm(20),
        b"message",
        &value
    ));
    let bare = AlgorithmIdentifierOwned {
        parameters: None,
        ..algorithm(32)
    };
    assert!(!signature::verify(key.public_key(), &bare, b"message", &value));
}

#[test]
fn sha1_signatures_do_not_exist() {
    let key = SigningKey::from_pem(include_bytes!("../../testdata/rsa2048-pkcs1-key.pem")).unwrap();
    let sha1 = AlgorithmIdentifierOwned {
        oid: "1.2.840.113549.1.1.5".parse().unwrap(),
        parameters: Some(Any::null()),
    };
    assert!(!signature::verify(
        key.verification_key().public_key(),
        &sha1,
        b"m",
        &[1; 256]
    ));
}

#[test]
fn a_flipped_bit_anywhere_in_the_leaf_is_noticed() {
    let root = usual_root();
    let leaf = issue(params("as"), &root);
    let anchors = anchors(&root);
    for at in 0..leaf.der.len() {
        let mut der = leaf.der.clone();
        der[at] ^= 1;
        assert!(
            anchors.verify(&[encoding::encode_standard(&der)], NOW).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn certificates_are_read_in_both_alphabets_and_with_line_breaks() {
    let root = usual_root();
    let leaf = issue(params("as"), &root);
    let standard = encoding::encode_standard(&leaf.der);
    let broken: String = standard
        .as_bytes()
        .chunks(64)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
        .collect();
    for text in [standard, broken, encoding::encode(&leaf.der)] {
        assert!(anchors(&root).verify(&[text], NOW).is_ok());
    }
    let long = "A".repeat(MAX_CERTIFICATE_LENGTH + 1);
    assert_eq!(
        anchors(&root).verify(&[long], NOW).unwrap_err(),
        X5cError::TooLong
    );
    assert_eq!(
        anchors(&root).verify(&["!".into()], NOW).unwrap_err(),
        X5cError::Malformed
    );
}

proptest! {
    #[test]
    fn no_certificate_makes_the_check_panic(noise: Vec<u8>, changes: Vec<(usize, u8)>) {
        let token = UnverifiedToken::parse(RECORDED.trim()).unwrap();
        let anchors = TrustAnchors::from_pem(RECORDED_ROOT).unwrap();
        let mut leaf = encoding::decode_certificate(&token.jwk().unwrap().x5c()[0]).unwrap();
        for (at, byte) in changes {
            let at = at % leaf.len();
            leaf[at] = byte;
        }
        for der in [noise, leaf] {
            let _ = anchors.verify(&[encoding::encode_standard(&der)], NOW);
            let _ = TrustAnchors::from_pem(crate::pem::encode("CERTIFICATE", &der).as_bytes());
        }
    }
}

#[test]
fn a_certificate_for_signing_code_vouches_for_statements_and_not_for_tokens() {
    let root = root(authority("root", BasicConstraints::Unconstrained));
    let mut leaf = params("builder");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let leaf = issue(leaf, &root);
    let anchors = TrustAnchors::from_pem(pem::encode("CERTIFICATE", &root.der).as_bytes()).unwrap();
    let chain = [encoding::encode_standard(&leaf.der)];
    anchors
        .verify_chain_for(Purpose::Statements, &chain, NOW)
        .unwrap();
    assert_eq!(
        anchors.verify_chain(&chain, NOW).unwrap_err(),
        X5cError::NotForSigning
    );

    let mut server = params("server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let chain = [encoding::encode_standard(&issue(server, &root).der)];
    assert_eq!(
        anchors
            .verify_chain_for(Purpose::Statements, &chain, NOW)
            .unwrap_err(),
        X5cError::NotForSigning
    );
}
