//! Revocation lists.

use super::*;
use crate::Fault;
use crate::snp::SnpProduct;
use der::asn1::{ObjectIdentifier, OctetString};
use simulated_tee::snp::{CrlSpec, Issuer, Revoked, VekSpec};
use x509_cert::ext::Extension;

const DAY: u64 = 86_400;

fn spec(revoked: Vec<Revoked>) -> CrlSpec {
    let now = NOW.unsigned_abs();
    CrlSpec {
        this_update: now - DAY,
        next_update: Some(now + DAY),
        revoked,
        issuer: Issuer::Ark,
    }
}

/// Verifies good Milan evidence with this list at hand.
fn with_list(list: Vec<u8>) -> Result<VerifiedClaims, VerifyError> {
    let evidence = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let mut attempt = Attempt::new(&evidence);
    attempt.endorsements.insert(
        EndorsementId::SnpCrl {
            product: SnpProduct::Milan,
        },
        list,
    );
    attempt.run()
}

fn with(spec: &CrlSpec) -> Result<VerifiedClaims, VerifyError> {
    with_list(MILAN.revocation_list(spec).unwrap())
}

#[test]
fn an_empty_list_and_a_list_of_others_change_nothing() {
    assert!(with(&spec(vec![])).is_ok());
    assert!(
        with(&spec(vec![
            Revoked::Asvk,
            Revoked::Vcek(vec![7]),
            Revoked::Serial(vec![0])
        ]))
        .is_ok()
    );
}

#[test]
fn a_revoked_ask_is_refused() {
    let outcome = with(&spec(vec![Revoked::Serial(vec![9]), Revoked::Ask]));
    assert_eq!(outcome, refused(SnpError::Revoked("ASK or ASVK")));
}

/// Verifies a good report by Milan's VLEK with these lists at hand.
fn by_vlek(lists: &[(EndorsementId, Vec<u8>)]) -> Result<VerifiedClaims, VerifyError> {
    let evidence = evidence(&vlek_report(&MILAN), &MILAN.vlek_chain()).unwrap();
    let mut attempt = Attempt::new(&evidence);
    for (id, list) in lists {
        attempt.endorsements.insert(id.clone(), list.clone());
    }
    attempt.run()
}

const MILANS: SnpProduct = SnpProduct::Milan;
const VCEKS: EndorsementId = EndorsementId::SnpCrl { product: MILANS };
const VLEKS: EndorsementId = EndorsementId::SnpVlekCrl { product: MILANS };

#[test]
fn a_revoked_asvk_is_refused() {
    let list = |revoked| MILAN.revocation_list(&spec(revoked)).unwrap();
    assert!(by_vlek(&[(VLEKS, list(vec![Revoked::Ask]))]).is_ok());
    assert_eq!(
        by_vlek(&[(VLEKS, list(vec![Revoked::Serial(vec![9]), Revoked::Asvk]))]),
        refused(SnpError::Revoked("ASK or ASVK"))
    );
}

#[test]
fn the_list_for_vceks_is_not_taken_for_that_for_vleks_nor_the_reverse() {
    let list = |revoked| MILAN.revocation_list(&spec(revoked)).unwrap();
    let (of_vceks, of_vleks) = (list(vec![Revoked::Asvk]), list(vec![Revoked::Ask]));
    let lists = [(VCEKS, of_vceks), (VLEKS, of_vleks)];
    assert!(by_vlek(&lists).is_ok());
    assert!(by_vlek(&lists[..1]).is_ok());

    let by_vcek = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let mut attempt = Attempt::new(&by_vcek);
    for (id, list) in lists {
        attempt.endorsements.insert(id, list);
    }
    assert!(attempt.run().is_ok());
    let by_vlek = evidence(&vlek_report(&MILAN), &MILAN.vlek_chain()).unwrap();
    assert_eq!(endorsements_for(&by_vcek), [VCEKS]);
    assert_eq!(endorsements_for(&by_vlek), [VLEKS]);
}

#[test]
fn a_list_for_vleks_is_the_roots_and_of_this_time() {
    let now = NOW.unsigned_abs();
    let of_asvk = CrlSpec {
        issuer: Issuer::AskAsArk,
        ..spec(vec![])
    };
    let late = CrlSpec {
        next_update: Some(now - 1),
        ..spec(vec![])
    };
    for list in [
        MILAN.revocation_list(&of_asvk).unwrap(),
        MILAN.revocation_list(&late).unwrap(),
        GENOA.revocation_list(&spec(vec![])).unwrap(),
        b"not a list".to_vec(),
    ] {
        assert!(matches!(
            by_vlek(&[(VLEKS, list)]),
            Err(VerifyError::Snp(SnpError::RevocationList(_)))
        ));
    }
}

#[test]
fn a_revoked_vcek_is_refused_and_its_neighbour_is_not() {
    for (serial, outcome) in [
        (vec![7], Some(SnpError::Revoked("VCEK or VLEK"))),
        (vec![8], None),
    ] {
        let vcek = MILAN
            .issue_vcek(&VekSpec {
                serial,
                ..MILAN.vcek_spec()
            })
            .unwrap();
        let evidence = evidence(&report(&MILAN), &[("VCEK", &vcek)]).unwrap();
        let mut attempt = Attempt::new(&evidence);
        let list = MILAN
            .revocation_list(&spec(vec![Revoked::Vcek(vec![7])]))
            .unwrap();
        attempt.endorsements.insert(
            EndorsementId::SnpCrl {
                product: SnpProduct::Milan,
            },
            list,
        );
        assert_eq!(attempt.run().err(), outcome.map(VerifyError::Snp));
    }
}

#[test]
fn a_list_that_is_not_the_roots_or_not_of_this_time_is_refused() {
    let now = NOW.unsigned_abs();
    let good = spec(vec![]);
    let bad = [
        CrlSpec {
            issuer: Issuer::AskAsArk,
            ..good.clone()
        },
        CrlSpec {
            next_update: Some(now - 1),
            ..good.clone()
        },
        CrlSpec {
            this_update: now + 1,
            ..good.clone()
        },
        CrlSpec {
            next_update: None,
            ..good.clone()
        },
    ];
    for spec in bad {
        let error = with(&spec).unwrap_err();
        assert!(
            matches!(error, VerifyError::Snp(SnpError::RevocationList(_))),
            "{error}"
        );
        assert_eq!(error.class(), Fault::Endorsement);
    }
    let mut flipped = MILAN.revocation_list(&good).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for list in [
        flipped,
        GENOA.revocation_list(&good).unwrap(),
        b"not a list".to_vec(),
        Vec::new(),
    ] {
        assert!(matches!(
            with_list(list),
            Err(VerifyError::Snp(SnpError::RevocationList(_)))
        ));
    }
}

#[test]
fn a_list_with_an_unknown_critical_extension_is_refused() {
    // The indicator of a list that says only what changed (RFC 5280, 5.2.4).
    let list = |critical| {
        let indicator = Extension {
            extn_id: ObjectIdentifier::new_unwrap("2.5.29.27"),
            critical,
            extn_value: OctetString::new([2, 1, 1]).unwrap(),
        };
        with_list(MILAN.revocation_list_with(&spec(vec![]), &[indicator]).unwrap())
    };
    assert!(list(false).is_ok());
    let reason = "it has an unknown critical extension".to_owned();
    let error = VerifyError::Snp(SnpError::RevocationList(reason));
    assert_eq!(list(true), Err(error));
}

#[test]
fn a_list_of_another_trusted_root_of_the_product_line_says_nothing_of_a_chain() {
    let other = Platform::impostor(Generation::Milan).unwrap();
    let roots = [&*MILAN, &other].map(|platform| SnpRoot::from_pem(platform.roots_pem().as_bytes()).unwrap());
    let evidence = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let of_the_other = other.revocation_list(&spec(vec![])).unwrap();
    let at_hand = |lists_are_optional| {
        let mut attempt = Attempt::new(&evidence);
        attempt.verifier = SnpVerifier::new(SnpOptions {
            extra_roots: roots.concat(),
            lists_are_optional,
        })
        .unwrap();
        attempt.endorsements.insert(VCEKS, of_the_other.clone());
        attempt.run()
    };
    let reason = "it is of another root".to_owned();
    assert_eq!(at_hand(false), refused(SnpError::RevocationList(reason)));
    assert_eq!(at_hand(true).unwrap().claims()["revocation_list"], "none");
}

/// Verifies good Milan evidence where lists are optional, and says what the claim says.
fn standing(lists: &[(EndorsementId, Vec<u8>)]) -> Result<String, VerifyError> {
    let roots = SnpRoot::from_pem(MILAN.roots_pem().as_bytes()).unwrap();
    let evidence = evidence(&report(&MILAN), &MILAN.vcek_chain()).unwrap();
    let mut attempt = Attempt::new(&evidence);
    attempt.verifier = SnpVerifier::new(SnpOptions {
        extra_roots: roots,
        lists_are_optional: true,
    })
    .unwrap();
    for (id, list) in lists {
        attempt.endorsements.insert(id.clone(), list.clone());
    }
    let verified = attempt.run()?;
    Ok(verified.claims()["revocation_list"].as_str().unwrap().to_owned())
}

#[test]
fn where_lists_are_optional_a_claim_says_what_the_list_at_hand_is_worth() {
    let now = NOW.unsigned_abs();
    let list = |spec: &CrlSpec| vec![(VCEKS, MILAN.revocation_list(spec).unwrap())];
    let good = spec(vec![Revoked::Vcek(vec![7])]);
    let (ended, future, endless, of_ask) = (
        CrlSpec {
            next_update: Some(now - 1),
            ..good.clone()
        },
        CrlSpec {
            this_update: now + 1,
            ..good.clone()
        },
        CrlSpec {
            next_update: None,
            ..good.clone()
        },
        CrlSpec {
            issuer: Issuer::AskAsArk,
            ..good.clone()
        },
    );
    for (lists, expected) in [
        (vec![], "none"),
        (list(&good), "current"),
        (list(&ended), "expired"),
        (list(&future), "unusable"),
        (list(&endless), "unusable"),
        (list(&of_ask), "unusable"),
        (vec![(VCEKS, b"not a list".to_vec())], "unusable"),
    ] {
        assert_eq!(standing(&lists).unwrap(), expected);
    }
}

#[test]
fn what_is_revoked_stays_revoked_when_the_list_is_over() {
    let now = NOW.unsigned_abs();
    let over = CrlSpec {
        next_update: Some(now - 1),
        ..spec(vec![Revoked::Ask])
    };
    let over = MILAN.revocation_list(&over).unwrap();
    let revoked = VerifyError::Snp(SnpError::Revoked("ASK or ASVK"));
    assert_eq!(standing(&[(VCEKS, over.clone())]), Err(revoked.clone()));
    assert_eq!(with_list(over).unwrap_err(), revoked);
}
