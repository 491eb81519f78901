//! Revocation lists: demanded, or merely at hand.

use super::*;
use crate::endorsements::lists;

/// A list of Milan that begins at `from`, so many seconds after [`ISSUED`], and ends at [`ENDS`].
fn list(from: i64) -> Vec<u8> {
    let platform = simulated_tee::snp::Platform::new(simulated_tee::snp::Generation::Milan).unwrap();
    let list = platform.revocation_list(&simulated_tee::snp::CrlSpec {
        this_update: u64::try_from(ISSUED + from).unwrap(),
        next_update: Some(u64::try_from(ENDS).unwrap()),
        revoked: Vec::new(),
        issuer: simulated_tee::snp::Issuer::Ark,
    });
    list.unwrap()
}

fn says(list: &[u8]) -> Outcome {
    Ok(Some(list.to_vec().into()))
}

fn require(config: &mut VerifierConfig) {
    config.snp_verifier.crl = CrlMode::Require;
}

/// What an evaluation gets, if it gets one.
async fn given(stage: &Stage) -> Option<Vec<u8>> {
    let gathered = stage.endorser.gather(&[CRL]).await.unwrap();
    assert!(gathered.on_trial.is_empty());
    gathered.endorsements.get(&CRL).map(<[u8]>::to_vec)
}

/// Puts a list where imported ones are.
async fn import(config: &StorageConfig, list: &[u8], fetched_at: i64) {
    let record = Record::new(&CRL, list.to_vec().into(), &"bundle".into(), fetched_at).unwrap();
    Persistent::open(config)
        .unwrap()
        .put(&CRL, &record)
        .await
        .unwrap();
}

async fn a_moment() {
    tokio::time::sleep(lists::LIFETIME + Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_network_is_asked_for_a_revocation_list_only_if_one_is_required() {
    let fake = Fake::new("a", says(&list(0)));
    let off = Stage::over(std::slice::from_ref(&fake));
    assert_eq!(given(&off).await, None);
    off.refresh().await;
    off.endorser.doubt(&CRL);
    settle().await;
    assert_eq!(fake.asked(), 0);

    let on = Stage::with(std::slice::from_ref(&fake), require, &StorageConfig::default());
    let gathered = on.endorser.gather(&[CRL]).await.unwrap();
    assert!(gathered.endorsements.get(&CRL).is_some());
    let down = Stage::with(&[Fake::new("b", down())], require, &StorageConfig::default());
    assert!(down.endorser.gather(&[CRL]).await.is_err());
}

#[tokio::test]
async fn a_list_on_this_machine_counts_although_none_is_required() {
    let newest = list(10);
    let fakes = [list(5), newest.clone(), list(0)].map(|list| Fake::placed("a", says(&list), true));
    let stage = Stage::over(&fakes);
    for _ in 0..20 {
        assert_eq!(given(&stage).await.as_ref(), Some(&newest), "the newest");
    }
    assert_eq!(
        fakes.map(|fake| fake.asked()),
        [1, 1, 1],
        "nobody looks each time"
    );
}

#[tokio::test]
async fn where_no_list_is_at_hand_that_is_remembered_for_a_moment_and_no_longer() {
    let fake = Fake::placed("a", Ok(None), true);
    let stage = Stage::over(std::slice::from_ref(&fake));
    for _ in 0..20 {
        assert_eq!(given(&stage).await, None);
    }
    assert_eq!(fake.asked(), 1);
    let list = list(0);
    fake.say(says(&list));
    a_moment().await;
    assert_eq!(given(&stage).await, Some(list));
}

#[tokio::test]
async fn an_imported_list_counts_at_once_and_after_a_restart_and_a_newer_one_instead_of_it() {
    let directory = TempDir::new().unwrap();
    let config = storage(&directory);
    let fake = Fake::new("kds", says(&list(20)));
    let stage = Stage::with(std::slice::from_ref(&fake), |_| (), &config);
    assert_eq!(given(&stage).await, None);
    let (first, second) = (list(5), list(10));
    import(&config, &first, ISSUED + 5).await;
    a_moment().await;
    assert_eq!(given(&stage).await.as_ref(), Some(&first));
    import(&config, &second, ISSUED + 10).await;
    a_moment().await;
    assert_eq!(given(&stage).await.as_ref(), Some(&second));

    let restarted = Stage::with(std::slice::from_ref(&fake), |_| (), &config);
    refresh::load(&restarted.endorser.0).await;
    std::fs::remove_dir_all(directory.path().join("endorsements")).unwrap();
    assert_eq!(given(&restarted).await, Some(second), "it is in memory");
    restarted.clock.advance(24 * 3600);
    restarted.refresh().await;
    settle().await;
    assert_eq!(fake.asked(), 0);
}

#[tokio::test]
async fn an_expired_list_at_hand_goes_to_the_verifier_and_what_is_no_list_stops_nobody() {
    let ended = list(0);
    let fake = Fake::placed("a", says(&ended), true);
    let stage = Stage::over(std::slice::from_ref(&fake));
    stage.clock.set(ENDS + 1);
    assert_eq!(given(&stage).await, Some(ended));
    for bad in [says(b"nonsense"), down()] {
        let stage = Stage::over(&[Fake::placed("a", bad, true)]);
        assert_eq!(given(&stage).await, None);
        let report = serde_json::to_value(stage.endorser.report()).unwrap();
        assert_eq!(
            report["sources"][0]["state"], "failing",
            "the operator can see it"
        );
    }
}
