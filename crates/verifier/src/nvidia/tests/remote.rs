//! Devices that the service judges.

use super::*;
use crate::nvidia::{NrasDevice, NrasRequest};
use simulated_tee::nvidia::{Nras, Verdict};
use std::sync::Arc;

pub(super) static NRAS: LazyLock<Nras> = LazyLock::new(|| Nras::new("key-1").unwrap());
pub(super) const NONCE: [u8; 32] = [0xa7; 32];

/// An attempt at these devices with the service's verdicts on them and its keys.
pub(super) fn judged(devices: &[&Device], verdicts: &[Verdict]) -> Attempt {
    let entries: Vec<Value> = devices.iter().map(|device| good_entry(device)).collect();
    let mut attempt = Attempt::remote(evidence(&entries));
    let wanted = attempt.wanted();
    for (id, verdict) in wanted.iter().zip(verdicts) {
        attempt
            .endorsements
            .insert(id.clone(), NRAS.answer(verdict).to_string().into_bytes());
    }
    attempt
        .endorsements
        .insert(EndorsementId::NrasKeys, NRAS.jwks().to_string().into_bytes());
    attempt
}

pub(super) fn good() -> Verdict {
    Verdict::gpu(&NONCE, "1", NOW)
}

#[test]
fn the_service_is_asked_about_each_device_and_for_its_keys() {
    let switch = Device::new(Chip::LS10).unwrap();
    let bytes = report(&HOPPER).sign();
    let mut entry = HOPPER.entry(&bytes);
    entry["evidence"] = json!(hex::encode(&bytes));
    let attempt = Attempt::remote(evidence(&[entry.clone(), good_entry(&switch)]));
    let wanted = attempt.wanted();
    let EndorsementId::NrasVerdict(first) = &wanted[0] else {
        panic!("{wanted:?}")
    };
    assert_eq!(
        **first,
        NrasRequest {
            kind: NrasDevice::Gpu,
            arch: "HOPPER".to_owned(),
            nonce: NONCE,
            evidence: bytes,
            certificate: entry["certificate"].as_str().unwrap().to_owned(),
        }
    );
    assert!(matches!(
        &wanted[1],
        EndorsementId::NrasVerdict(second) if second.kind == NrasDevice::Switch && second.arch == "LS10"
    ));
    assert_eq!(wanted[2], EndorsementId::NrasKeys);
    assert!(!wanted[0].is_cacheable() && wanted[2].is_cacheable());
}

#[test]
fn the_services_claims_are_given_as_they_are_with_its_overall_result() {
    let verdict = good().claim("x-nvidia-future", json!({"a": [1, null]}));
    let claims = judged(&[&HOPPER], std::slice::from_ref(&verdict)).run().unwrap();
    assert_eq!((claims.len(), claims[0].class()), (1, TeeClass::Gpu));
    let mut expected = verdict.device;
    expected.insert("x-nvidia-overall-att-result".to_owned(), json!(true));
    assert_eq!(*claims[0].claims(), expected);
    assert_eq!(claims[0].report_data(), None);
}

#[test]
fn a_switch_is_of_its_own_class_and_every_architecture_is_judged() {
    let (gpu, switch) = (
        Device::new(Chip::Blackwell).unwrap(),
        Device::new(Chip::LS10).unwrap(),
    );
    let verdicts = [Verdict::gpu(&NONCE, "1", NOW), Verdict::switch(&NONCE, "2", NOW)];
    let claims = judged(&[&gpu, &switch], &verdicts).run().unwrap();
    let classes: Vec<TeeClass> = claims.iter().map(VerifiedClaims::class).collect();
    assert_eq!(classes, [TeeClass::Gpu, TeeClass::Switch]);
}

#[test]
fn a_bad_result_is_a_claim_for_the_policy_and_no_result_is_no_answer() {
    let mut verdict = good().claim("measres", "fail");
    verdict
        .overall
        .insert("x-nvidia-overall-att-result".to_owned(), json!(false));
    let claims = judged(&[&HOPPER], &[verdict.clone()]).run().unwrap();
    assert_eq!(claims[0].claims()["x-nvidia-overall-att-result"], false);
    for value in [json!("true"), json!(null), json!(1)] {
        verdict
            .overall
            .insert("x-nvidia-overall-att-result".to_owned(), value);
        assert_endorsement_refused(
            &judged(&[&HOPPER], &[verdict.clone()]),
            &NvidiaError::Answer("there is no overall result"),
        );
    }
}

#[test]
fn a_claim_of_the_device_about_the_overall_result_does_not_count() {
    let mut verdict = good().claim("x-nvidia-overall-att-result", true);
    verdict
        .overall
        .insert("x-nvidia-overall-att-result".to_owned(), json!(false));
    let claims = judged(&[&HOPPER], &[verdict]).run().unwrap();
    assert_eq!(claims[0].claims()["x-nvidia-overall-att-result"], false);
}

#[test]
fn evidence_for_another_nonce_is_refused_whatever_the_service_says() {
    let mut attempt = judged(&[&HOPPER], &[good()]);
    attempt.expected.report_data = Some(vec![1; 48]);
    assert_eq!(attempt.run(), Err(VerifyError::ReportDataMismatch));
    attempt.expected.report_data = None;
    assert_eq!(attempt.run(), refused(NvidiaError::NoNonce));
}

#[test]
fn the_service_must_say_that_the_reports_nonce_is_the_one_it_was_asked_about() {
    const CLAIM: &str = "x-nvidia-gpu-attestation-report-nonce-match";
    for value in [json!(false), json!("true"), json!(null)] {
        let outcome = judged(&[&HOPPER], &[good().claim(CLAIM, value)]).run();
        assert_eq!(outcome, Err(VerifyError::ReportDataMismatch));
    }
    let mut verdict = good();
    verdict.device.remove(CLAIM);
    assert_eq!(
        judged(&[&HOPPER], &[verdict]).run(),
        Err(VerifyError::ReportDataMismatch)
    );
    // What a switch's verdict says is not what a GPU's must say.
    let outcome = judged(&[&HOPPER], &[Verdict::switch(&NONCE, "1", NOW)]).run();
    assert_eq!(outcome, Err(VerifyError::ReportDataMismatch));
}

#[test]
fn without_a_verdict_or_the_keys_there_is_no_result() {
    let full = judged(&[&HOPPER], &[good()]);
    let id = full.wanted().remove(0);
    let mut attempt = Attempt::remote(full.evidence.clone());
    attempt
        .endorsements
        .insert(EndorsementId::NrasKeys, NRAS.jwks().to_string().into_bytes());
    assert_eq!(attempt.run(), Err(VerifyError::MissingEndorsement(id.clone())));
    let mut attempt = Attempt::remote(full.evidence.clone());
    attempt
        .endorsements
        .insert(id, NRAS.answer(&good()).to_string().into_bytes());
    assert_eq!(
        attempt.run(),
        Err(VerifyError::MissingEndorsement(EndorsementId::NrasKeys))
    );
}

#[test]
fn a_device_judged_twice_is_refused() {
    let other = Device::new(Chip::Hopper).unwrap();
    let outcome = judged(&[&HOPPER, &other], &[good(), good()]).run();
    assert_eq!(outcome, refused(NvidiaError::SameDevice));
    let mut nameless = good();
    nameless.device.remove("ueid");
    let outcome = judged(&[&HOPPER, &HOPPER], &[nameless.clone(), nameless]).run();
    assert_eq!(outcome, refused(NvidiaError::SameDevice));
}

#[test]
fn evidence_without_a_request_is_refused_before_anybody_is_asked() {
    for (bytes, error) in [
        (&[][..], NvidiaError::Length("request")),
        (&[0x11, 0xe0, 1, 0xff, 0], NvidiaError::Length("request")),
        (&[0x21, 0xe0, 1, 0xff], NvidiaError::Spdm("version")),
        (&[0x11, 0x60, 1, 0xff], NvidiaError::Spdm("request code")),
    ] {
        let outcome = Attempt::remote(evidence(&[HOPPER.entry(bytes)])).run();
        assert_eq!(outcome, refused(error));
    }
}

#[test]
fn a_verdict_is_about_the_very_bytes_it_was_asked_about() {
    let full = judged(&[&HOPPER], &[good()]);
    let EndorsementId::NrasVerdict(request) = full.wanted().remove(0) else {
        panic!()
    };
    for change in [
        |request: &mut NrasRequest| request.evidence.push(0),
        |request: &mut NrasRequest| request.certificate.push('A'),
        |request: &mut NrasRequest| request.kind = NrasDevice::Switch,
    ] {
        let mut other = NrasRequest::clone(&request);
        change(&mut other);
        let id = EndorsementId::NrasVerdict(Arc::new(other));
        assert!(full.endorsements.get(&id).is_none());
    }
}

/// The verdict, or the keys, are at fault and not the evidence.
#[track_caller]
pub(super) fn assert_endorsement_refused(attempt: &Attempt, expected: &NvidiaError) {
    let error = attempt.run().unwrap_err();
    assert_eq!(error.class(), crate::Fault::Endorsement, "{error}");
    let VerifyError::BadEndorsement { id, reason } = error else {
        panic!("{error:?}")
    };
    assert_eq!(*reason, VerifyError::Nvidia(expected.clone()));
    let of_keys = matches!(expected, NvidiaError::KeySet(_) | NvidiaError::UnknownKey);
    assert_eq!(id == EndorsementId::NrasKeys, of_keys, "{id}");
}
