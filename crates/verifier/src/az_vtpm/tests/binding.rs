//! What the evidence is bound to: the runtime data to the processor's report, the key to the runtime data, the
//! nonce, the user data, the init data.

use super::*;
use crate::Fault;
use serde_json::json;

#[test]
fn runtime_data_that_the_processor_did_not_vouch_for_is_refused() {
    let good = good_hcl_report();
    for at in (0..good.runtime_data.0.len()).step_by(9) {
        let mut bytes = good.runtime_data.0.clone().into_bytes();
        bytes[at] ^= 1;
        let mut other = good.clone();
        other.runtime_data = RuntimeData(String::from_utf8(bytes).unwrap());
        assert_eq!(
            verify(&quote(&MILAN.tpm), &other),
            refused(AzVtpmError::RuntimeDataBinding),
            "{at}"
        );
    }
    // Another vTPM's runtime data beside this processor's report.
    let other_tpm = Tpm::new(KeyKind::Rsa).unwrap();
    let mut stolen = good.clone();
    stolen.runtime_data = RuntimeData::new(&other_tpm, &REPORT_DATA).unwrap();
    assert_eq!(
        verify(&quote(&other_tpm), &stolen),
        refused(AzVtpmError::RuntimeDataBinding)
    );
}

#[test]
fn every_bit_of_the_processors_report_data_counts_its_padding_among_them() {
    let runtime_data = RuntimeData::new(&MILAN.tpm, &REPORT_DATA).unwrap();
    for bit in (0..512).step_by(7) {
        let mut report_data = runtime_data.report_data();
        report_data[bit / 8] ^= 1 << (bit % 8);
        let report = MILAN.platform.report().report_data(&report_data).sign().unwrap();
        let hcl_report = MILAN.hcl_report(&report, &runtime_data).unwrap();
        assert_eq!(
            verify(&quote(&MILAN.tpm), &hcl_report),
            refused(AzVtpmError::RuntimeDataBinding),
            "{bit}"
        );
    }
}

#[test]
fn a_quote_by_another_key_than_the_runtime_datas_is_refused() {
    let other = Tpm::new(KeyKind::Rsa).unwrap();
    assert_eq!(
        verify(&quote(&other), &good_hcl_report()),
        refused_by_tpm(TpmError::Signature)
    );
    let ecdsa = Tpm::new(KeyKind::EcdsaP256).unwrap();
    assert_eq!(
        verify(&quote(&ecdsa), &good_hcl_report()),
        refused_by_tpm(TpmError::Signature)
    );
}

#[test]
fn the_quote_must_be_one_over_all_registers() {
    let with = |change: fn(&mut simulated_tee::tpm::QuoteFields)| {
        let quote = MILAN.tpm.quote(&REPORT_DATA).with(change).sign().unwrap();
        verify(&quote, &good_hcl_report())
    };
    assert_eq!(
        with(|fields| fields.magic = 1),
        refused_by_tpm(TpmError::Magic(1))
    );
    assert_eq!(
        with(|fields| fields.kind = 0x8017),
        refused_by_tpm(TpmError::NotAQuote(0x8017))
    );
    assert_eq!(
        with(|fields| fields.selections[0].1[1] = 0xf7),
        refused_by_tpm(TpmError::PcrSelection)
    );
    assert_eq!(
        with(|fields| fields.selections[0].0 = 0x0004),
        refused_by_tpm(TpmError::PcrBank(0x0004))
    );
    assert_eq!(
        with(|fields| fields.selections.push((0x000b, vec![0xff; 3]))),
        refused_by_tpm(TpmError::PcrBanks(2))
    );
    let mut moved = quote(&MILAN.tpm);
    moved.pcrs[11][0] ^= 1;
    assert_eq!(
        verify(&moved, &good_hcl_report()),
        refused_by_tpm(TpmError::PcrDigest)
    );
}

#[test]
fn the_nonce_must_be_the_report_data_exactly_and_there_must_be_some() {
    let run = |nonce: &[u8], report_data: Option<&[u8]>, version: Version| {
        let quote = MILAN.tpm.quote(nonce).sign().unwrap();
        let hcl_report = MILAN.good_hcl_report(report_data.unwrap_or_default()).unwrap();
        let evidence = SnpVm::wire(version, &quote, &hcl_report, MILAN.platform.vcek_der()).unwrap();
        let mut attempt = Attempt::new(&evidence);
        attempt.expected.report_data = report_data.map(<[u8]>::to_vec);
        attempt.run().map(|_| ())
    };
    for version in Version::ALL {
        let good = [&[0xa7; 64][..], &[0xa7; 48], &[0xa7; 32], b"challenge"];
        for nonce in good {
            assert_eq!(run(nonce, Some(nonce), version), Ok(()));
        }
        let padded = [&REPORT_DATA[..], &[0; 16]].concat();
        for nonce in [&padded[..], &REPORT_DATA[..47], &REPORT_DATA[..32], &[]] {
            assert_eq!(
                run(nonce, Some(&REPORT_DATA), version),
                Err(VerifyError::ReportDataMismatch)
            );
        }
        for bit in (0..384).step_by(5) {
            let mut nonce = REPORT_DATA;
            nonce[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                run(&nonce, Some(&REPORT_DATA), version),
                Err(VerifyError::ReportDataMismatch)
            );
        }
        let missing = VerifyError::BindingRequired { field: "report data" };
        assert_eq!(missing.class(), Fault::Caller);
        assert_eq!(run(&REPORT_DATA, None, version), Err(missing));
        let empty = VerifyError::BindingLength {
            field: "report data",
            length: 0,
        };
        assert_eq!(run(&[], Some(&[]), version), Err(empty));
    }
}

#[test]
fn from_version_2_on_the_runtime_data_carries_the_report_data_too() {
    let outcome = |user_data: &[u8], version: Version| {
        let hcl_report = MILAN.good_hcl_report(user_data).unwrap();
        let vcek = MILAN.platform.vcek_der();
        let evidence = SnpVm::wire(version, &quote(&MILAN.tpm), &hcl_report, vcek).unwrap();
        Attempt::new(&evidence).run()
    };
    let mut flipped = REPORT_DATA;
    flipped[47] ^= 1;
    for user_data in [&[][..], &flipped, &REPORT_DATA[..47], &[0; 64]] {
        assert_eq!(
            outcome(user_data, Version::V2),
            refused(AzVtpmError::UserDataMismatch)
        );
        assert!(outcome(user_data, Version::V1).is_ok());
        assert!(outcome(user_data, Version::V0).is_ok());
    }
    let mut without: Value = serde_json::from_str(&good_hcl_report().runtime_data.0).unwrap();
    without.as_object_mut().unwrap().remove("user-data");
    assert_eq!(
        with_runtime_data(without.to_string()),
        refused(AzVtpmError::UserDataMismatch)
    );
    without["user-data"] = json!(null);
    assert_eq!(
        with_runtime_data(without.to_string()),
        refused(AzVtpmError::UserDataMismatch)
    );
}

#[test]
fn init_data_of_every_length_is_compared_or_an_error() {
    let evidence = wire(&quote(&MILAN.tpm), &good_hcl_report());
    for length in 0..100 {
        let mut attempt = Attempt::new(&evidence);
        attempt.expected.init_data = Some(vec![0x1d; length]);
        let error = VerifyError::BindingLength {
            field: "init data",
            length,
        };
        match length {
            32 => assert!(attempt.run().is_ok()),
            _ => assert_eq!(attempt.run(), Err(error)),
        }
    }
    for bit in 0..256 {
        let mut attempt = Attempt::new(&evidence);
        let mut other = INIT_DATA;
        other[bit / 8] ^= 1 << (bit % 8);
        attempt.expected.init_data = Some(other.to_vec());
        assert_eq!(attempt.run(), Err(VerifyError::InitDataMismatch), "{bit}");
    }
    let mut attempt = Attempt::new(&evidence);
    attempt.expected.init_data = None;
    assert!(attempt.run().is_ok());
}
