//! Keeping the cache current while nobody waits for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::endorser::{Inner, landed};
use super::record::Freshness;
use super::shelf::REFRESH_PAUSE;

/// How often it is looked what needs a newer copy.
const INTERVAL: Duration = Duration::from_secs(30);

/// How many are asked for at a time, one after the other, so that no vendor is flooded.
const BATCH: usize = 8;

/// What nobody used for so many seconds is not kept current.
const FORSAKEN: i64 = 7 * 24 * 3600;

/// Reads what is stored, and then asks for newer copies in good time, for as long as the endorser is there.
pub(super) async fn run(endorser: Weak<Inner>) {
    if let Some(endorser) = endorser.upgrade() {
        load(&endorser).await;
    }
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(endorser) = endorser.upgrade() else {
            return;
        };
        refresh_due(&endorser).await;
    }
}

/// Remembers what is stored, as far as it is good and there is room.
pub(super) async fn load(endorser: &Arc<Inner>) {
    let shelf = &endorser.shelf;
    let mut records = match shelf.persistent.all().await {
        Ok(records) => records,
        Err(error) => {
            tracing::warn!(%error, "cannot read the stored endorsements");
            return;
        }
    };
    records.sort_by_key(|(_, record)| std::cmp::Reverse(record.fetched_at));
    records.truncate(shelf.memory.limits().entries / 2);
    let now = shelf.clock.now();
    let mut count = 0;
    for (id, record) in records {
        if shelf.memory.peek(&id).is_none() && record.freshness(&id, now) != Freshness::Expired {
            // What has no room any more stays on the storage, to be read when it is asked for.
            let _ = shelf.memory.put(&id, Arc::new(record), true, now);
            count += 1;
        }
    }
    if count > 0 {
        tracing::info!(count, "stored endorsements read");
    }
}

/// Asks for newer copies of what is due.
pub(super) async fn refresh_due(endorser: &Arc<Inner>) {
    let shelf = &endorser.shelf;
    let now = shelf.clock.now();
    for id in shelf.memory.due(now, now - FORSAKEN, BATCH) {
        let is_served = !shelf.lists.covers(&id)
            && shelf.suppliers.iter().any(|supplier| {
                supplier.serves(&id) && !supplier.is_local() && supplier.left_alone().is_none()
            });
        if shelf.memory.claim_refresh(&id, now, now + REFRESH_PAUSE) && is_served {
            // How it failed is logged where it failed.
            let _ = landed(&id, endorser.fetch(&id, Duration::ZERO)).await;
        }
    }
}
