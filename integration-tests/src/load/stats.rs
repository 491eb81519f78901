//! Rates and percentiles of a run.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The time of every operation, in microseconds.
#[derive(Debug, Default)]
pub struct Recorder {
    micros: Vec<u32>,
}

impl Recorder {
    /// Adds one operation.
    pub fn record(&mut self, elapsed: Duration) {
        self.micros
            .push(u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds all that another connection measured.
    pub fn merge(&mut self, mut other: Recorder) {
        self.micros.append(&mut other.micros);
    }

    /// Sorts what was measured into a summary.
    pub fn summary(mut self, connections: usize, elapsed: Duration) -> Summary {
        self.micros.sort_unstable();
        Summary {
            operations: self.micros.len(),
            connections,
            seconds: elapsed.as_secs_f64(),
            per_second: self.micros.len() as f64 / elapsed.as_secs_f64().max(f64::EPSILON),
            p50_us: percentile(&self.micros, 50),
            p95_us: percentile(&self.micros, 95),
            p99_us: percentile(&self.micros, 99),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Operations completed.
    pub operations: usize,
    /// Connections in parallel.
    pub connections: usize,
    /// Wall-clock length of the run.
    pub seconds: f64,
    /// Operations a second over all connections.
    pub per_second: f64,
    /// Median time of an operation, in microseconds.
    pub p50_us: u32,
    /// 95th percentile, in microseconds.
    pub p95_us: u32,
    /// 99th percentile, in microseconds.
    pub p99_us: u32,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9.0}/s   p50 {:>6} us   p95 {:>6} us   p99 {:>6} us   ({} operations, {} connections, {:.1} s)",
            self.per_second,
            self.p50_us,
            self.p95_us,
            self.p99_us,
            self.operations,
            self.connections,
            self.seconds
        )
    }
}

/// The smallest value that `percent` of the sorted values do not exceed (nearest rank); 0 for none.
fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), 50);
        assert_eq!(percentile(&hundred, 95), 95);
        assert_eq!(percentile(&hundred, 99), 99);
        assert_eq!(percentile(&[7], 99), 7);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn a_summary_counts_what_all_connections_did() {
        let mut all = Recorder::default();
        for millis in [3, 1] {
            let mut one = Recorder::default();
            one.record(Duration::from_millis(millis));
            all.merge(one);
        }
        let summary = all.summary(2, Duration::from_secs(1));
        assert_eq!(summary.operations, 2);
        assert_eq!(summary.p50_us, 1_000);
        assert_eq!(summary.p99_us, 3_000);
    }
}
