//! Signatures on certificates, and the algorithms that they name.

use super::*;

#[test]
fn ecdsa_signatures_with_parameters_are_refused() {
    let root = usual_root();
    let leaf = issue(params("as"), &root);
    let with = |parameters: Option<Any>| {
        let der = altered(&leaf.der, &root.key, |certificate| {
            certificate.signature_algorithm.parameters = parameters.clone();
            certificate.tbs_certificate.signature.parameters = parameters;
        });
        anchors(&root)
            .verify(&[encoding::encode_standard(&der)], NOW)
            .map(drop)
    };
    assert_eq!(with(None), Ok(()));
    assert_eq!(with(Some(Any::null())), Err(X5cError::Untrusted));
}

#[test]
fn pss_signatures_are_verified_only_as_they_say_they_were_made() {
    use rsa::pkcs1::{RsaPssParams, TrailerField};
    use x509_cert::spki::AlgorithmIdentifier;
    let key: &[u8] = include_bytes!("../../../testdata/rsa2048-pkcs1-key.pem");
    let jwk = SigningKey::from_pem(key).unwrap().public_jwk();
    let public = jwk.public_key();
    let (_, der) = der::pem::decode_vec(key).unwrap();
    let pair = ring::signature::RsaKeyPair::from_der(&der).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    let how = &ring::signature::RSA_PSS_SHA256;
    pair.sign(how, &SystemRandom::new(), b"certificate", &mut signature)
        .unwrap();

    let oid = |text| der::oid::ObjectIdentifier::new_unwrap(text);
    let [sha256, sha384] = ["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2"].map(oid);
    let (mgf1, unknown) = (oid("1.2.840.113549.1.1.8"), oid("1.2.3.4"));
    let verified = |hash, mask, mask_hash, salt_len| {
        let null = || Some(der::asn1::AnyRef::NULL);
        let parameters = RsaPssParams {
            hash: AlgorithmIdentifier {
                oid: hash,
                parameters: null(),
            },
            mask_gen: AlgorithmIdentifier {
                oid: mask,
                parameters: Some(AlgorithmIdentifier {
                    oid: mask_hash,
                    parameters: null(),
                }),
            },
            salt_len,
            trailer_field: TrailerField::BC,
        };
        let algorithm = AlgorithmIdentifierOwned {
            oid: oid("1.2.840.113549.1.1.10"),
            parameters: Some(Any::encode_from(&parameters).unwrap()),
        };
        signature::verify(public, &algorithm, b"certificate", &signature)
    };
    assert!(verified(sha256, mgf1, sha256, 32));
    assert!(!verified(sha256, unknown, sha256, 32));
    assert!(!verified(sha256, mgf1, sha384, 32));
    assert!(!verified(sha384, mgf1, sha256, 32));
    assert!(!verified(sha256, mgf1, sha256, 48));
}
