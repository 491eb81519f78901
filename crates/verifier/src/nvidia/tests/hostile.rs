//! Whatever comes in, nothing panics, and nothing is believed.

use super::remote::NRAS;
use super::*;
use crate::nvidia::spdm::Report;
use proptest::prelude::*;

fn try_all(evidence: Value) {
    let _ = Attempt::local(evidence.clone()).run();
    let attempt = Attempt::remote(evidence);
    let text = attempt.evidence.to_string();
    if let Ok(parsed) = attempt.verifier.parse(UnverifiedEvidence::new(text.as_bytes())) {
        let mut endorsements = Endorsements::new();
        for id in parsed.endorsements_for() {
            endorsements.insert(id, NRAS.jwks().to_string().into_bytes());
        }
        assert!(parsed.verify(&attempt.expected, &endorsements, NOW).is_err());
    }
}

proptest! {
    // Each case makes a signature or checks one.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_as_a_report_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Report::parse(&bytes).is_err());
        try_all(evidence(&[HOPPER.entry(&bytes)]));
    }

    #[test]
    fn any_change_to_a_report_is_refused(at in 0_usize..4200, byte: u8, cut in 0_usize..4200) {
        let good = report(&HOPPER).sign();
        let mut bytes = good.clone();
        let place = at % good.len();
        bytes[place] = byte;
        bytes.truncate(good.len() - cut % good.len());
        if bytes != good {
            let outcome = Attempt::local(evidence(&[HOPPER.entry(&bytes)])).run();
            prop_assert!(matches!(outcome, Err(VerifyError::Nvidia(_))), "{:?}", outcome);
        }
    }

    #[test]
    fn any_text_is_read_as_a_chain_without_panic(text in ".{0,200}", cut in 0_usize..4000) {
        use base64::Engine;
        let pem = HOPPER.chain_pem();
        let torn = format!("{}{text}{}", &pem[..cut % pem.len()], &pem[cut % pem.len()..]);
        for chain in [text, torn] {
            let mut entry = good_entry(&HOPPER);
            entry["certificate"] = json!(base64::engine::general_purpose::STANDARD.encode(chain));
            try_all(evidence(&[entry]));
        }
    }

    #[test]
    fn any_text_is_read_as_an_answer_and_as_keys_without_panic(answer in ".{0,200}", keys in ".{0,200}") {
        let mut attempt = Attempt::remote(evidence(&[good_entry(&HOPPER)]));
        for id in attempt.wanted() {
            let text = if id == EndorsementId::NrasKeys { &keys } else { &answer };
            attempt.endorsements.insert(id, text.clone().into_bytes());
        }
        prop_assert!(attempt.run().is_err());
    }
}
