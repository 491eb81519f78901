use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use daemon::clock::ManualClock;
use verifier::{HwId, SnpProduct, SnpTcb};

use super::*;

const TCB: SnpTcb = SnpTcb {
    fmc: None,
    bootloader: 3,
    tee: 0,
    snp: 22,
    microcode: 213,
};

const CRL: EndorsementId = EndorsementId::SnpCrl {
    product: SnpProduct::Milan,
};

fn vcek(chip: u8) -> EndorsementId {
    EndorsementId::SnpVcek {
        products: vec![SnpProduct::Milan],
        hwid: HwId::Full([chip; 64]),
        tcb: TCB,
    }
}

type Outcome = Result<Option<Fetched>, EndorsementError>;

/// Answers as told, after a while, and counts.
struct Fake {
    outcome: Outcome,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl EndorsementSource for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn serves(&self, _id: &EndorsementId) -> bool {
        true
    }

    async fn fetch(&self, _id: &EndorsementId) -> Outcome {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.outcome.clone()
    }
}

fn down() -> EndorsementError {
    EndorsementError::unavailable("fake", "down")
}

/// An endorser over sources that answer so, and how often each was asked.
fn endorser(outcomes: Vec<Outcome>, crl: CrlMode) -> (Arc<Endorser>, Vec<Arc<AtomicUsize>>) {
    let mut counts = Vec::new();
    let mut sources: Vec<Box<dyn EndorsementSource>> = Vec::new();
    for outcome in outcomes {
        let asked = Arc::<AtomicUsize>::default();
        counts.push(Arc::clone(&asked));
        sources.push(Box::new(Fake { outcome, asked }));
    }
    (
        Arc::new(Endorser::over(sources, crl, Arc::new(ManualClock::new(1000)))),
        counts,
    )
}

fn asked(counts: &[Arc<AtomicUsize>]) -> Vec<usize> {
    counts.iter().map(|count| count.load(Ordering::SeqCst)).collect()
}

#[tokio::test]
async fn a_certificate_is_fetched_once_however_many_ask() {
    let (endorser, counts) = endorser(vec![Ok(Some(vec![1].into()))], CrlMode::Off);
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let endorser = Arc::clone(&endorser);
        askers.spawn(async move {
            let endorsements = endorser.gather(&[vcek(1)]).await.unwrap();
            endorsements.get(&vcek(1)).map(<[u8]>::to_vec)
        });
    }
    assert!(
        askers
            .join_all()
            .await
            .iter()
            .all(|bytes| *bytes == Some(vec![1]))
    );
    endorser.gather(&[vcek(1)]).await.unwrap();
    assert_eq!(asked(&counts), [1]);
    endorser.gather(&[vcek(2)]).await.unwrap();
    assert_eq!(asked(&counts), [2]);
}

#[tokio::test]
async fn sources_are_asked_in_order_until_one_has_it() {
    let outcomes = vec![
        Ok(None),
        Err(down()),
        Ok(Some(vec![3].into())),
        Ok(Some(vec![4].into())),
    ];
    let (endorser, counts) = endorser(outcomes, CrlMode::Off);
    let endorsements = endorser.gather(&[vcek(1)]).await.unwrap();
    assert_eq!(endorsements.get(&vcek(1)), Some(&[3][..]));
    assert_eq!(asked(&counts), [1, 1, 1, 0]);
}

#[tokio::test]
async fn what_no_source_has_is_unknown_and_not_asked_for_again_at_once() {
    let (endorser, counts) = endorser(vec![Ok(None)], CrlMode::Off);
    for _ in 0..3 {
        let error = endorser.gather(&[vcek(1)]).await.unwrap_err();
        assert!(matches!(error, EndorsementError::Unknown(_)), "{error}");
    }
    assert_eq!(asked(&counts), [1]);
}

#[tokio::test]
async fn a_source_that_is_down_leaves_it_open_and_is_asked_again() {
    let (endorser, counts) = endorser(vec![Ok(None), Err(down())], CrlMode::Off);
    for _ in 0..2 {
        let error = endorser.gather(&[vcek(1)]).await.unwrap_err();
        assert_eq!(error, down());
    }
    assert_eq!(asked(&counts), [2, 2]);
}

#[tokio::test]
async fn without_sources_nothing_is_known() {
    let (endorser, _) = endorser(Vec::new(), CrlMode::Off);
    let error = endorser.gather(&[vcek(1)]).await.unwrap_err();
    assert!(matches!(error, EndorsementError::Unknown(_)));
}

#[tokio::test]
async fn what_is_in_doubt_is_fetched_again() {
    let (endorser, counts) = endorser(vec![Ok(Some(vec![1].into()))], CrlMode::Off);
    endorser.gather(&[vcek(1)]).await.unwrap();
    endorser.forget(&[vcek(1)]);
    endorser.gather(&[vcek(1)]).await.unwrap();
    assert_eq!(asked(&counts), [2]);
}

#[tokio::test]
async fn a_revocation_list_is_fetched_only_if_it_is_required() {
    let (off, counts) = endorser(vec![Ok(Some(vec![1].into()))], CrlMode::Off);
    assert_eq!(off.gather(&[CRL]).await.unwrap().get(&CRL), None);
    assert_eq!(asked(&counts), [0]);

    let (require, counts) = endorser(vec![Ok(Some(vec![1].into()))], CrlMode::Require);
    assert_eq!(require.gather(&[CRL]).await.unwrap().get(&CRL), Some(&[1][..]));
    assert_eq!(asked(&counts), [1]);

    let (down, _) = endorser(vec![Err(down())], CrlMode::Require);
    assert!(down.gather(&[CRL]).await.is_err());
}
