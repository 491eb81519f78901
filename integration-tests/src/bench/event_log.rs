//! What a large event log costs: read, replayed, and told in claims.

use std::time::Duration;

use eventlog::{Algorithm, EventLog};
use ring::digest::{SHA384, digest};
use simulated_tee::intel::Ccel;

use super::Figure;
use super::tees::processor_time;

/// Bytes of the log, as far as its records' data go.
const SIZE: usize = 4 << 20;

/// A log of this size may cost so much, in milliseconds.
const LIMIT_MS: f64 = 20.0;

/// How often each log is read.
const TURNS: usize = 15;

/// EV_EFI_ACTION (TCG PC Client Platform Firmware Profile 1.06, table 27), whose data are told twice: as they are,
/// and as text.
const EV_EFI_ACTION: u32 = 0x8000_0007;
/// EV_EFI_GPT_EVENT, for data that are too long to be text.
const EV_EFI_GPT_EVENT: u32 = 0x8000_0006;

/// One figure for one long record, one for many short ones.
pub(super) fn figures(notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    super::say("reading event logs of 4 MiB");
    let data = vec![0x61; SIZE];
    let hash = |()| {
        anyhow::ensure!(digest(&SHA384, &data).as_ref().len() == 48, "SHA-384 is odd here");
        Ok(())
    };
    let hashing = least(|| (), hash)?;
    notes.push(format!(
        "SHA-384 of 4 MiB: {:.1} ms, without which no log can be held against its registers",
        milliseconds(hashing)
    ));
    [(1, EV_EFI_GPT_EVENT), (4096, EV_EFI_ACTION)]
        .into_iter()
        .map(|(records, event_type)| {
            let mut log = Ccel::new();
            for _ in 0..records {
                log.event(4, event_type, data.get(..SIZE / records).unwrap_or_default());
            }
            let bytes = log.bytes();
            let read = |bytes: Vec<u8>| {
                let log = EventLog::parse(bytes)?;
                let registers = log.replay(Algorithm::Sha384)?;
                anyhow::ensure!(registers.get(4).is_some(), "the log has no register 4");
                let claims = log.claims_of(Algorithm::Sha384);
                anyhow::ensure!(claims.get().len() > SIZE, "the claims do not tell all data");
                Ok(())
            };
            Ok(Figure {
                what: format!("event log of 4 MiB in {records} record(s)"),
                value: milliseconds(least(|| bytes.clone(), read)?),
                floor: LIMIT_MS,
                unit: "ms",
                at_most: true,
                because: "read, replayed, and told in claims".to_owned(),
            })
        })
        .collect()
}

/// The least that some turns took, without what their beginning took.
fn least<T>(begin: impl Fn() -> T, work: impl Fn(T) -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..TURNS {
        let given = begin();
        let started = processor_time();
        work(given)?;
        least = least.min(processor_time().saturating_sub(started));
    }
    Ok(least)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_logs_can_be_read() {
        assert_eq!(figures(&mut Vec::new()).unwrap().len(), 2);
    }
}
