use std::time::Duration;

use kbs_types::Tee;

use super::*;
use crate::admin::AdminGrant;

#[tokio::test]
async fn a_record_says_what_was_decided_and_by_what() {
    let bench = Bench::new(DecisionsConfig::default()).await;
    let id = bench.note(attested(claims(10))).await;
    let (decision, kept) = bench.decisions.get(&AdminGrant::for_tests(), id).unwrap();
    assert_eq!(
        (decision.at, decision.kind, decision.verdict),
        (NOW, Kind::Attestation, Verdict::Affirming)
    );
    assert_eq!(decision.tee.as_deref(), Some("snp"));
    assert_eq!(decision.devices["cpu0"].vector["hardware"], 2);
    assert_eq!(decision.devices["cpu0"].policy_id.as_deref(), Some("default"));
    assert_eq!(kept, Some(claims(10)));

    let id = bench.note(refused()).await;
    let decision = bench.decisions.get(&AdminGrant::for_tests(), id).unwrap().0;
    assert_eq!(decision.verdict, Verdict::Refused);
    assert_eq!(decision.class.as_deref(), Some("AttestationError"));
    assert_eq!(decision.reason.as_deref(), Some("report data: mismatch"));
}

#[tokio::test]
async fn a_release_knows_its_attestation_and_shares_what_was_found_there() {
    let bench = Bench::new(DecisionsConfig::default()).await;
    let attestation = bench.note(attested(claims(2000))).await;
    let release = bench.note(released("default/key/1", Some(attestation))).await;
    let (decision, claims) = bench.decisions.get(&AdminGrant::for_tests(), release).unwrap();
    assert_eq!(decision.resource.as_deref(), Some("resource/default/key/1"));
    let found = bench
        .decisions
        .get(&AdminGrant::for_tests(), attestation)
        .unwrap()
        .0;
    assert!(Arc::ptr_eq(&decision.devices, &found.devices));
    assert!(claims.is_none());
    // By a token of somebody else, the release is all there is.
    let alone = bench.note(released("default/key/2", None)).await;
    assert!(
        bench
            .decisions
            .get(&AdminGrant::for_tests(), alone)
            .unwrap()
            .1
            .is_some()
    );

    let recorded = bench.decisions.recorded(&AdminGrant::for_tests(), 10);
    assert_eq!(recorded.len(), 2);
    assert_eq!(
        (recorded[0].decision.id, recorded[1].decision.id),
        (alone, attestation)
    );
    for (recorded, release) in recorded.iter().zip([alone, release]) {
        assert_eq!(
            recorded.releases.iter().map(|of| of.id).collect::<Vec<_>>(),
            [release]
        );
    }
    assert_eq!(bench.decisions.recorded(&AdminGrant::for_tests(), 1).len(), 1);
}

#[tokio::test]
async fn the_newest_stay_in_number_in_age_and_in_bytes() {
    let bench = Bench::new(DecisionsConfig {
        max_count: 4,
        max_age_hours: 1,
        max_claims_mib: 1,
        ..DecisionsConfig::default()
    })
    .await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(bench.note(attested(claims(400 << 10))).await);
    }
    assert_eq!(bench.all(), ids[2..]);
    assert!(bench.decisions.get(&AdminGrant::for_tests(), ids[0]).is_none());
    let with_claims = |id: &&DecisionId| {
        bench
            .decisions
            .get(&AdminGrant::for_tests(), **id)
            .unwrap()
            .1
            .is_some()
    };
    assert_eq!(ids[2..].iter().filter(with_claims).count(), 2);
    assert!(with_claims(&&ids[5]) && with_claims(&&ids[4]));

    bench.clock.advance(3600);
    bench.decisions.trim();
    assert_eq!(bench.all().len(), 4);
    bench.clock.advance(1);
    bench.decisions.trim();
    assert!(bench.all().is_empty());
}

#[tokio::test]
async fn claims_that_are_too_large_are_left_out_and_those_of_others_stay() {
    let bench = Bench::new(DecisionsConfig::default()).await;
    let small = bench.note(attested(claims(10))).await;
    let large = bench.note(attested(claims(600 << 10))).await;
    assert!(
        bench
            .decisions
            .get(&AdminGrant::for_tests(), small)
            .unwrap()
            .1
            .is_some()
    );
    let (decision, claims) = bench.decisions.get(&AdminGrant::for_tests(), large).unwrap();
    assert!(claims.is_none());
    assert_eq!(decision.verdict, Verdict::Affirming);
    let none = Bench::new(DecisionsConfig {
        max_claims_mib: 0,
        ..DecisionsConfig::default()
    })
    .await;
    let id = none.note(attested(super::claims(10))).await;
    assert!(
        none.decisions
            .get(&AdminGrant::for_tests(), id)
            .unwrap()
            .1
            .is_none()
    );
}

#[tokio::test]
async fn who_has_shown_nothing_cannot_push_out_what_happened_to_others() {
    let bench = Bench::new(DecisionsConfig {
        max_count: 10,
        ..DecisionsConfig::default()
    })
    .await;
    let mut good = Vec::new();
    for _ in 0..5 {
        good.push(bench.note(attested(claims(10))).await);
    }
    let mut refusals = Vec::new();
    for _ in 0..100 {
        refusals.push(bench.note(refused()).await);
    }
    let mut expected = good;
    expected.extend(&refusals[95..]);
    assert_eq!(bench.all(), expected);
}

#[tokio::test]
async fn attestations_that_anybody_can_make_push_out_neither_decisions_nor_claims() {
    let bench = Bench::new(DecisionsConfig {
        max_count: 10,
        max_claims_mib: 1,
        ..DecisionsConfig::default()
    })
    .await;
    let attestation = bench.note(attested(claims(100 << 10))).await;
    let release = bench.note(released("default/key/1", Some(attestation))).await;
    for tee in [Tee::Sample, Tee::SampleDevice, Tee::Tpm] {
        for _ in 0..50 {
            bench
                .note(Occurrence {
                    claims: Some(claims(300 << 10)),
                    ..Occurrence::attestation(Some(tee), Outcome::Appraised)
                })
                .await;
            let untrusted = Outcome::Error(Verdict::Untrusted, "TokenVerifierError", "no cpu".into());
            bench.note(Occurrence::attestation(Some(tee), untrusted)).await;
            let released =
                Occurrence::release("resource", &["a".to_owned()], Outcome::Decided(Verdict::Released));
            bench
                .note(Occurrence {
                    cheap: true,
                    ..released
                })
                .await;
            let denied = Outcome::Error(Verdict::Denied, "PolicyDeny", "no".into());
            bench
                .note(Occurrence::release("resource", &["a".to_owned()], denied))
                .await;
        }
    }
    assert_eq!(bench.all().len(), 10);
    assert_eq!(bench.all()[..2], [attestation, release]);
    assert!(
        bench
            .decisions
            .get(&AdminGrant::for_tests(), attestation)
            .unwrap()
            .1
            .is_some()
    );
}

#[tokio::test]
async fn a_token_that_is_not_trusted_is_cheap_whatever_attester_it_is_of() {
    let bench = Bench::new(DecisionsConfig {
        max_count: 10,
        ..DecisionsConfig::default()
    })
    .await;
    let good = bench.note(attested(claims(10))).await;
    for _ in 0..50 {
        let untrusted = Outcome::Error(Verdict::Untrusted, "TokenVerifierError", "no cpu".into());
        bench
            .note(Occurrence::attestation(Some(Tee::Nvidia), untrusted))
            .await;
    }
    assert_eq!(bench.all()[0], good);
}

#[tokio::test]
async fn attestations_of_tpms_that_are_vouched_for_are_kept_like_those_of_others() {
    let bench = Bench::new(DecisionsConfig {
        max_count: 10,
        ..DecisionsConfig::default()
    })
    .await;
    let vouched = Occurrence {
        cheap: false,
        ..Occurrence::attestation(Some(Tee::Tpm), Outcome::Appraised)
    };
    let good = bench.note(vouched).await;
    for _ in 0..50 {
        bench
            .note(Occurrence::attestation(Some(Tee::Tpm), Outcome::Appraised))
            .await;
    }
    assert_eq!(bench.all()[0], good);
    assert!(
        !bench
            .decisions
            .get(&AdminGrant::for_tests(), good)
            .unwrap()
            .0
            .cheap
    );
    assert!(
        bench
            .decisions
            .get(&AdminGrant::for_tests(), bench.all()[1])
            .unwrap()
            .0
            .cheap
    );
}

#[tokio::test]
async fn decisions_are_found_by_what_they_are_about() {
    let bench = Bench::new(DecisionsConfig::default()).await;
    let first = bench.note(attested(claims(10))).await;
    bench.clock.advance(100);
    let second = bench.note(refused()).await;
    let third = bench.note(released("default/key/1", Some(first))).await;
    let fourth = bench.note(released("default/keys/1", Some(first))).await;
    let find = |text: &str| {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let parameters = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        bench.ids(&Query::read(&parameters, NOW + 100).unwrap().0)
    };
    assert_eq!(find(""), [first, second, third, fourth]);
    assert_eq!(find("kind=attestation"), [first, second]);
    assert_eq!(find("verdict=released&limit=1"), [fourth]);
    assert_eq!(find("tee=tdx"), [second]);
    assert_eq!(find(&format!("since={}", NOW + 1)), [second, third, fourth]);
    assert_eq!(find("since=-99"), [second, third, fourth]);
    assert_eq!(find("since=-101"), [first, second, third, fourth]);
    assert_eq!(find("resource=resource/default/key"), [third]);
    assert_eq!(find("resource=resource/default/"), [third, fourth]);
    assert_eq!(find(&format!("after={second}&limit=1")), [third]);
    assert_eq!(find(&format!("after={fourth}")), []);
    assert_eq!(find("request_id=none"), []);
}

#[test]
fn a_parameter_that_is_not_understood_is_an_error_that_names_it() {
    for (name, value) in [
        ("after", "x"),
        ("since", "yesterday"),
        ("kind", "Release"),
        ("verdict", "good"),
        ("limit", "-1"),
        ("wait", "long"),
        ("sinse", "1"),
    ] {
        let parameters = [(name.to_owned(), value.to_owned())].into();
        let error = Query::read(&parameters, NOW).unwrap_err();
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
    let parameters = [("wait".to_owned(), "100000".to_owned())].into();
    assert_eq!(Query::read(&parameters, NOW).unwrap().1, 20);
}

#[tokio::test]
async fn who_waits_gets_what_comes_and_nothing_when_nothing_comes() {
    let bench = Bench::new(DecisionsConfig::default()).await;
    let first = bench.note(refused()).await;
    let after = Query {
        after: Some(first),
        verdict: Some(Verdict::Affirming),
        ..Query::default()
    };
    let page = bench
        .decisions
        .wait(&AdminGrant::for_tests(), &after, Duration::from_millis(50))
        .await;
    assert!(page.decisions.is_empty());
    assert_eq!(page.next, Some(first));
    let grant = AdminGrant::for_tests();
    let (page, second) = tokio::join!(
        bench.decisions.wait(&grant, &after, Duration::from_secs(20)),
        async {
            bench.note(refused()).await;
            bench.note(attested(claims(10))).await
        }
    );
    assert_eq!(page.decisions.len(), 1);
    assert_eq!((page.decisions[0].id, page.next), (second, Some(second)));
}

#[tokio::test]
async fn who_comes_back_after_his_place_is_gone_gets_all_there_is() {
    let bench = Bench::new(DecisionsConfig {
        max_count: 2,
        ..DecisionsConfig::default()
    })
    .await;
    let first = bench.note(attested(claims(1))).await;
    let later = [
        bench.note(attested(claims(1))).await,
        bench.note(attested(claims(1))).await,
    ];
    let query = Query {
        after: Some(first),
        ..Query::default()
    };
    assert_eq!(bench.ids(&query), later);
}

#[tokio::test]
async fn where_nothing_is_kept_nothing_is_noted() {
    let bench = Bench::new(DecisionsConfig {
        enabled: false,
        ..DecisionsConfig::default()
    })
    .await;
    assert!(!bench.decisions.are_kept());
    assert!(!bench.decisions.note(Arc::new(bench.decisions.name(refused()))));
    assert_eq!(bench.lost.get(), 0);
}

#[tokio::test]
async fn a_note_that_finds_no_room_is_counted_and_nobody_waits_for_it() {
    // On one thread, nothing is taken out while this runs.
    let bench = Bench::new(DecisionsConfig::default()).await;
    let kept = (0..5000)
        .filter(|_| bench.decisions.note(Arc::new(bench.decisions.name(refused()))))
        .count();
    assert_eq!(kept, 4096);
    assert_eq!(bench.lost.get(), 5000 - 4096);
}
