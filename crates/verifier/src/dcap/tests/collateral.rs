//! Collateral: what a source can get wrong, and what it cannot get away with.

use super::*;
use crate::dcap::pem;
use crate::{DcapTee, Fault, Fmspc};
use simulated_tee::intel::{AuthoritySpec, CrlSpec, Issuer, QeIdentitySpec, TcbInfoSpec, Which};

/// What the good pieces are made from, to be changed.
struct Pieces {
    tcb_info: TcbInfoSpec,
    qe_identity: QeIdentitySpec,
    pck_crl: CrlSpec,
    root_crl: CrlSpec,
}

fn with(change: impl FnOnce(&mut Pieces)) -> Attempt {
    let mut pieces = Pieces {
        tcb_info: MACHINE.tcb_info(intel::Tee::Tdx, FROM, UNTIL),
        qe_identity: MACHINE.qe_identity(intel::Tee::Tdx, FROM, UNTIL),
        pck_crl: CrlSpec::new(FROM, UNTIL),
        root_crl: CrlSpec::new(FROM, UNTIL),
    };
    change(&mut pieces);
    let collateral = MACHINE.collateral_of(
        &pieces.tcb_info,
        &pieces.qe_identity,
        &pieces.pck_crl,
        &pieces.root_crl,
    );
    with_pieces(|all| *all = collateral.unwrap().into())
}

/// With the bytes of pieces changed.
fn with_pieces(change: impl FnOnce(&mut Collateral)) -> Attempt {
    let mut attempt = td_attempt();
    change(&mut attempt.collateral);
    attempt
}

fn tcb_info_id() -> EndorsementId {
    EndorsementId::DcapTcbInfo {
        tee: DcapTee::Tdx,
        fmspc: Fmspc(MACHINE.fmspc()),
    }
}

const QE_IDENTITY: EndorsementId = EndorsementId::DcapQeIdentity { tee: DcapTee::Tdx };
const PCK_CRL: EndorsementId = EndorsementId::DcapPckCrl {
    ca: crate::PckCa::Platform,
};

#[test]
fn each_piece_is_needed() {
    let attempt = td_attempt();
    let text = attempt.evidence.to_string();
    let parsed = TdxVerifier::new(Arc::clone(&attempt.dcap)).parse(UnverifiedEvidence::new(text.as_bytes()));
    let parsed = parsed.unwrap();
    let ids = parsed.endorsements_for();
    assert_eq!(
        ids,
        [tcb_info_id(), QE_IDENTITY, PCK_CRL, EndorsementId::DcapRootCrl]
    );
    for missing in &ids {
        let rest = ids.iter().filter(|id| *id != missing);
        let endorsements: Endorsements = rest
            .map(|id| (id.clone(), attempt.collateral.piece(id)))
            .collect();
        let error = parsed.verify(&bound(), &endorsements, NOW).unwrap_err();
        assert_eq!(error, VerifyError::MissingEndorsement(missing.clone()));
        assert_eq!(error.class(), Fault::Endorsement);
    }
}

#[test]
fn collateral_of_another_kind_of_platform_or_another_tee_is_refused() {
    let other_fmspc = with(|pieces| pieces.tcb_info.fmspc[0] ^= 1).run();
    assert_eq!(
        bad(other_fmspc),
        (tcb_info_id(), DcapError::OtherSubject("FMSPC"))
    );
    let sgx = with(|pieces| pieces.tcb_info = MACHINE.tcb_info(intel::Tee::Sgx, FROM, UNTIL)).run();
    assert_eq!(bad(sgx), (tcb_info_id(), DcapError::OtherSubject("TEE")));
    let sgx = with(|pieces| pieces.qe_identity = MACHINE.qe_identity(intel::Tee::Sgx, FROM, UNTIL)).run();
    assert_eq!(
        bad(sgx),
        (QE_IDENTITY, DcapError::OtherSubject("quoting enclave"))
    );
    let old_format = with(|pieces| pieces.tcb_info.version = 2).run();
    assert_eq!(bad(old_format), (tcb_info_id(), DcapError::OtherSubject("TEE")));
}

#[test]
fn documents_must_be_signed_by_the_tcb_signing_key_of_the_quotes_own_root() {
    let other = Platform::new(Arc::new(Pki::other().unwrap()), PckCa::Platform).unwrap();
    let foreign: Collateral = other.collateral(intel::Tee::Tdx, FROM, UNTIL).unwrap().into();
    // Its chain leads to another root; with the right chain, its signature is another's.
    let all = with_pieces(|pieces| {
        pieces.tcb_info = foreign.tcb_info.clone();
        pieces.signer_chain = foreign.signer_chain.clone();
    });
    assert_eq!(bad(all.run()), (tcb_info_id(), DcapError::UnknownRoot));
    let tcb_info = with_pieces(|pieces| pieces.tcb_info = foreign.tcb_info.clone());
    assert_eq!(bad(tcb_info.run()), (tcb_info_id(), DcapError::DocumentSignature));
    let qe_identity = with_pieces(|pieces| pieces.qe_identity = foreign.qe_identity.clone());
    assert_eq!(
        bad(qe_identity.run()),
        (QE_IDENTITY, DcapError::DocumentSignature)
    );
    // Their signer under our root.
    let root = INTEL.root_pem();
    let signer = foreign
        .signer_chain
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    let mixed = with_pieces(|pieces| {
        pieces.tcb_info = foreign.tcb_info.clone();
        pieces.signer_chain = [signer, &root].concat();
    });
    assert_eq!(bad(mixed.run()).1, DcapError::ChainSignature("TCB signing"));
}

#[test]
fn a_key_of_another_purpose_cannot_sign_documents() {
    for ca in [PckCa::Platform, PckCa::Processor] {
        let attempt = with_pieces(|pieces| pieces.signer_chain = INTEL.ca_chain(ca));
        assert!(matches!(
            bad(attempt.run()).1,
            DcapError::Certificate {
                certificate: "TCB signing",
                ..
            }
        ));
    }
    // The very key, with a certificate for something else, under the true root.
    let signed_by = |change: fn(&mut AuthoritySpec)| {
        let mut spec = INTEL.spec(Which::TcbSigning);
        change(&mut spec);
        let signer = pem(&[
            &INTEL.reissue(Which::TcbSigning, &spec).unwrap(),
            INTEL.root_der(),
        ]);
        with_pieces(|pieces| pieces.signer_chain = signer)
    };
    assert!(signed_by(|_| ()).run().is_ok());
    let changes: [fn(&mut AuthoritySpec); 3] = [
        |spec| spec.common_name = "Intel SGX PCK Certificate".to_owned(),
        |spec| spec.ca = Some(0),
        |spec| spec.unknown_critical = true,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let unacceptable = DcapError::Certificate {
            certificate: "TCB signing",
            reason: "it is not that of Intel's TCB signing key".to_owned(),
        };
        assert_eq!(
            bad(signed_by(change).run()),
            (tcb_info_id(), unacceptable),
            "{number}"
        );
    }
    let short = with_pieces(|pieces| pieces.signer_chain = INTEL.root_pem());
    assert_eq!(bad(short.run()).1, DcapError::ChainLength(1));
    let none = with_pieces(|pieces| pieces.signer_chain.clear());
    assert!(matches!(bad(none.run()).1, DcapError::ChainForm(_)));
}

#[test]
fn what_is_no_document_is_the_sources_fault() {
    for body in [
        "",
        "<html>too many requests</html>",
        "{}",
        "[]",
        r#"{"tcbInfo": {}, "signature": "00"}"#,
    ] {
        let attempt = with_pieces(|pieces| pieces.tcb_info = body.as_bytes().to_vec());
        let error = attempt.run().unwrap_err();
        assert_eq!(error.class(), Fault::Endorsement);
        assert!(matches!(bad(Err(error)).1, DcapError::Document(_)), "{body}");
    }
    let changed = |from: &str, to: &str| {
        let attempt = with_pieces(|pieces| {
            let text = String::from_utf8(pieces.tcb_info.clone()).unwrap();
            assert!(text.contains(from));
            pieces.tcb_info = text.replacen(from, to, 1).into_bytes();
        });
        bad(attempt.run()).1
    };
    assert!(matches!(
        changed("\"signature\":\"", "\"signature\":\"x"),
        DcapError::Document(_)
    ));
    assert_eq!(
        changed("\"signature\":\"", "\"signature\":\"00"),
        DcapError::DocumentSignature
    );
    assert_eq!(
        changed("\"pcesvn\":13", "\"pcesvn\":12"),
        DcapError::DocumentSignature
    );
    assert_eq!(changed("UpToDate", "OutOfDate"), DcapError::DocumentSignature);
    assert!(matches!(changed("Z\"", "\""), DcapError::Document(_)));
}

#[test]
fn revocation_lists_must_be_of_the_very_ca() {
    let wrong = |id: EndorsementId, reason| (id, DcapError::RevocationList(reason));
    let of_the_other = INTEL
        .pck_crl(PckCa::Processor, &CrlSpec::new(FROM, UNTIL))
        .unwrap();
    let attempt = with_pieces(|pieces| pieces.pck_crl = of_the_other);
    assert_eq!(bad(attempt.run()), wrong(PCK_CRL, "it is of another CA"));
    let of_the_root = with_pieces(|pieces| pieces.pck_crl = pieces.root_crl.clone());
    assert_eq!(bad(of_the_root.run()), wrong(PCK_CRL, "it is of another CA"));
    let of_the_ca = with_pieces(|pieces| pieces.root_crl = pieces.pck_crl.clone());
    assert_eq!(
        bad(of_the_ca.run()),
        wrong(EndorsementId::DcapRootCrl, "it is of another CA")
    );
    // Of a CA with the same name and another key.
    let namesake = Pki::other().unwrap();
    let foreign = namesake
        .pck_crl(PckCa::Platform, &CrlSpec::new(FROM, UNTIL))
        .unwrap();
    let attempt = with_pieces(|pieces| pieces.pck_crl = foreign);
    assert_eq!(bad(attempt.run()), wrong(PCK_CRL, "its signature is not valid"));
    let foreign = namesake.root_crl(&CrlSpec::new(FROM, UNTIL)).unwrap();
    let attempt = with_pieces(|pieces| pieces.root_crl = foreign);
    assert_eq!(
        bad(attempt.run()),
        wrong(EndorsementId::DcapRootCrl, "its signature is not valid")
    );
    let impostor = with(|pieces| pieces.pck_crl.issuer = Issuer::Impostor);
    assert_eq!(bad(impostor.run()), wrong(PCK_CRL, "its signature is not valid"));
    let critical = with(|pieces| pieces.root_crl.unknown_critical = true);
    assert_eq!(
        bad(critical.run()),
        wrong(EndorsementId::DcapRootCrl, "it has an unknown critical extension")
    );
    let endless = with(|pieces| pieces.pck_crl.without_end = true);
    assert_eq!(bad(endless.run()), wrong(PCK_CRL, "it has no end"));
    for bytes in [&b""[..], b"3082", b"<html>"] {
        let attempt = with_pieces(|pieces| pieces.pck_crl = bytes.to_vec());
        assert_eq!(bad(attempt.run()), wrong(PCK_CRL, "it is malformed"));
    }
}

#[test]
fn revoked_certificates_are_refused() {
    let pck = with(|pieces| pieces.pck_crl.revoked = vec![vec![9], MACHINE.pck_serial().to_vec()]);
    assert_eq!(pck.run(), refused(DcapError::Revoked("PCK")));
    let ca = with(|pieces| pieces.root_crl.revoked = vec![INTEL.ca_serial(PckCa::Platform)]);
    assert_eq!(ca.run(), refused(DcapError::Revoked("PCK CA")));
    let root = with(|pieces| pieces.root_crl.revoked = vec![INTEL.root_serial()]);
    assert_eq!(root.run(), refused(DcapError::Revoked("root CA")));
    // Of the signer of documents: the source's fault, which has not given the new ones.
    let signer = with(|pieces| pieces.root_crl.revoked = vec![INTEL.tcb_signing_serial()]);
    assert_eq!(
        bad(signer.run()),
        (tcb_info_id(), DcapError::Revoked("TCB signing"))
    );
    // Of others: nothing to us.
    let other = with(|pieces| {
        pieces.root_crl.revoked = vec![INTEL.ca_serial(PckCa::Processor)];
        pieces.pck_crl.revoked = vec![vec![9], SMALL.pck_serial().to_vec()];
    });
    assert!(other.run().is_ok());
}

#[test]
fn expired_collateral_is_used_and_said_to_be_expired() {
    for change in [
        |pieces: &mut Pieces| pieces.tcb_info.next_update = FROM + 60,
        |pieces: &mut Pieces| pieces.qe_identity.next_update = FROM + 60,
        |pieces: &mut Pieces| pieces.pck_crl.next_update = FROM + 60,
        |pieces: &mut Pieces| pieces.root_crl.next_update = FROM + 60,
    ] {
        let attempt = with(change);
        assert_eq!(attempt.claim("collateral_expiration_status"), json!("1"));
        let expiration = attempt.claim("earliest_expiration_date");
        assert_eq!(expiration, json!("2026-11-21T00:01:00Z"));
    }
    let fresh = td_attempt();
    assert_eq!(fresh.claim("collateral_expiration_status"), json!("0"));
    assert_eq!(
        fresh.claim("earliest_expiration_date"),
        json!("2026-12-21T00:00:00Z")
    );
    assert_eq!(fresh.claim("latest_issue_date"), json!("2026-11-21T00:00:00Z"));
    assert_eq!(fresh.claim("earliest_issue_date"), json!("2018-05-21T10:50:10Z"));
    // To the second.
    let at = |now| Attempt { now, ..td_attempt() }.claim("collateral_expiration_status");
    let until = i64::try_from(UNTIL).unwrap();
    assert_eq!(at(until - 1), json!("0"));
    assert_eq!(at(until), json!("1"));
}

#[test]
fn a_list_newer_than_an_expired_document_is_used_and_a_document_newer_than_an_expired_list_is_not() {
    let newer_list = with(|pieces| {
        pieces.tcb_info.issue_date = FROM - 1000;
        pieces.tcb_info.next_update = FROM - 500;
        pieces.qe_identity.issue_date = FROM - 1000;
    });
    assert_eq!(newer_list.claim("collateral_expiration_status"), json!("1"));
    let older_list = with(|pieces| {
        pieces.pck_crl.this_update = FROM - 1000;
        pieces.pck_crl.next_update = FROM - 500;
    });
    assert_eq!(
        bad(older_list.run()),
        (tcb_info_id(), DcapError::NeverValidTogether)
    );
}

#[test]
fn collateral_from_the_future_is_refused() {
    let later = u64::try_from(NOW).unwrap() + 60;
    let future = |id: EndorsementId| (id, DcapError::NotYetValid);
    let tcb_info = with(|pieces| pieces.tcb_info.issue_date = later);
    assert_eq!(bad(tcb_info.run()), future(tcb_info_id()));
    let qe_identity = with(|pieces| pieces.qe_identity.issue_date = later);
    assert_eq!(bad(qe_identity.run()), future(QE_IDENTITY));
    let pck_crl = with(|pieces| pieces.pck_crl.this_update = later);
    assert_eq!(bad(pck_crl.run()), future(PCK_CRL));
    let root_crl = with(|pieces| pieces.root_crl.this_update = later);
    assert_eq!(bad(root_crl.run()), future(EndorsementId::DcapRootCrl));
}

#[test]
fn collateral_that_a_source_rolled_back_shows_in_the_claims() {
    let rolled_back = with(|pieces| {
        pieces.tcb_info.evaluation_number = 15;
        pieces.tcb_info.issue_date = FROM - 20 * 86_400;
        pieces.pck_crl.number = 4;
        pieces.root_crl.number = 3;
    });
    let claims = rolled_back.run().unwrap();
    let claims = claims.claims();
    // The lower of the two documents' numbers.
    assert_eq!(claims["tcb_eval_num"], json!(15));
    assert_eq!(claims["pck_crl_num"], json!(4));
    assert_eq!(claims["root_ca_crl_num"], json!(3));
}

#[test]
fn ages_are_told_where_they_are_known() {
    let ages =
        ["tcb_info", "qe_identity", "pck_crl", "root_ca_crl"].map(|piece| format!("{piece}_age_seconds"));
    let claims = td_attempt().run().unwrap();
    assert!(ages.iter().all(|age| !claims.claims().contains_key(age)));
    let fetched = |at| {
        let claims = with_pieces(|pieces| pieces.fetched_at = Some(at)).run().unwrap();
        ages.clone().map(|age| claims.claims()[&age].clone())
    };
    assert_eq!(fetched(NOW - 90), [json!(90), json!(90), json!(90), json!(90)]);
    assert_eq!(fetched(NOW + 90)[0], json!(0));
}

#[test]
fn what_was_verified_before_is_not_mistaken_for_what_is_given_now() {
    let dcap = simulated();
    assert!(td_attempt().run().is_ok());
    // The same id with other bytes, and the same bytes with another chain.
    let forged = with_pieces(|pieces| {
        let text = String::from_utf8(pieces.tcb_info.clone()).unwrap();
        pieces.tcb_info = text.replace("\"pcesvn\":13", "\"pcesvn\":0").into_bytes();
    });
    assert!(Arc::ptr_eq(&forged.dcap, &dcap));
    assert_eq!(bad(forged.run()).1, DcapError::DocumentSignature);
    let good = td_attempt();
    assert!(good.run().is_ok());
    let mut with_another_chain = good.clone();
    with_another_chain.collateral.signer_chain = INTEL.ca_chain(PckCa::Platform);
    assert!(matches!(
        bad(with_another_chain.run()).1,
        DcapError::Certificate {
            certificate: "TCB signing",
            ..
        }
    ));
    assert!(good.run().is_ok());
}

#[test]
fn a_revocation_list_that_was_verified_for_one_ca_is_none_of_another_of_its_name() {
    let mut good = td_attempt();
    let pki = Pki::with_another_platform_ca().unwrap();
    let other = Platform::new(Arc::new(pki), PckCa::Platform).unwrap();
    let mut attempt = attempt(&other, Tee::Tdx, &other.td_quote(td()));
    // Of their own, so that nothing else is kept.
    let extra_roots = DcapRoot::read(INTEL.root_pem().as_bytes()).unwrap();
    good.dcap = Dcap::new(&DcapOptions { extra_roots }).unwrap();
    attempt.dcap = Arc::clone(&good.dcap);
    assert!(good.run().is_ok());
    assert!(attempt.run().is_ok());
    assert!(good.run().is_ok());
    attempt.collateral.pck_crl = good.collateral.pck_crl;
    let (id, error) = bad(attempt.run());
    assert_eq!(
        (id, error),
        (PCK_CRL, DcapError::RevocationList("its signature is not valid"))
    );
}
