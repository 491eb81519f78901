//! A source that does not answer, and what there is instead.

use super::*;

fn limited(milliseconds: u64) -> Outcome {
    Err(EndorsementError::Unavailable {
        source_name: "fake".to_owned(),
        reason: "it answered 429".to_owned(),
        retry_after: Some(Duration::from_millis(milliseconds)),
    })
}

fn stale(seconds: u32) -> impl FnOnce(&mut VerifierConfig) {
    move |config| config.endorsement_cache.stale_seconds = seconds
}

#[tokio::test]
async fn a_source_that_is_down_leaves_it_open_and_is_asked_again() {
    let fakes = [Ok(None), down()].map(|outcome| Fake::new("a", outcome));
    let stage = Stage::over(&fakes);
    for _ in 0..2 {
        let error = stage.get(&vcek(1)).await.unwrap_err();
        assert!(matches!(error, EndorsementError::Unavailable { .. }), "{error}");
    }
    assert_eq!(fakes.map(|fake| fake.asked()), [2, 2]);
}

#[tokio::test]
async fn a_source_that_stays_down_is_left_alone_for_a_moment_and_says_why() {
    let fake = Fake::new("https://kds", down());
    let stage = Stage::over(std::slice::from_ref(&fake));
    for chip in 0..20 {
        let error = stage.get(&vcek(chip)).await.unwrap_err().to_string();
        if chip > 10 {
            assert!(
                error.contains("not asked for another") && error.contains("down"),
                "{error}"
            );
        }
    }
    assert!(fake.asked() < 10, "{}", fake.asked());
    let report = serde_json::to_value(stage.endorser.report()).unwrap();
    assert_eq!(report["sources"][0]["state"], "left alone");
    assert!(
        report["sources"][0]["last_error"]
            .as_str()
            .unwrap()
            .contains("down")
    );
}

#[tokio::test]
async fn a_source_that_had_too_much_is_asked_again_when_it_says_if_that_is_soon() {
    let fake = Fake::new("kds", limited(300));
    let stage = Arc::new(Stage::over(std::slice::from_ref(&fake)));
    let asker = {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { stage.get(&TCB_INFO).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    fake.say(info(1));
    assert_eq!(asker.await.unwrap().unwrap(), text(1));
    assert_eq!(fake.asked(), 2);
}

#[tokio::test]
async fn a_source_that_had_too_much_is_not_waited_for_if_that_is_long() {
    let fake = Fake::new("kds", limited(100_000));
    let stage = Stage::over(std::slice::from_ref(&fake));
    let start = std::time::Instant::now();
    for chip in 0..5 {
        let error = stage.get(&vcek(chip)).await.unwrap_err();
        assert!(error.to_string().contains("429"), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(fake.asked(), 1);
}

#[tokio::test]
async fn an_unexpired_copy_is_used_for_as_long_as_it_is_good_while_every_source_is_down() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.use_it(&TCB_INFO).await;
    fake.say(down());
    for now in [ISSUED + 10 * 24 * 3600, ENDS] {
        stage.clock.set(now);
        assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
        settle().await;
    }
    stage.clock.set(ENDS + 1);
    let error = stage.get(&TCB_INFO).await.unwrap_err();
    assert!(matches!(error, EndorsementError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn an_expired_copy_is_used_only_as_long_as_the_operator_allows() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::with(std::slice::from_ref(&fake), stale(600), &StorageConfig::default());
    stage.use_it(&TCB_INFO).await;
    fake.say(down());
    stage.clock.set(ENDS + 600);
    for _ in 0..5 {
        assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
    }
    assert_eq!(fake.asked(), 2, "a newer one was asked for, once");
    let text = stage.registry.text().unwrap();
    assert!(text.contains(r#"lookups_total{result="stale"} 5"#), "{text}");
    stage.clock.set(ENDS + 601);
    assert!(stage.get(&TCB_INFO).await.is_err());
}

#[tokio::test]
async fn what_a_source_gives_although_it_is_expired_is_an_outage_unless_the_operator_allows_it() {
    let fakes = [Fake::new("a", info(1)), Fake::new("b", info(2))];
    let stage = Stage::over(&fakes);
    stage.clock.set(ENDS + 1);
    let error = stage.get(&TCB_INFO).await.unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    assert_eq!(fakes[1].asked(), 1, "another source may have a newer one");

    let stage = Stage::with(&fakes, stale(600), &StorageConfig::default());
    stage.clock.set(ENDS + 1);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(2), "the newest of them");
}

#[tokio::test]
async fn a_certificate_is_never_used_after_its_time() {
    let platform = simulated_tee::snp::Platform::new(simulated_tee::snp::Generation::Milan).unwrap();
    let fake = Fake::new("a", Ok(Some(platform.vcek_der().to_vec().into())));
    let stage = Stage::with(
        std::slice::from_ref(&fake),
        stale(u32::MAX),
        &StorageConfig::default(),
    );
    stage.use_it(&vcek(1)).await;
    stage.clock.set(4_000_000_000);
    let error = stage.get(&vcek(1)).await.unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn a_source_that_never_answers_does_not_hold_up_another() {
    let slow = Fake::new("slow", Ok(None));
    let stage = Stage::over(&[slow, Fake::new("good", info(1))]);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
    let report = serde_json::to_value(stage.endorser.report()).unwrap();
    assert_eq!(report["sources"][0]["requests"]["missing"], 1);
    assert_eq!(report["sources"][1]["requests"]["found"], 1);
    assert_eq!(report["endorsements"][0]["source"], "good");
    assert_eq!(report["endorsements"][0]["id"], "dcap-tcb-info.tdx.00806F050000");
    assert_eq!(report["endorsements"][0]["age_seconds"], 0);
    assert_eq!(report["endorsements"][0]["expires_at"], "2026-01-31T00:00:00Z");
}
