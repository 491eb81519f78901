//! One question, one answer.

use super::*;

#[tokio::test]
async fn an_endorsement_is_fetched_once_however_many_ask() {
    let fake = Fake::new("a", info(1));
    let stage = Arc::new(Stage::over(std::slice::from_ref(&fake)));
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let stage = Arc::clone(&stage);
        askers.spawn(async move { stage.get(&TCB_INFO).await });
    }
    assert!(askers.join_all().await.iter().all(|found| *found == Ok(text(1))));
    stage.get(&TCB_INFO).await.unwrap();
    assert_eq!(fake.asked(), 1);
}

#[tokio::test]
async fn what_a_source_gave_comes_with_its_chain_and_its_time() {
    let fetched = Fetched {
        issuer_chain: Some("chain".to_owned()),
        ..tcb_info(1).into()
    };
    let stage = Stage::over(&[Fake::new("a", Ok(Some(fetched)))]);
    let gathered = stage.endorser.gather(&[TCB_INFO]).await.unwrap();
    let endorsement = gathered.endorsements.endorsement(&TCB_INFO).unwrap();
    assert_eq!(endorsement.issuer_chain.as_deref(), Some("chain"));
    assert_eq!(endorsement.fetched_at, Some(ISSUED + 1000));
}

#[tokio::test]
async fn sources_are_asked_in_order_until_one_has_it() {
    let wrong = Ok(Some(b"<html>busy</html>".to_vec().into()));
    let fakes = [Ok(None), down(), wrong, info(4), info(5)].map(|outcome| Fake::new("a", outcome));
    let stage = Stage::over(&fakes);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(4));
    assert_eq!(fakes.map(|fake| fake.asked()), [1, 1, 1, 1, 0]);
}

#[tokio::test]
async fn what_no_source_has_is_unknown_and_not_asked_for_again_at_once() {
    let fake = Fake::new("a", Ok(None));
    let stage = Stage::over(std::slice::from_ref(&fake));
    for _ in 0..3 {
        let error = stage.get(&vcek(1)).await.unwrap_err();
        assert!(matches!(error, EndorsementError::Unknown(_)), "{error}");
    }
    assert_eq!(fake.asked(), 1);
}

#[tokio::test]
async fn what_no_source_serves_is_unknown() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    let error = stage.get(&EndorsementId::NrasKeys).await.unwrap_err();
    assert!(matches!(error, EndorsementError::Unknown(_)));
    assert_eq!(fake.asked(), 0);
    let error = Stage::over(&[]).get(&TCB_INFO).await.unwrap_err();
    assert!(matches!(error, EndorsementError::Unknown(_)));
}

#[tokio::test]
async fn a_source_on_this_machine_is_asked_again_after_a_moment_so_that_a_change_counts() {
    let fake = Fake::placed("a", info(1), true);
    let stage = Stage::over(std::slice::from_ref(&fake));
    for _ in 0..50 {
        assert_eq!(stage.use_it(&TCB_INFO).await, text(1));
    }
    assert!(fake.asked() < 25, "{}", fake.asked());
    fake.say(info(2));
    tokio::time::sleep(AT_HAND_LIFETIME).await;
    assert_eq!(stage.use_it(&TCB_INFO).await, text(2));
    fake.say(Ok(None));
    tokio::time::sleep(AT_HAND_LIFETIME).await;
    assert!(stage.get(&TCB_INFO).await.is_err());
}

#[tokio::test]
async fn several_are_fetched_at_the_same_time() {
    /// Answers when two are asking.
    struct Slow(tokio::sync::Barrier);

    #[async_trait]
    impl EndorsementSource for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn serves(&self, _id: &EndorsementId) -> bool {
            true
        }

        async fn fetch(&self, id: &EndorsementId) -> Outcome {
            self.0.wait().await;
            match id {
                EndorsementId::DcapTcbInfo { .. } => info(1),
                _ => Ok(Some(br#"{"keys":[1]}"#.to_vec().into())),
            }
        }
    }

    let config = VerifierConfig::default();
    let clock = Arc::new(ManualClock::new(ISSUED));
    let (persistent, registry) = (Persistent::none(), Registry::new());
    let endorser = Endorser::over(
        vec![Box::new(Slow(tokio::sync::Barrier::new(2)))],
        &config,
        persistent,
        &registry,
        clock,
    )
    .unwrap();
    let ids = [TCB_INFO, EndorsementId::NrasKeys, TCB_INFO];
    let gathered = endorser.gather(&ids).await.unwrap();
    assert!(gathered.endorsements.get(&EndorsementId::NrasKeys).is_some());
}

#[tokio::test]
async fn settings_under_which_nothing_would_fit_stop_the_start() {
    for change in [
        (|config| config.endorsement_cache.max_entries = 63) as fn(&mut VerifierConfig),
        |config| config.endorsement_cache.max_mib = 15,
    ] {
        let mut config = VerifierConfig::default();
        change(&mut config);
        let clock = Arc::new(ManualClock::new(0));
        let result = Endorser::over(Vec::new(), &config, Persistent::none(), &Registry::new(), clock);
        assert!(matches!(result, Err(StartError::Config(_))));
    }
}
