//! PCK chains: who is believed.

use super::*;
use crate::dcap::{DcapRootError, pem};
use simulated_tee::intel::{AuthoritySpec, CertificationData, PckSpec, Which};

/// A quote with another chain.
fn with_chain(chain: String) -> Attempt {
    let mut spec = MACHINE.td_quote(td());
    spec.certification = CertificationData {
        kind: 5,
        data: chain.into_bytes(),
    };
    attempt(&MACHINE, Tee::Tdx, &spec)
}

/// A quote with another certificate of the same key.
fn with_leaf(change: impl FnOnce(&mut PckSpec)) -> Attempt {
    let mut spec = MACHINE.pck_spec();
    change(&mut spec);
    with_chain(MACHINE.pck_chain_of(&MACHINE.issue_pck(&spec).unwrap()))
}

fn certificates() -> [String; 3] {
    let chain = MACHINE.pck_chain();
    let end = "-----END CERTIFICATE-----\n";
    let parts: Vec<String> = chain.split_inclusive(end).map(str::to_owned).collect();
    parts.try_into().unwrap()
}

#[test]
fn a_self_made_chain_is_refused_even_with_intels_names_and_nothing_is_fetched_for_it() {
    for pki in [Pki::other().unwrap(), Pki::impostor().unwrap()] {
        let forger = Platform::new(Arc::new(pki), PckCa::Platform).unwrap();
        let attempt = attempt(&forger, Tee::Tdx, &forger.td_quote(td()));
        assert_eq!(attempt.run(), refused(DcapError::UnknownRoot));
        assert!(attempt.endorsements_for().is_empty());
    }
    assert_eq!(td_attempt().endorsements_for().len(), 4);
}

#[test]
fn a_self_made_leaf_and_ca_under_the_true_root_are_refused() {
    let forger = Platform::new(Arc::new(Pki::other().unwrap()), PckCa::Platform).unwrap();
    let [leaf, ca, root] = certificates();
    let [forged_leaf, forged_ca] = {
        let chain = forger.pck_chain();
        let mut parts = chain
            .split_inclusive("-----END CERTIFICATE-----\n")
            .map(str::to_owned);
        [parts.next().unwrap(), parts.next().unwrap()]
    };
    let signature = |name| refused(DcapError::ChainSignature(name));
    assert_eq!(
        with_chain([&forged_leaf[..], &ca, &root].concat()).run(),
        signature("PCK")
    );
    assert_eq!(
        with_chain([&leaf[..], &forged_ca, &root].concat()).run(),
        signature("PCK CA")
    );
    assert_eq!(
        with_chain([&forged_leaf[..], &forged_ca, &root].concat()).run(),
        signature("PCK CA")
    );
}

#[test]
fn a_chain_is_leaf_ca_and_root_in_this_order_with_nothing_beside_them() {
    let [leaf, ca, root] = certificates();
    let length = |length| refused(DcapError::ChainLength(length));
    assert!(with_chain([&leaf[..], &ca, &root, "\n"].concat()).run().is_ok());
    assert_eq!(with_chain([&leaf[..], &ca].concat()).run(), length(2));
    assert_eq!(with_chain(leaf.clone()).run(), length(1));
    assert_eq!(
        with_chain([&leaf[..], &ca, &root, &root].concat()).run(),
        length(4)
    );
    assert!(with_chain([&ca[..], &leaf, &root].concat()).run().is_err());
    assert!(with_chain([&root[..], &ca, &leaf].concat()).run().is_err());
    for text in [
        String::new(),
        "no certificate".to_owned(),
        [&leaf[..], "beside", &ca, &root].concat(),
        [&leaf[..], &ca, &root, "\0\0"].concat(),
        [&leaf[..], &ca, "-----BEGIN CERTIFICATE-----\n"].concat(),
    ] {
        assert!(matches!(
            with_chain(text).run(),
            Err(VerifyError::Dcap(DcapError::ChainForm(_)))
        ));
    }
}

#[test]
fn the_leaf_must_be_a_pck_certificate() {
    let unacceptable = |attempt: Attempt| {
        matches!(
            attempt.run(),
            Err(VerifyError::Dcap(DcapError::Certificate {
                certificate: "PCK",
                ..
            }))
        )
    };
    assert!(with_leaf(|_| {}).run().is_ok());
    assert!(unacceptable(with_leaf(
        |leaf| leaf.common_name = "Intel SGX TCB Signing".to_owned()
    )));
    assert!(unacceptable(with_leaf(|leaf| leaf.ca = true)));
    assert!(unacceptable(with_leaf(|leaf| leaf.unknown_critical = true)));
    let extension =
        |attempt: Attempt| matches!(attempt.run(), Err(VerifyError::Dcap(DcapError::SgxExtension(_))));
    assert!(extension(with_leaf(|leaf| leaf.without_extension = true)));
    assert!(extension(with_leaf(
        |leaf| leaf.platform_instance_id = Some(vec![1; 15])
    )));
}

/// A quote with another certificate of its CA's key, by the true root.
fn with_ca(change: impl FnOnce(&mut AuthoritySpec)) -> Attempt {
    let which = Which::Ca(PckCa::Platform);
    let mut spec = INTEL.spec(which);
    change(&mut spec);
    let [leaf, _, root] = certificates();
    let ca = pem(&[&INTEL.reissue(which, &spec).unwrap()]);
    with_chain([leaf, ca, root].concat())
}

#[test]
fn the_ca_must_be_a_pck_ca_of_the_root_and_the_leafs_issuer() {
    assert!(with_ca(|_| {}).run().is_ok());
    let unacceptable = |reason: &str| {
        refused(DcapError::Certificate {
            certificate: "PCK CA",
            reason: reason.to_owned(),
        })
    };
    assert_eq!(
        with_ca(|ca| ca.common_name = "Intel SGX PCK CA".to_owned()).run(),
        unacceptable("it has another name")
    );
    for attempt in [
        with_ca(|ca| ca.ca = None),
        with_ca(|ca| ca.unknown_critical = true),
    ] {
        assert_eq!(
            attempt.run(),
            unacceptable("it is no CA, or has an unknown critical extension")
        );
    }
    // The root's signature under another issuer's name, and the leaf's under another CA's.
    assert_eq!(
        with_ca(|ca| ca.issuer = "Intel SGX Root CA of others".to_owned()).run(),
        refused(DcapError::ChainSignature("PCK CA"))
    );
    assert_eq!(
        with_ca(|ca| ca.common_name = "Intel SGX PCK Processor CA".to_owned()).run(),
        refused(DcapError::ChainSignature("PCK"))
    );
}

#[test]
fn a_ca_or_a_root_out_of_its_time_is_refused_though_the_leaf_is_in_its() {
    let before = NOW.unsigned_abs() - 1;
    assert_eq!(
        with_ca(|ca| ca.not_after = before).run(),
        refused(DcapError::ChainValidity)
    );
    assert_eq!(
        with_ca(|ca| ca.not_before = before + 2).run(),
        refused(DcapError::ChainValidity)
    );
    let mut spec = INTEL.spec(Which::Root);
    spec.not_after = before;
    let der = INTEL.reissue(Which::Root, &spec).unwrap();
    let options = DcapOptions {
        extra_roots: vec![DcapRoot { der }],
    };
    let attempt = Attempt {
        dcap: Dcap::new(&options).unwrap(),
        ..td_attempt()
    };
    assert_eq!(attempt.run(), refused(DcapError::ChainValidity));
}

#[test]
fn a_certificate_of_another_purpose_is_no_pck_ca() {
    // The TCB signing certificate is signed by the root, as the CA is.
    let [leaf, _, root] = certificates();
    let chain = INTEL.tcb_signing_chain();
    let signer = chain
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    assert!(matches!(
        with_chain([&leaf[..], signer, &root].concat()).run(),
        Err(VerifyError::Dcap(DcapError::Certificate {
            certificate: "PCK CA",
            ..
        }))
    ));
}

#[test]
fn a_chain_out_of_its_time_is_refused() {
    let at = |now| Attempt { now, ..td_attempt() }.run();
    // 2023 and 2045.
    assert_eq!(at(1_690_000_000), refused(DcapError::ChainValidity));
    assert_eq!(at(2_366_841_600), refused(DcapError::ChainValidity));
}

#[test]
fn what_the_certificate_says_of_the_platform_is_told() {
    let claims = td_attempt().run().unwrap();
    let claims = claims.claims();
    let mut instance = MACHINE.instance_id().unwrap();
    instance.reverse();
    assert_eq!(claims["platform_instance_id"], json!(hex::encode(instance)));
    assert_eq!(claims["platform_provider_id"], json!(hex::encode(MACHINE.ppid())));
    assert_eq!(claims["sgx_type"], json!("Scalable"));
    assert_eq!(claims["is_dynamic_platform"], json!(true));
    assert_eq!(claims["is_cached_keys"], json!(false));
    assert_eq!(claims["is_smt_enabled"], json!(true));
    assert_eq!(claims["root_key_id"].as_str().unwrap().len(), 96);

    let claims = enclave_attempt().run().unwrap();
    let claims = claims.claims();
    assert_eq!(claims["sgx_type"], json!("Standard"));
    for absent in [
        "platform_instance_id",
        "is_dynamic_platform",
        "is_cached_keys",
        "is_smt_enabled",
    ] {
        assert!(!claims.contains_key(absent), "{absent}");
    }
    for (sgx_type, name) in [(2, "Scalable with Integrity"), (9, "Unknown (9)")] {
        assert_eq!(
            with_leaf(|leaf| leaf.sgx_type = sgx_type).claim("sgx_type"),
            json!(name)
        );
    }
}

#[test]
fn extra_roots_are_checked_when_they_are_read() {
    assert_eq!(DcapRoot::read(INTEL.root_der()).unwrap().len(), 1);
    let two = [INTEL.root_pem(), Pki::other().unwrap().root_pem()].concat();
    assert_eq!(DcapRoot::read(two.as_bytes()).unwrap().len(), 2);
    assert_eq!(
        DcapRoot::read(INTEL.ca_der(PckCa::Platform)),
        Err(DcapRootError::NotARoot)
    );
    assert_eq!(DcapRoot::read(MACHINE.pck_der()), Err(DcapRootError::NotARoot));
    // Each by itself: no authority, another's name as the issuer, another's signature.
    let changed = |change: fn(&mut AuthoritySpec)| {
        let mut spec = INTEL.spec(Which::Root);
        change(&mut spec);
        DcapRoot::read(&INTEL.reissue(Which::Root, &spec).unwrap())
    };
    assert_eq!(changed(|_| ()).unwrap().len(), 1);
    assert_eq!(changed(|root| root.ca = None), Err(DcapRootError::NotARoot));
    assert_eq!(
        changed(|root| root.issuer = "Another Root CA".to_owned()),
        Err(DcapRootError::NotARoot)
    );
    let mut forged = INTEL.root_der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(DcapRoot::read(&forged), Err(DcapRootError::NotARoot));
    for text in [
        &b""[..],
        b"nothing",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(matches!(DcapRoot::read(text), Err(DcapRootError::Malformed(_))));
    }
    let extra_roots = vec![DcapRoot { der: vec![0; 3] }];
    assert!(Dcap::new(&DcapOptions { extra_roots }).is_err());
}

#[test]
fn a_simulated_machine_is_nothing_to_a_verifier_that_trusts_intel_alone() {
    let attempt = Attempt {
        dcap: production(),
        ..td_attempt()
    };
    assert_eq!(attempt.run(), refused(DcapError::UnknownRoot));
}
