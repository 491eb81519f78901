//! What a large event log adds to the evaluation of a trust domain's evidence.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use simulated_tee::intel::{Ccel, PckCa, Pki, Platform, TdBody, evidence};

use super::Figure;
use super::tees::{REPORT_DATA, processor_time, request, service};
use crate::simulation::trust;

/// Bytes of the log, as far as its records' data go.
const SIZE: usize = 4 << 20;

/// A log of this size may cost so much, in milliseconds.
const LIMIT_MS: f64 = 20.0;

/// How often each log is evaluated.
const TURNS: usize = 9;

/// EV_IPL (TCG PC Client Platform Firmware Profile, table 27).
const EV_IPL: u32 = 0xd;

/// One figure for one long record, one for many short ones.
pub(super) fn figures() -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    super::say("evaluating tdx evidence with event logs of 4 MiB");
    let without = runtime.block_on(measure(0))?;
    let mut figures = Vec::new();
    for records in [1, 4000] {
        let with = runtime.block_on(measure(records))?;
        figures.push(Figure {
            what: format!("event log of 4 MiB, {records} record(s)"),
            value: with.saturating_sub(without).as_secs_f64() * 1e3,
            floor: LIMIT_MS,
            unit: "ms",
            at_most: true,
            because: "processor time beside the same evidence with a short log".to_owned(),
        });
    }
    Ok(figures)
}

/// The least that an evaluation took of a log with so many records of together [`SIZE`] bytes.
async fn measure(records: usize) -> anyhow::Result<Duration> {
    let dir = tempfile::tempdir()?;
    let service = service(&trust("tdx", dir.path())?).await?;
    let mut log = Ccel::of_direct_boot(&[0x4e; 48], &[0xc1; 48]);
    for _ in 0..records {
        log.event(4, EV_IPL, &vec![0x61; SIZE / records]);
    }
    let request = request("tdx", &guest(&log)?)?;
    service.evaluate(request.clone()).await?;
    let mut least = Duration::MAX;
    for _ in 0..TURNS {
        let started = processor_time();
        service.evaluate(request.clone()).await?;
        least = least.min(processor_time().saturating_sub(started));
    }
    Ok(least)
}

fn guest(log: &Ccel) -> anyhow::Result<Value> {
    let platform = Platform::new(Arc::new(Pki::new()?), PckCa::Platform)?;
    let mut body = TdBody {
        rtmrs: log.rtmrs(),
        ..TdBody::default()
    };
    for (place, byte) in body.report_data.iter_mut().zip(REPORT_DATA) {
        *place = byte;
    }
    let quote = platform.quote(&platform.td_quote(body))?;
    Ok(evidence(&quote, Some(&log.bytes())))
}
