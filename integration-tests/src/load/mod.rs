//! A closed-loop load driver: a fixed number of connections, each of which sends its next request when
//! the answer to the last one has come.
//!
//! - [`target`]: where to send, parsed from a URL.
//! - [`http`]: a minimal HTTP/1.1 client, so that the driver costs less than what it measures.
//! - [`guest`]: one simulated guest on one connection: challenge, attest, get.
//! - [`grpc`]: evaluation calls to an Attestation Service.
//! - [`cryptography`]: what the bare cryptography of each operation costs on this machine.
//! - [`stats`]: rates and percentiles.

pub mod cryptography;
pub mod grpc;
pub mod guest;
pub mod http;
pub mod stats;
pub mod target;

use std::future::Future;
use std::time::{Duration, Instant};

use stats::{Recorder, Summary};

/// When a run ends: after a time, or after a number of operations in all.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// Stop starting operations after this long.
    Elapsed(Duration),
    /// Stop after this many operations over all connections.
    Operations(u64),
}

/// One connection's work: an operation that can be repeated.
pub trait Worker: Send {
    /// Does the operation once.
    fn once(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Runs one worker a connection, each in its own task, and gathers what they measured.
///
/// The first error of a worker ends the run and is returned: a figure from a failing server says nothing.
pub async fn run<W: Worker + 'static>(workers: Vec<W>, until: Until) -> anyhow::Result<Summary> {
    let connections = workers.len();
    let started = Instant::now();
    let tasks: Vec<_> = workers
        .into_iter()
        .enumerate()
        .map(|(index, worker)| tokio::spawn(drive(worker, share(until, index, connections), started)))
        .collect();
    let mut recorder = Recorder::default();
    for task in tasks {
        recorder.merge(task.await??);
    }
    Ok(recorder.summary(connections, started.elapsed()))
}

/// The part of the run that falls to connection `index` of `connections`.
fn share(until: Until, index: usize, connections: usize) -> Until {
    match until {
        Until::Elapsed(_) => until,
        Until::Operations(all) => {
            let (connections, index) = (connections as u64, index as u64);
            Until::Operations(all / connections + u64::from(index < all % connections))
        }
    }
}

async fn drive<W: Worker>(mut worker: W, until: Until, started: Instant) -> anyhow::Result<Recorder> {
    let mut recorder = Recorder::default();
    let mut done = 0;
    while match until {
        Until::Elapsed(limit) => started.elapsed() < limit,
        Until::Operations(count) => done < count,
    } {
        let begin = Instant::now();
        worker.once().await?;
        recorder.record(begin.elapsed());
        done += 1;
    }
    Ok(recorder)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nap(u32);

    impl Worker for Nap {
        async fn once(&mut self) -> anyhow::Result<()> {
            self.0 += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            anyhow::ensure!(self.0 < 5, "asked once too often");
            Ok(())
        }
    }

    #[tokio::test]
    async fn operations_are_shared_out_over_the_connections_without_rest() {
        let summary = run(vec![Nap(0), Nap(0), Nap(0)], Until::Operations(10))
            .await
            .unwrap();
        assert_eq!(summary.operations, 10);
        assert_eq!(summary.connections, 3);
    }

    #[tokio::test]
    async fn a_failing_operation_fails_the_run() {
        let error = run(vec![Nap(0)], Until::Operations(9)).await.unwrap_err();
        assert!(error.to_string().contains("once too often"), "{error}");
    }
}
