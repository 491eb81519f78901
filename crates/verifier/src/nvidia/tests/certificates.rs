//! The chain: every certificate that is not what it must be where it stands.

use super::*;
use crate::nvidia::NvidiaRootError;
use simulated_tee::nvidia::Fwid;

fn with_chain(change: impl FnOnce(&mut ChainSpec)) -> Result<Vec<VerifiedClaims>, VerifyError> {
    let mut spec = ChainSpec::default();
    change(&mut spec);
    let device = Device::with_chain(Chip::Hopper, &spec).unwrap();
    Attempt::local(evidence(&[good_entry(&device)])).run()
}

/// The good device with another text for its chain.
fn with_text(chain: &str) -> Result<Vec<VerifiedClaims>, VerifyError> {
    use base64::Engine;
    let mut entry = good_entry(&HOPPER);
    entry["certificate"] = json!(base64::engine::general_purpose::STANDARD.encode(chain));
    Attempt::local(evidence(&[entry])).run()
}

fn blocks(chain: &str) -> Vec<&str> {
    chain.split_inclusive("-----END CERTIFICATE-----\n").collect()
}

#[test]
fn a_chain_to_a_root_of_nvidias_name_and_another_key_is_refused() {
    assert_eq!(
        with_chain(|spec| spec.impostor = true),
        refused(NvidiaError::UnknownRoot)
    );
}

#[test]
fn a_chain_without_its_root_is_refused() {
    assert_eq!(
        with_chain(|spec| spec.without_root = true),
        refused(NvidiaError::UnknownRoot)
    );
}

#[test]
fn the_simulated_root_is_trusted_only_if_the_operator_says_so() {
    let mut attempt = Attempt::local(evidence(&[good_entry(&HOPPER)]));
    attempt.verifier = NvidiaVerifier::new(NvidiaOptions::default());
    assert_eq!(attempt.run(), refused(NvidiaError::UnknownRoot));
}

#[test]
fn a_broken_link_is_refused() {
    assert_eq!(
        with_chain(|spec| spec.wrong_signer = true),
        refused(NvidiaError::ChainSignature)
    );
    assert_eq!(
        with_chain(|spec| spec.wrong_issuer = true),
        refused(NvidiaError::ChainSignature)
    );
    let good = blocks(HOPPER.chain_pem());
    let left_out = [&good[..1], &good[2..]].concat().concat();
    assert_eq!(with_text(&left_out), refused(NvidiaError::ChainSignature));
    let swapped = [good[0], good[2], good[1], good[3], good[4]].concat();
    assert_eq!(with_text(&swapped), refused(NvidiaError::ChainSignature));
    // The leaf and what issued it, of one device, over the authorities of another.
    let other = Device::new(Chip::Hopper).unwrap();
    let mixed = [&good[..2], &blocks(other.chain_pem())[2..]].concat().concat();
    assert_eq!(with_text(&mixed), refused(NvidiaError::ChainSignature));
}

#[test]
fn a_root_first_chain_and_one_with_something_behind_the_root_are_refused() {
    let good = blocks(HOPPER.chain_pem());
    let reversed: String = good.iter().rev().copied().collect();
    assert_eq!(with_text(&reversed), refused(NvidiaError::UnknownRoot));
    let longer = [good.clone(), vec![good[0]]].concat().concat();
    assert_eq!(with_text(&longer), refused(NvidiaError::UnknownRoot));
}

#[test]
fn each_certificate_may_only_do_what_it_does() {
    let constraint = |reason| refused(NvidiaError::Constraint(reason));
    assert_eq!(
        with_chain(|spec| spec.issuer_is_authority = false),
        constraint("an issuer is no certificate authority")
    );
    assert_eq!(
        with_chain(|spec| spec.path_length = Some(1)),
        constraint("the path is longer than an issuer allows")
    );
    assert!(with_chain(|spec| spec.path_length = Some(2)).is_ok());
    assert_eq!(
        with_chain(|spec| spec.unknown_critical = true),
        constraint("it has an unknown critical extension")
    );
    assert_eq!(
        with_chain(|spec| spec.leaf_is_authority = true),
        constraint("the device's key may not sign reports")
    );
    use x509_cert::ext::pkix::KeyUsages;
    assert_eq!(
        with_chain(|spec| spec.leaf_usage = Some(KeyUsages::KeyAgreement)),
        constraint("the device's key may not sign reports")
    );
    assert!(with_chain(|spec| spec.leaf_usage = None).is_ok());
}

#[test]
fn a_device_certificate_counts_only_in_its_time() {
    let (from, until) = (u64::try_from(NOW).unwrap() - 10, u64::try_from(NOW).unwrap() + 10);
    let spec = ChainSpec {
        not_before: from,
        not_after: until,
        ..ChainSpec::default()
    };
    let device = Device::with_chain(Chip::Hopper, &spec).unwrap();
    let mut attempt = Attempt::local(evidence(&[good_entry(&device)]));
    // Also from the second time on, when the chain is known.
    for (now, is_good) in [
        (NOW, true),
        (NOW - 11, false),
        (NOW + 11, false),
        (NOW + 10, true),
    ] {
        attempt.now = now;
        let outcome = attempt.run();
        assert_eq!(outcome.is_ok(), is_good, "{now}");
        assert!(is_good || outcome == refused(NvidiaError::Validity));
    }
}

#[test]
fn a_firmware_id_that_is_missing_malformed_or_there_twice_is_refused() {
    let bad = [
        Fwid::Missing,
        Fwid::Twice,
        Fwid::Trailing,
        Fwid::OtherHash,
        Fwid::OtherVersion,
    ];
    for fwid in bad {
        assert_eq!(
            with_chain(|spec| spec.fwid = fwid),
            refused(NvidiaError::FwidExtension),
            "{fwid:?}"
        );
    }
}

#[test]
fn what_is_no_chain_is_malformed() {
    let leaf = blocks(HOPPER.chain_pem())[0];
    let garbage = leaf.replace("MII", "AAA");
    for text in [
        "",
        "-----BEGIN CERTIFICATE-----",
        leaf,
        &leaf.repeat(9),
        &HOPPER.chain_pem().replacen(leaf, &garbage, 1),
    ] {
        let outcome = with_text(text);
        assert!(
            matches!(outcome, Err(VerifyError::Nvidia(NvidiaError::Chain(_)))),
            "{outcome:?}"
        );
    }
}

#[test]
fn no_byte_of_a_certificate_can_be_changed() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let good = blocks(HOPPER.chain_pem());
    for (place, block) in good.iter().enumerate() {
        let body: String = block.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        for at in (0..der.len()).step_by(7) {
            let mut changed = der.clone();
            changed[at] ^= 1 << (at % 8);
            let changed = STANDARD.encode(changed);
            let block = format!("-----BEGIN CERTIFICATE-----\n{changed}\n-----END CERTIFICATE-----\n");
            let mut chain = good.clone();
            chain[place] = &block;
            let outcome = with_text(&chain.concat());
            assert!(
                matches!(outcome, Err(VerifyError::Nvidia(_))),
                "certificate {place}, byte {at}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_root_of_the_operators_must_be_one() {
    let leaf = blocks(HOPPER.chain_pem())[0];
    assert_eq!(
        NvidiaRoot::from_pem(leaf.as_bytes()),
        Err(NvidiaRootError::NotARoot)
    );
    for text in [
        &b""[..],
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ] {
        assert!(matches!(
            NvidiaRoot::from_pem(text),
            Err(NvidiaRootError::Malformed(_))
        ));
    }
}
