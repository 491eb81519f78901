//! TCB levels: claims, but for those that are refusals.

use super::*;
use crate::Fault;
use simulated_tee::intel::{CrlSpec, QeIdentitySpec, TcbInfoSpec, TdKind};

/// A TDX 1.0 guest under this TCB info and identity.
fn with(change: impl FnOnce(&mut TcbInfoSpec, &mut QeIdentitySpec)) -> Attempt {
    with_body(td(), change)
}

fn with_body(body: TdBody, change: impl FnOnce(&mut TcbInfoSpec, &mut QeIdentitySpec)) -> Attempt {
    let mut tcb_info = MACHINE.tcb_info(intel::Tee::Tdx, FROM, UNTIL);
    let mut qe_identity = MACHINE.qe_identity(intel::Tee::Tdx, FROM, UNTIL);
    change(&mut tcb_info, &mut qe_identity);
    let list = CrlSpec::new(FROM, UNTIL);
    let collateral = MACHINE
        .collateral_of(&tcb_info, &qe_identity, &list, &list)
        .unwrap();
    let mut spec = MACHINE.td_quote(body.clone());
    if body.kind != TdKind::Td10 {
        spec.version = 5;
    }
    Attempt {
        collateral: collateral.into(),
        ..attempt(&MACHINE, Tee::Tdx, &spec)
    }
}

const STATUSES: [&str; 6] = [
    "UpToDate",
    "OutOfDate",
    "ConfigurationNeeded",
    "OutOfDateConfigurationNeeded",
    "SWHardeningNeeded",
    "ConfigurationAndSWHardeningNeeded",
];

#[test]
fn every_status_of_the_platform_is_a_claim() {
    for status in STATUSES {
        let attempt = with(|info, _| {
            info.levels[0].status = status.to_owned();
            info.levels[0].advisories = vec!["INTEL-SA-00001".to_owned()];
        });
        let claims = attempt.run().unwrap();
        let claims = claims.claims();
        assert_eq!(claims["tcb_status"], json!(status));
        assert_eq!(claims["advisory_ids"], json!(["INTEL-SA-00001"]));
        assert_eq!(claims["tcb_date"], json!("2024-03-13T00:00:00Z"));
        assert_eq!(claims["tcb_eval_num"], json!(17));
    }
}

#[test]
fn a_revoked_platform_module_or_quoting_enclave_is_refused() {
    let revoked = "Revoked".to_owned();
    let platform = with(|info, _| info.levels[0].status = revoked.clone());
    assert_eq!(platform.run(), refused(DcapError::TcbRevoked));
    let qe = with(|_, identity| identity.levels[0].status = revoked.clone());
    assert_eq!(qe.run(), refused(DcapError::TcbRevoked));
    let mut body = td();
    body.tee_tcb_svn[0] = 4;
    body.tee_tcb_svn[1] = 1;
    let module = with_body(body, |info, _| info.modules[0].levels[0].status = revoked.clone());
    assert_eq!(module.run(), refused(DcapError::TcbRevoked));
}

#[test]
fn a_status_that_nobody_knows_is_the_sources_fault() {
    let attempt = with(|info, _| info.levels[0].status = "Excellent".to_owned());
    let (id, error) = bad(attempt.run());
    assert!(matches!(id, EndorsementId::DcapTcbInfo { .. }));
    assert!(matches!(error, DcapError::Document(_)));
}

#[test]
fn an_old_quoting_enclave_makes_the_platform_out_of_date() {
    for (platform, together) in [
        ("UpToDate", "OutOfDate"),
        ("SWHardeningNeeded", "OutOfDate"),
        ("ConfigurationNeeded", "OutOfDateConfigurationNeeded"),
        (
            "ConfigurationAndSWHardeningNeeded",
            "OutOfDateConfigurationNeeded",
        ),
    ] {
        let attempt = with(|info, identity| {
            info.levels[0].status = platform.to_owned();
            identity.levels[0].status = "OutOfDate".to_owned();
            identity.levels[0].advisories = vec!["INTEL-SA-00002".to_owned()];
        });
        assert_eq!(attempt.claim("tcb_status"), json!(together), "{platform}");
        assert_eq!(attempt.claim("advisory_ids"), json!(["INTEL-SA-00002"]));
    }
}

#[test]
fn a_platform_below_every_level_is_refused() {
    let below = [
        with(|info, _| info.levels[0].sgx[15] = 6),
        with(|info, _| info.levels[0].pce_svn = 14),
        with(|info, _| info.levels[0].tdx[2] = 7),
        with(|info, _| info.levels.clear()),
    ];
    for attempt in below {
        assert_eq!(attempt.run(), refused(DcapError::NoTcbLevel));
        assert_eq!(attempt.run().unwrap_err().class(), Fault::Attester);
    }
}

#[test]
fn the_newest_level_that_the_platform_reaches_counts() {
    let attempt = with(|info, _| {
        let mut newer = info.levels[0].clone();
        newer.sgx[0] = 6;
        info.levels[0].status = "OutOfDate".to_owned();
        info.levels.insert(0, newer);
    });
    assert_eq!(attempt.claim("tcb_status"), json!("OutOfDate"));
}

#[test]
fn the_tdx_module_must_be_intels() {
    let module = |change: fn(&mut TdBody)| {
        let mut body = td();
        change(&mut body);
        let outcome = with_body(body, |_, _| {}).run();
        matches!(outcome, Err(VerifyError::Dcap(DcapError::TdxModule(_))))
    };
    assert!(module(|body| body.mrsigner_seam[0] = 1));
    assert!(module(|body| body.seam_attributes[0] = 1));
    // A version that nobody knows, and one below every level.
    assert!(module(|body| body.tee_tcb_svn[1] = 9));
    assert!(module(|body| body.tee_tcb_svn[1] = 1));
    assert!(!module(|body| (body.tee_tcb_svn[0], body.tee_tcb_svn[1]) = (4, 1)));
}

#[test]
fn an_old_tdx_module_makes_the_platform_out_of_date() {
    let mut body = td();
    (body.tee_tcb_svn[0], body.tee_tcb_svn[1]) = (4, 1);
    let attempt = with_body(body, |info, _| {
        let level = &mut info.modules[0].levels[0];
        level.status = "OutOfDate".to_owned();
        level.date -= 86_400;
        level.advisories = vec!["INTEL-SA-00003".to_owned()];
    });
    assert_eq!(attempt.claim("tcb_status"), json!("OutOfDate"));
    assert_eq!(attempt.claim("advisory_ids"), json!(["INTEL-SA-00003"]));
    assert_eq!(attempt.claim("tcb_date"), json!("2024-03-12T00:00:00Z"));
}

#[test]
fn a_td_that_started_under_an_old_module_is_to_be_started_again() {
    // Two levels: the TD started at the older one, the module runs at the newer.
    let relaunch = |newer_status: &str| {
        let mut body = td();
        body.kind = TdKind::Td15;
        body.tee_tcb_svn2[2] = 7;
        with_body(body, |info, _| {
            let mut newer = info.levels[0].clone();
            newer.tdx[2] = 7;
            newer.status = newer_status.to_owned();
            newer.date += 86_400;
            info.levels[0].status = "OutOfDate".to_owned();
            info.levels.insert(0, newer);
        })
    };
    let attempt = relaunch("UpToDate");
    assert_eq!(attempt.claim("tcb_status"), json!("TDRelaunchAdvised"));
    assert_eq!(attempt.claim("tcb_status_current"), json!("UpToDate"));
    assert_eq!(attempt.claim("tcb_date"), json!("2024-03-13T00:00:00Z"));
    assert_eq!(attempt.claim("tcb_date_current"), json!("2024-03-14T00:00:00Z"));
    assert_eq!(attempt.claim("advisory_ids_current"), json!([]));
    let attempt = relaunch("ConfigurationNeeded");
    assert_eq!(
        attempt.claim("tcb_status"),
        json!("TDRelaunchAdvisedConfigurationNeeded")
    );
    assert_eq!(attempt.claim("tcb_status_current"), json!("ConfigurationNeeded"));
    assert_eq!(relaunch("Revoked").run(), refused(DcapError::TcbRevoked));
    // TDX 1.0 does not tell.
    assert!(
        !td_attempt()
            .run()
            .unwrap()
            .claims()
            .contains_key("tcb_status_current")
    );
}

#[test]
fn an_old_quoting_enclave_makes_the_current_status_out_of_date_too() {
    let mut body = td();
    body.kind = TdKind::Td15;
    let attempt = |platform: &str| {
        with_body(body.clone(), |info, identity| {
            info.levels[0].status = platform.to_owned();
            identity.levels[0].status = "OutOfDate".to_owned();
            identity.levels[0].advisories = vec!["INTEL-SA-00004".to_owned()];
        })
    };
    for (platform, current) in [
        ("UpToDate", "OutOfDate"),
        ("ConfigurationNeeded", "OutOfDateConfigurationNeeded"),
        ("OutOfDate", "OutOfDate"),
    ] {
        assert_eq!(attempt(platform).claim("tcb_status_current"), json!(current));
        assert_eq!(
            attempt(platform).claim("advisory_ids_current"),
            json!(["INTEL-SA-00004"])
        );
    }
}
