//! Input that nobody well-meaning sends: it is refused, and nothing panics.

use super::*;
use crate::DcapTee;
use proptest::prelude::*;

static TD_QUOTE: LazyLock<Vec<u8>> = LazyLock::new(|| MACHINE.quote(&MACHINE.td_quote(td())).unwrap());
static ENCLAVE_QUOTE: LazyLock<Vec<u8>> =
    LazyLock::new(|| SMALL.quote(&SMALL.enclave_quote(enclave())).unwrap());
static COLLATERAL: LazyLock<Collateral> = LazyLock::new(|| good_collateral(&MACHINE, Tee::Tdx));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_are_no_quote(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
        for tee in [DcapTee::Sgx, DcapTee::Tdx] {
            prop_assert!(simulated().read(&bytes, tee).is_err());
        }
    }

    #[test]
    fn a_quote_with_one_changed_byte_is_refused(place in any::<prop::sample::Index>(), change in 1_u8..) {
        for (tee, quote) in [(Tee::Tdx, &*TD_QUOTE), (Tee::Sgx, &*ENCLAVE_QUOTE)] {
            let mut changed = quote.clone();
            let place = place.index(changed.len());
            changed[place] ^= change;
            // White space between the lines of the chain is nobody's.
            let harmless = quote[place].is_ascii_whitespace() && changed[place].is_ascii_whitespace();
            let platform: &Platform = if tee == Tee::Tdx { &MACHINE } else { &SMALL };
            let outcome = Attempt::of_quote(&simulated(), tee, &changed, &good_collateral(platform, tee), NOW).run();
            prop_assert!(outcome.is_err() || harmless, "{place}");
        }
    }

    #[test]
    fn a_cut_quote_is_refused(place in any::<prop::sample::Index>()) {
        let cut = &TD_QUOTE[..place.index(TD_QUOTE.len())];
        prop_assert!(simulated().read(cut, DcapTee::Tdx).is_err());
    }

    #[test]
    fn arbitrary_chains_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut spec = MACHINE.td_quote(td());
        spec.certification.data = bytes;
        let outcome = attempt(&MACHINE, Tee::Tdx, &spec).run();
        prop_assert!(matches!(outcome, Err(VerifyError::Dcap(_))));
    }

    #[test]
    fn changed_collateral_is_the_sources_fault(
        piece in 0..4_usize,
        place in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let mut attempt = td_attempt();
        attempt.collateral = COLLATERAL.clone();
        let pieces = &mut attempt.collateral;
        let bytes = [&mut pieces.tcb_info, &mut pieces.qe_identity, &mut pieces.pck_crl, &mut pieces.root_crl];
        let bytes = bytes.into_iter().nth(piece).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        // The case of the digits of a document's signature is nobody's.
        let harmless = piece < 2 && change == 0x20;
        match attempt.run() {
            Ok(_) => prop_assert!(harmless, "{piece} {place}"),
            Err(error) => prop_assert_eq!(error.class(), crate::Fault::Endorsement),
        }
    }
}

#[test]
fn evidence_in_another_form_is_refused() {
    let quote = STANDARD.encode(&*TD_QUOTE);
    for evidence in [
        json!({}),
        json!([]),
        json!(null),
        json!({"quote": null}),
        json!({"quote": 7}),
        json!({"quote": ""}),
        json!({"quote": "*"}),
        json!({"quote": &quote[..100]}),
        json!({"quote": quote, "cc_eventlog": 7}),
        json!({"quote": quote, "cc_eventlog": "*"}),
    ] {
        let attempt = Attempt {
            evidence: evidence.clone(),
            ..td_attempt()
        };
        assert!(
            matches!(
                attempt.run(),
                Err(VerifyError::Format { .. } | VerifyError::Dcap(DcapError::Truncated))
            ),
            "{evidence}"
        );
    }
    for evidence in [json!({}), json!({"quote": "*"}), json!({"quote": 1})] {
        let attempt = Attempt {
            evidence,
            ..enclave_attempt()
        };
        assert!(matches!(
            attempt.run(),
            Err(VerifyError::Format { tee: Tee::Sgx, .. })
        ));
    }
}
