//! What a large event log costs: read, replayed, and told in claims.

use std::time::Duration;

use eventlog::{Algorithm, EventLog};
use ring::digest::{SHA384, digest};
use simulated_tee::intel::Ccel;

use super::Figure;
use super::tees::processor_time;

/// Bytes of the log, as far as its records' data go.
const SIZE: usize = 4 << 20;

/// As many records as a log may have.
const MANY: usize = 4096;

/// A log of this size may cost so much, in milliseconds.
const LIMIT_MS: f64 = 20.0;

/// How often each log is read.
const TURNS: usize = 31;

/// EV_EFI_ACTION (TCG PC Client Platform Firmware Profile 1.06, table 27), whose data are told twice: as they are,
/// and as text.
const EV_EFI_ACTION: u32 = 0x8000_0007;
/// EV_EFI_GPT_EVENT, for data that are too long to be text.
const EV_EFI_GPT_EVENT: u32 = 0x8000_0006;

/// A log, and what was measured of it.
struct Log {
    bytes: Vec<u8>,
    least: Duration,
    /// In multiples of the hashing beside it.
    ratios: Vec<f64>,
}

impl Log {
    /// So many records that together have `SIZE` bytes of data.
    fn of(records: usize, event_type: u32, byte: u8) -> Self {
        let (data, mut log) = (vec![byte; SIZE / records], Ccel::new());
        (0..records).for_each(|_| {
            log.event(4, event_type, &data);
        });
        Self {
            bytes: log.bytes(),
            least: Duration::MAX,
            ratios: Vec::new(),
        }
    }

    fn measure(&mut self, hashing: Duration) -> anyhow::Result<()> {
        let bytes = self.bytes.clone();
        let took = timed(|| read(bytes))?;
        self.least = self.least.min(took);
        self.ratios.push(took.as_secs_f64() / hashing.as_secs_f64());
        Ok(())
    }

    fn ratio(&mut self) -> f64 {
        self.ratios.sort_unstable_by(f64::total_cmp);
        self.ratios
            .get(self.ratios.len() / 2)
            .copied()
            .unwrap_or_default()
    }
}

/// One figure for one long record, one for many short ones, and a note of what no boot logs.
pub(super) fn figures(notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    super::say("reading event logs of 4 MiB");
    figures_of(TURNS, notes)
}

fn figures_of(turns: usize, notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    let mut one = Log::of(1, EV_EFI_GPT_EVENT, b'a');
    let mut many = Log::of(MANY, EV_EFI_ACTION, b'a');
    let mut escaped = Log::of(MANY, EV_EFI_ACTION, 1);
    let hashing = take_turns(turns, &mut [&mut one, &mut many])?;
    take_turns(turns, &mut [&mut escaped])?;
    notes.push(format!(
        "SHA-384 of 4 MiB: {:.1} ms, without which no log can be held against its registers; {:.2} times that for \
         one record, {:.2} times for {MANY}, {:.2} times ({:.1} ms) for {MANY} of control characters alone",
        milliseconds(hashing),
        one.ratio(),
        many.ratio(),
        escaped.ratio(),
        milliseconds(escaped.least)
    ));
    let figure = |records: usize, log: &Log| Figure {
        what: format!("event log of 4 MiB in {records} record(s)"),
        value: milliseconds(log.least),
        floor: LIMIT_MS,
        unit: "ms",
        at_most: true,
        because: "read, replayed, and told in claims".to_owned(),
    };
    Ok(vec![figure(1, &one), figure(MANY, &many)])
}

/// The logs and the hash without which none can be held against its registers, by turns, so that all of them meet the
/// same minutes. The least that the hash took.
fn take_turns(turns: usize, logs: &mut [&mut Log]) -> anyhow::Result<Duration> {
    let data = vec![b'a'; SIZE];
    let hash = || {
        anyhow::ensure!(digest(&SHA384, &data).as_ref().len() == 48, "SHA-384 is odd here");
        Ok(())
    };
    let mut least = Duration::MAX;
    for _ in 0..turns {
        let hashing = timed(hash)?;
        least = least.min(hashing);
        for log in &mut *logs {
            log.measure(hashing)?;
        }
    }
    Ok(least)
}

fn read(bytes: Vec<u8>) -> anyhow::Result<()> {
    let log = EventLog::parse(bytes)?;
    let registers = log.replay(Algorithm::Sha384)?;
    anyhow::ensure!(registers.get(4).is_some(), "the log has no register 4");
    let claims = log.claims_of(Algorithm::Sha384);
    anyhow::ensure!(claims.get().len() > SIZE, "the claims do not tell all data");
    Ok(())
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let started = processor_time();
    work()?;
    Ok(processor_time().saturating_sub(started))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_logs_can_be_read() {
        assert_eq!(figures_of(1, &mut Vec::new()).unwrap().len(), 2);
    }
}
