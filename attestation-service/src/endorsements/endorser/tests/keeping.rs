//! What is kept, what is thrown away, and what comes back after a restart.

use super::*;

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn what_is_due_is_used_while_a_newer_one_is_fetched() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.use_it(&TCB_INFO).await;
    fake.say(info(2));
    stage.clock.advance(DAY + 1);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1), "nobody waits");
    settle().await;
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(2));
    assert_eq!(fake.asked(), 2);
}

#[tokio::test]
async fn what_is_used_is_kept_current_in_the_background_and_what_is_not_is_left() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.use_it(&TCB_INFO).await;
    stage.refresh().await;
    assert_eq!(fake.asked(), 1, "it is fresh");
    stage.clock.advance(DAY + 1);
    stage.refresh().await;
    stage.refresh().await;
    assert_eq!(fake.asked(), 2);
    stage.clock.advance(8 * DAY);
    stage.refresh().await;
    assert_eq!(fake.asked(), 2, "nobody used it for a week");
}

#[tokio::test]
async fn a_newer_one_that_does_not_hold_gives_way_to_the_one_before() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.use_it(&TCB_INFO).await;
    fake.say(info(2));
    stage.clock.advance(DAY + 1);
    stage.refresh().await;
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(2));
    stage.endorser.doubt(&TCB_INFO);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
}

#[tokio::test]
async fn what_is_older_than_what_held_is_not_taken() {
    let fake = Fake::new("a", info(5));
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.use_it(&TCB_INFO).await;
    fake.say(info(3));
    stage.clock.advance(DAY + 1);
    stage.refresh().await;
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(5));
    // Nor once nothing else is there any more.
    stage.clock.set(ENDS + 1);
    assert!(stage.get(&TCB_INFO).await.is_err());
}

#[tokio::test]
async fn what_did_not_hold_is_fetched_again_but_not_again_and_again() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    for _ in 0..10 {
        stage.get(&TCB_INFO).await.unwrap();
        stage.endorser.doubt(&TCB_INFO);
        stage.get(&TCB_INFO).await.unwrap();
    }
    assert_eq!(fake.asked(), 2);
}

#[tokio::test]
async fn after_a_source_gave_what_did_not_hold_another_is_asked_first() {
    let fakes = [Fake::new("a", info(1)), Fake::new("b", info(2))];
    let stage = Stage::over(&fakes);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
    stage.endorser.doubt(&TCB_INFO);
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(2));
    assert_eq!(fakes.map(|fake| fake.asked()), [1, 1]);
}

#[tokio::test]
async fn doubt_about_what_held_throws_nothing_away() {
    let fake = Fake::new("a", info(1));
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.use_it(&TCB_INFO).await;
    fake.say(down());
    for _ in 0..10 {
        stage.endorser.doubt(&TCB_INFO);
        assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
    }
    settle().await;
    assert_eq!(fake.asked(), 2, "a newer one was asked for once");
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
}

#[tokio::test]
async fn only_what_held_outlives_a_restart() {
    let directory = TempDir::new().unwrap();
    let config = storage(&directory);
    let fake = Fake::new("a", info(1));
    let first = Stage::with(std::slice::from_ref(&fake), |_| (), &config);
    first.get(&TCB_INFO).await.unwrap();
    settle().await;
    stored(&directory, 0).await;
    first.use_it(&TCB_INFO).await;
    stored(&directory, 1).await;

    let gone = Fake::new("a", down());
    let second = Stage::with(std::slice::from_ref(&gone), |_| (), &config);
    assert_eq!(second.get(&TCB_INFO).await.unwrap(), text(1));
    assert_eq!(gone.asked(), 0);

    let third = Stage::with(&[], |_| (), &config);
    refresh::load(&third.endorser.0).await;
    assert_eq!(third.endorser.0.shelf.memory.list().len(), 1);
}

#[tokio::test]
async fn without_persistence_nothing_is_written() {
    let directory = TempDir::new().unwrap();
    let config = VerifierConfig {
        endorsement_cache: EndorsementCacheConfig {
            persistent: false,
            ..EndorsementCacheConfig::default()
        },
        ..VerifierConfig::default()
    };
    daemon::init();
    let clock = Arc::new(ManualClock::new(0));
    let endorser = Endorser::start(&config, &storage(&directory), &Registry::new(), clock).unwrap();
    assert!(!endorser.0.shelf.persistent.is_there());
    assert!(!directory.path().join("endorsements").exists());
}

#[tokio::test]
async fn an_age_that_is_new_is_stored_too() {
    let directory = TempDir::new().unwrap();
    let config = storage(&directory);
    let fake = Fake::new("a", info(1));
    let stage = Stage::with(std::slice::from_ref(&fake), |_| (), &config);
    stage.use_it(&TCB_INFO).await;
    stored(&directory, 1).await;
    stage.clock.advance(DAY + 1);
    stage.refresh().await;
    let kept = Persistent::open(&config).unwrap().get(&TCB_INFO).await.unwrap();
    assert_eq!(kept.fetched_at, ISSUED + 1000 + DAY + 1);
}

#[tokio::test]
async fn what_is_imported_while_the_service_runs_is_found() {
    let directory = TempDir::new().unwrap();
    let config = storage(&directory);
    let stage = Stage::with(&[Fake::new("a", down())], |_| (), &config);
    stage.get(&TCB_INFO).await.unwrap_err();
    let record = crate::endorsements::record::tests::record(1, ISSUED);
    Persistent::open(&config)
        .unwrap()
        .put(&TCB_INFO, &record)
        .await
        .unwrap();
    assert_eq!(stage.get(&TCB_INFO).await.unwrap(), text(1));
}

#[tokio::test]
async fn a_stored_entry_that_is_damaged_is_fetched_anew() {
    let directory = TempDir::new().unwrap();
    let config = storage(&directory);
    let file = directory
        .path()
        .join("endorsements/dcap-tcb-info.tdx.00806F050000");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "{\"id\":").unwrap();
    let stage = Stage::with(&[Fake::new("a", info(1))], |_| (), &config);
    refresh::load(&stage.endorser.0).await;
    assert_eq!(stage.use_it(&TCB_INFO).await, text(1));
    settle().await;
    let kept = Persistent::open(&config).unwrap().get(&TCB_INFO).await;
    assert!(kept.is_some(), "a good one takes its place");
}

#[tokio::test]
async fn a_flood_of_made_up_chips_neither_fills_the_storage_nor_pushes_out_what_held() {
    let directory = TempDir::new().unwrap();
    let platform = simulated_tee::snp::Platform::new(simulated_tee::snp::Generation::Milan).unwrap();
    let fake = Fake::new("a", Ok(Some(platform.vcek_der().to_vec().into())));
    let few = |config: &mut VerifierConfig| config.endorsement_cache.max_entries = 64;
    let stage = Stage::with(std::slice::from_ref(&fake), few, &storage(&directory));
    stage.use_it(&vcek(0)).await;
    let flood: Vec<EndorsementId> = (1..=40).map(vcek).collect();
    for part in flood.chunks(8) {
        stage.endorser.gather(part).await.unwrap();
    }
    let before = fake.asked();
    stage.get(&vcek(0)).await.unwrap();
    assert_eq!(fake.asked(), before);
    assert!(stage.endorser.0.shelf.memory.list().len() <= 17);
    stored(&directory, 1).await;
}
