//! Keys that are none.

use super::*;
use crate::cca::key::PublicKey;
use coset::{CborSerializable, CoseKey, CoseKeyBuilder, iana};
use simulated_tee::cca::{Curve, SigningKey};

/// A P-384 key's coordinates.
fn coordinates() -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::generate(Curve::P384).unwrap();
    let (x, y) = key.point()[1..].split_at(48);
    (x.to_vec(), y.to_vec())
}

fn ec2(curve: iana::EllipticCurve, x: &[u8], y: &[u8]) -> CoseKeyBuilder {
    CoseKeyBuilder::new_ec2_pub_key(curve, x.to_vec(), y.to_vec())
}

#[test]
fn a_cose_key_has_a_known_curve_both_coordinates_and_no_other_purpose() {
    use iana::EllipticCurve::{P_256, P_384, P_521};
    let (x, y) = coordinates();
    let read = |key: CoseKey| PublicKey::from_cose(&key.to_vec().unwrap());
    assert!(read(ec2(P_384, &x, &y).build()).is_some());
    assert!(read(ec2(P_384, &x, &y).algorithm(iana::Algorithm::ES384).build()).is_some());
    assert!(read(ec2(P_384, &x, &y).add_key_op(iana::KeyOperation::Verify).build()).is_some());
    let compressed = CoseKeyBuilder::new_ec2_pub_key_y_sign(P_384, x.clone(), true);
    for wrong in [
        ec2(P_384, &x, &y).algorithm(iana::Algorithm::ES256).build(),
        ec2(P_384, &x, &y).add_key_op(iana::KeyOperation::Encrypt).build(),
        ec2(P_384, &x, &y).key_type(iana::KeyType::OKP).build(),
        ec2(P_256, &x, &y).build(),
        ec2(P_521, &x, &y).build(),
        ec2(P_384, &x[1..], &y).build(),
        ec2(P_384, &x, &[]).build(),
        compressed.build(),
        CoseKeyBuilder::new_symmetric_key(x.clone()).build(),
    ] {
        assert!(read(wrong.clone()).is_none(), "{wrong:?}");
    }
    let good = ec2(P_384, &x, &y).build().to_vec().unwrap();
    assert!(PublicKey::from_cose(&[good.as_slice(), &[0]].concat()).is_none());
    assert!(PublicKey::from_cose(&[]).is_none());
}

#[test]
fn a_bare_key_is_an_uncompressed_point_of_the_right_length() {
    let (x, y) = coordinates();
    let point = |first: u8| [&[first], x.as_slice(), &y].concat();
    assert!(PublicKey::from_point(&point(4)).is_some());
    for wrong in [
        vec![],
        point(0),
        point(2),
        point(3),
        point(4)[..96].to_vec(),
        [point(4), vec![0]].concat(),
    ] {
        assert!(PublicKey::from_point(&wrong).is_none());
    }
}

#[test]
fn a_point_off_the_curve_or_at_infinity_verifies_nothing() {
    for point in [
        [4; 97].to_vec(),
        [vec![4], vec![0; 96]].concat(),
        [vec![4], vec![0xff; 96]].concat(),
    ] {
        let hash = ring::digest::digest(&ring::digest::SHA256, &point)
            .as_ref()
            .to_vec();
        let token = builder(Form::Early)
            .set(Token::Realm, 44237, Cbor::Bytes(point))
            .set(Token::Platform, 10, Cbor::Bytes(hash));
        assert_eq!(verify(&token.sign().unwrap()), refused(CcaError::RealmSignature));
    }
}

#[test]
fn a_realm_key_in_the_form_of_another_profile_is_malformed() {
    let bare = builder(Form::Version1).set(Token::Realm, 44237, Cbor::Bytes(MACHINE.rak().point().to_vec()));
    assert_eq!(verify(&bare.sign().unwrap()), refused(CcaError::RealmKey));
    let cose = builder(Form::Early).set(Token::Realm, 44237, Cbor::Bytes(MACHINE.rak().cose().unwrap()));
    assert_eq!(verify(&cose.sign().unwrap()), refused(CcaError::RealmKey));
}

#[test]
fn a_signature_of_zeros_or_of_another_width_is_not_valid() {
    for which in [Token::Platform, Token::Realm] {
        let failure = match which {
            Token::Platform => CcaError::PlatformSignature,
            Token::Realm => CcaError::RealmSignature,
        };
        for signature in [vec![], vec![0; 96], vec![0xff; 96], vec![1; 64], vec![1; 97]] {
            let token = with_message(&good(), which, |parts| parts[3] = Cbor::Bytes(signature));
            assert_eq!(verify(&token), refused(failure.clone()));
        }
    }
}
