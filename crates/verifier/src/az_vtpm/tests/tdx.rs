//! Simulated machines of Intel's: the trust domain's part, and that the vTPM's part is checked as on AMD's.

use super::*;
use crate::az_vtpm::AzTdxVtpmVerifier;
use crate::dcap::tests::{Collateral, FROM, NOW, UNTIL, production, simulated};
use crate::dcap::{Dcap, DcapError};
use crate::{EndorsementId, Fault, Tee, TeeClass};
use serde_json::json;
use simulated_tee::azure::TdxVm;
use simulated_tee::intel::{self, EnclaveBody, TdBody, TdKind};
use std::sync::Arc;

static MACHINE: LazyLock<TdxVm> = LazyLock::new(|| {
    let mut vm = TdxVm::new().unwrap();
    vm.tpm.bind_init_data(INIT_DATA);
    vm
});

/// The parts of evidence, to be changed before they are put together.
struct Guest {
    version: Version,
    quote: Quote,
    hcl_report: HclReport,
    td_quote: Vec<u8>,
}

impl Guest {
    fn new() -> Self {
        Self::of(|_| ())
    }

    /// One in a changed trust domain.
    fn of(change: impl FnOnce(&mut TdBody)) -> Self {
        let runtime_data = RuntimeData::new(&MACHINE.tpm, &REPORT_DATA).unwrap();
        let mut td = TdxVm::td(&runtime_data);
        change(&mut td);
        Self {
            version: Version::V2,
            quote: quote(&MACHINE.tpm),
            hcl_report: TdxVm::hcl_report(&td, &runtime_data),
            td_quote: MACHINE.td_quote(&td).unwrap(),
        }
    }

    fn evidence(&self) -> Value {
        TdxVm::wire(self.version, &self.quote, &self.hcl_report, &self.td_quote).unwrap()
    }

    fn run(&self) -> Result<VerifiedClaims, VerifyError> {
        run(&simulated(), &self.evidence(), &expected(), true)
    }
}

fn run(
    dcap: &Arc<Dcap>,
    evidence: &Value,
    expected: &ExpectedBinding,
    with_collateral: bool,
) -> Result<VerifiedClaims, VerifyError> {
    static COLLATERAL: LazyLock<Collateral> = LazyLock::new(|| {
        let collateral = MACHINE.platform.collateral(intel::Tee::Tdx, FROM, UNTIL);
        collateral.unwrap().into()
    });
    let text = evidence.to_string();
    let verifier = AzTdxVtpmVerifier::new(Arc::clone(dcap));
    let parsed = verifier.parse(UnverifiedEvidence::new(text.as_bytes()))?;
    let ids = parsed.endorsements_for().into_iter().filter(|_| with_collateral);
    let endorsements = ids.map(|id| (id.clone(), COLLATERAL.piece(&id))).collect();
    let mut claims = parsed.verify(expected, &endorsements, NOW)?;
    assert_eq!(claims.len(), 1);
    Ok(claims.remove(0))
}

#[test]
fn every_wire_form_and_kind_of_trust_domain_is_accepted() {
    for version in Version::ALL {
        let guest = Guest {
            version,
            ..Guest::new()
        };
        assert!(guest.run().is_ok(), "{version:?}: {:?}", guest.run());
    }
    let newer = Guest::of(|td| td.kind = TdKind::Td15);
    let mut spec = MACHINE
        .platform
        .td_quote(TdxVm::td(&newer.hcl_report.runtime_data));
    if let intel::Body::Td(td) = &mut spec.body {
        td.kind = TdKind::Td15;
    }
    spec.version = 5;
    spec.body_type = Some(TdKind::Td15.number());
    let guest = Guest {
        td_quote: MACHINE.platform.quote(&spec).unwrap(),
        ..newer
    };
    assert!(guest.run().is_ok(), "{:?}", guest.run());
}

#[test]
fn claims_are_those_of_bare_tdx_with_the_vtpms_beside_them() {
    let verified = Guest::new().run().unwrap();
    assert_eq!(
        (verified.tee(), verified.class()),
        (Tee::AzTdxVtpm, TeeClass::Cpu)
    );
    assert_eq!(verified.report_data(), Some("a7".repeat(48).as_str()));
    let pcr8 = hex::encode(MACHINE.tpm.pcrs[8]);
    assert_eq!(verified.init_data(), Some(pcr8.as_str()));
    let claims = verified.claims();
    assert_eq!(claims["quote"]["body"]["mr_td"], json!("7d".repeat(48)));
    assert_eq!(claims["quote"]["header"]["tee_type"], json!("81000000"));
    let report_data = hex::encode(Guest::new().hcl_report.runtime_data.report_data());
    assert_eq!(claims["quote"]["body"]["report_data"], json!(report_data));
    assert_eq!(claims["td_attributes"]["debug"], json!(false));
    assert_eq!(claims["tcb_status"], json!("UpToDate"));
    assert_eq!(claims["collateral_expiration_status"], json!("0"));
    assert_eq!(claims["tpm"]["pcr11"], json!(hex::encode(MACHINE.tpm.pcrs[11])));
    assert_eq!(claims["tpm_quote"]["safe"], json!(true));
    assert_eq!(claims["vm_configuration"]["secure-boot"], json!(true));
    assert!(!claims.contains_key("uefi_event_logs"));
}

#[test]
fn a_trust_domain_under_debug_is_visible_and_not_refused() {
    let debugged = Guest::of(|td| td.td_attributes |= 1).run().unwrap();
    assert_eq!(debugged.claims()["td_attributes"]["debug"], json!(true));
}

#[test]
fn the_td_report_in_the_hcl_report_must_be_the_quoted_one() {
    let changes: [fn(&mut TdBody); 8] = [
        |td| td.td_attributes ^= 1,
        |td| td.xfam ^= 4,
        |td| td.mr_td[47] ^= 1,
        |td| td.mr_config_id[0] ^= 1,
        |td| td.mr_owner[0] ^= 1,
        |td| td.mr_owner_config[0] ^= 1,
        |td| td.rtmrs[3][0] ^= 1,
        |td| td.report_data[63] ^= 1,
    ];
    for change in changes {
        let guest = Guest {
            td_quote: Guest::of(change).td_quote,
            ..Guest::new()
        };
        assert_eq!(guest.run(), refused(AzVtpmError::OtherTdReport));
    }
}

#[test]
fn runtime_data_that_the_quote_is_not_about_is_refused() {
    for bit in (0..512).step_by(11) {
        let guest = Guest::of(|td| td.report_data[bit / 8] ^= 1 << (bit % 8));
        assert_eq!(guest.run(), refused(AzVtpmError::RuntimeDataBinding), "{bit}");
    }
    let mut guest = Guest::new();
    guest.hcl_report.runtime_data = RuntimeData::new(&MACHINE.tpm, b"another").unwrap();
    assert_eq!(guest.run(), refused(AzVtpmError::RuntimeDataBinding));
}

#[test]
fn faults_in_the_hcl_report_are_refused() {
    let changed = |change: fn(&mut HclReport)| {
        let mut guest = Guest::new();
        change(&mut guest.hcl_report);
        guest.run()
    };
    for digest_type in [0, 2, 3, u32::MAX] {
        let mut guest = Guest::new();
        guest.hcl_report.digest_type = digest_type;
        assert_eq!(guest.run(), refused(AzVtpmError::DigestType(digest_type)));
    }
    let other = AzVtpmError::OtherProcessor("an Intel TDX machine");
    assert_eq!(changed(|report| report.report_type = 2), refused(other.clone()));
    assert_eq!(changed(|report| report.report_type = 9), refused(other));
    assert_eq!(
        changed(|report| report.report.push(1)),
        refused(AzVtpmError::HclReport("its TD report is not padded with zeros"))
    );
    let snp = Guest {
        hcl_report: good_hcl_report(),
        ..Guest::new()
    };
    assert_eq!(
        snp.run(),
        refused(AzVtpmError::OtherProcessor("an Intel TDX machine"))
    );
}

#[test]
fn the_quote_of_an_enclave_and_a_broken_one_are_refused() {
    let spec = MACHINE.platform.enclave_quote(EnclaveBody::default());
    let enclave = Guest {
        td_quote: MACHINE.platform.quote(&spec).unwrap(),
        ..Guest::new()
    };
    let error = enclave.run().unwrap_err();
    assert!(matches!(error, VerifyError::Dcap(_)), "{error:?}");
    let good = Guest::new();
    for at in (0..good.td_quote.len()).step_by(97) {
        let mut guest = Guest::new();
        guest.td_quote[at] ^= 1;
        let outcome = guest.run();
        assert!(outcome.is_err(), "{at}");
    }
    let mut empty = Guest::new();
    empty.td_quote.clear();
    assert!(matches!(empty.run(), Err(VerifyError::Dcap(_))));
}

#[test]
fn a_platform_that_nobody_trusts_is_refused_and_one_without_collateral_is_not_judged() {
    let evidence = Guest::new().evidence();
    let untrusted = run(&production(), &evidence, &expected(), true).unwrap_err();
    assert_eq!(untrusted, DcapError::UnknownRoot.into());
    assert_eq!(untrusted.class(), Fault::Attester);
    let missing = run(&simulated(), &evidence, &expected(), false).unwrap_err();
    assert!(
        matches!(
            missing,
            VerifyError::MissingEndorsement(EndorsementId::DcapRootCrl)
        ),
        "{missing:?}"
    );
    assert_eq!(missing.class(), Fault::Endorsement);
}

#[test]
fn the_vtpms_part_is_checked_as_on_amds_machines() {
    let other_tpm = Tpm::new(KeyKind::Rsa).unwrap();
    let foreign = Guest {
        quote: quote(&other_tpm),
        ..Guest::new()
    };
    assert_eq!(foreign.run(), refused_by_tpm(TpmError::Signature));
    let stale = Guest {
        quote: MACHINE.tpm.quote(&[1; 48]).sign().unwrap(),
        ..Guest::new()
    };
    assert_eq!(stale.run(), Err(VerifyError::ReportDataMismatch));
    let fewer = MACHINE.tpm.quote(&REPORT_DATA);
    let fewer = Guest {
        quote: fewer
            .with(|fields| fields.selections[0].1[0] = 0xfe)
            .sign()
            .unwrap(),
        ..Guest::new()
    };
    assert_eq!(fewer.run(), refused_by_tpm(TpmError::PcrSelection));

    let evidence = Guest::new().evidence();
    let with = |expected: ExpectedBinding| run(&simulated(), &evidence, &expected, true);
    assert_eq!(
        with(ExpectedBinding {
            report_data: None,
            ..expected()
        }),
        Err(VerifyError::BindingRequired { field: "report data" })
    );
    assert_eq!(
        with(ExpectedBinding {
            init_data: Some(vec![0; 32]),
            ..expected()
        }),
        Err(VerifyError::InitDataMismatch)
    );
    assert_eq!(
        with(ExpectedBinding {
            init_data: Some(vec![0; 48]),
            ..expected()
        }),
        Err(VerifyError::BindingLength {
            field: "init data",
            length: 48
        })
    );
    let runtime_data = RuntimeData::new(&MACHINE.tpm, b"something else").unwrap();
    let td = TdxVm::td(&runtime_data);
    let mut elsewhere = Guest {
        hcl_report: TdxVm::hcl_report(&td, &runtime_data),
        td_quote: MACHINE.td_quote(&td).unwrap(),
        ..Guest::new()
    };
    assert_eq!(elsewhere.run(), refused(AzVtpmError::UserDataMismatch));
    elsewhere.version = Version::V1;
    assert!(elsewhere.run().is_ok());
}

#[test]
fn what_is_not_evidence_of_any_version_is_malformed() {
    let mut guest = Guest::new();
    let two = guest.evidence();
    guest.version = Version::V0;
    let zero = guest.evidence();
    let changed = |evidence: &Value, member: &str, value: Value| {
        let mut evidence = evidence.clone();
        evidence[member] = value;
        evidence
    };
    let cases = [
        json!({}),
        changed(&two, "version", json!(3)),
        changed(&two, "version", json!(null)),
        changed(&zero, "version", json!(1)),
        changed(&two, "td_quote", json!("%")),
        changed(&two, "hcl_report", json!(7)),
        changed(&zero, "td_quote", json!("AA==")),
        changed(&zero, "tpm_quote", json!({})),
    ];
    for evidence in cases {
        let outcome = run(&simulated(), &evidence, &expected(), true);
        let tee = Tee::AzTdxVtpm;
        assert!(
            matches!(&outcome, Err(VerifyError::Format { tee: found, .. }) if *found == tee),
            "{evidence}: {outcome:?}"
        );
    }
}
