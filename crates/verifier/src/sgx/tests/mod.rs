//! Tests of the SGX verifier. Those of quotes and collateral are with `dcap`.

use crate::dcap::tests::{SMALL, attempt, enclave, enclave_attempt};
use crate::{Tee, TeeClass, VerifyError};
use serde_json::json;

#[test]
fn the_claims_are_those_of_the_quote() {
    let mut body = enclave();
    body.isv_svn = 0x0102;
    let claims = attempt(&SMALL, Tee::Sgx, &SMALL.enclave_quote(body))
        .run()
        .unwrap();
    assert_eq!((claims.tee(), claims.class()), (Tee::Sgx, TeeClass::Cpu));
    let claims = claims.claims();
    assert_eq!(
        claims["header"],
        json!({
            "version": "0300",
            "att_key_type": "0200",
            "att_key_data_0": "00000000",
            "qe_svn": "0800",
            "pce_svn": "0d00",
            "vendor_id": "939a7233f79c4ca9940a0db3957f0607",
            "user_data": "da".repeat(20),
        })
    );
    assert_eq!(
        claims["body"],
        json!({
            "cpu_svn": "05".repeat(16),
            "misc_select": "00000000",
            "reserved1": "00".repeat(12),
            "isv_ext_prod_id": "00".repeat(16),
            "attributes.flags": "0500000000000000",
            "attributes.xfrm": "e700000000000000",
            "mr_enclave": "ec".repeat(32),
            "reserved2": "00".repeat(32),
            "mr_signer": "51".repeat(32),
            "reserved3": "00".repeat(32),
            "config_id": format!("{}{}", "1d".repeat(48), "00".repeat(16)),
            "isv_prod_id": "0700",
            "isv_svn": "0201",
            "config_svn": "0000",
            "reserved4": "00".repeat(42),
            "isv_family_id": "00".repeat(16),
            "report_data": format!("{}{}", "a7".repeat(48), "00".repeat(16)),
        })
    );
    assert_eq!(claims["tcb_status"], json!("UpToDate"));
}

#[test]
fn init_data_digests_of_every_length_fit_the_register() {
    for length in [32, 48, 64] {
        let mut body = enclave();
        body.config_id = [0; 64];
        body.config_id[..length].fill(0x33);
        let mut attempt = attempt(&SMALL, Tee::Sgx, &SMALL.enclave_quote(body));
        attempt.expected.init_data = Some(vec![0x33; length]);
        assert!(attempt.run().is_ok(), "{length}");
        attempt.expected.init_data = Some(vec![0x33; length - 1]);
        assert_eq!(attempt.run(), Err(VerifyError::InitDataMismatch));
    }
    let mut attempt = enclave_attempt();
    attempt.expected.init_data = Some(vec![0x33; 65]);
    assert!(matches!(attempt.run(), Err(VerifyError::BindingLength { .. })));
}
