//! What is counted. Labels are the configured sources and closed lists; nothing that whoever sends evidence chooses.

use daemon::metrics::Registry;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts};

use super::memory::Limits;

/// The counters of the endorsements.
pub(crate) struct Metrics {
    fetches: IntCounterVec,
    seconds: HistogramVec,
    lookups: [IntCounter; Lookup::ALL.len()],
    entries: IntGaugeVec,
    bytes: IntGaugeVec,
}

/// How an endorsement that an evaluation needs was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// It was remembered.
    Hit,
    /// It was remembered, and it is time for a newer one.
    Due,
    /// It was remembered, is over, and was used as the operator allows.
    Stale,
    /// It had to be fetched.
    Miss,
    /// No source had it a moment ago.
    Unknown,
}

impl Lookup {
    const ALL: [Self; 5] = [Self::Hit, Self::Due, Self::Stale, Self::Miss, Self::Unknown];

    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Due => "due",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Unknown => "unknown",
        }
    }
}

/// How a request to a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With an endorsement.
    Found,
    /// It has no such thing.
    Missing,
    /// It did not answer, or with an error.
    Failed,
    /// It is left alone, or says that it was asked too much.
    Limited,
    /// With something else than was asked for.
    Refused,
    /// With an endorsement that is over, or older than one that held.
    Outdated,
}

impl Outcome {
    /// As it is written in a label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missing => "missing",
            Self::Failed => "failed",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Outdated => "outdated",
        }
    }
}

const DURATIONS: &[f64] = &[0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// The registry has metrics of such names.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let name = |name: &str| format!("attestation_service_endorsement_{name}");
        let fetches = Opts::new(name("fetches_total"), "Requests to sources of endorsements.");
        let seconds = HistogramOpts::new(
            name("fetch_duration_seconds"),
            "Time until a source of endorsements answered.",
        );
        let lookups = Opts::new(
            name("lookups_total"),
            "Endorsements needed by evaluations, by how they were come by.",
        );
        let entries = Opts::new(name("cached_entries"), "Endorsements remembered.");
        let bytes = Opts::new(name("cached_bytes"), "Room that they take.");
        let lookups = registry.add(IntCounterVec::new(lookups, &["result"])?)?;
        Ok(Self {
            fetches: registry.add(IntCounterVec::new(fetches, &["source", "outcome"])?)?,
            seconds: registry.add(HistogramVec::new(
                seconds.buckets(DURATIONS.to_vec()),
                &["source"],
            )?)?,
            lookups: Lookup::ALL.map(|lookup| lookups.with_label_values(&[lookup.as_str()])),
            entries: registry.add(IntGaugeVec::new(entries, &["class"])?)?,
            bytes: registry.add(IntGaugeVec::new(bytes, &["class"])?)?,
        })
    }

    /// An endorsement was needed.
    pub(crate) fn looked_up(&self, lookup: Lookup) {
        for (known, counter) in Lookup::ALL.into_iter().zip(&self.lookups) {
            if known == lookup {
                counter.inc();
            }
        }
    }

    /// A source was asked.
    pub(crate) fn asked(&self, source: &str, outcome: Outcome, seconds: Option<f64>) {
        self.fetches.with_label_values(&[source, outcome.as_str()]).inc();
        if let Some(seconds) = seconds {
            self.seconds.with_label_values(&[source]).observe(seconds);
        }
    }

    /// How much is remembered now: kept, and on trial.
    pub(crate) fn remembered(&self, [kept, trial]: [Limits; 2]) {
        for (class, load) in [("kept", kept), ("trial", trial)] {
            let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            self.entries.with_label_values(&[class]).set(number(load.entries));
            self.bytes.with_label_values(&[class]).set(number(load.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_in_the_text() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.looked_up(Lookup::Stale);
        metrics.asked("https://kds", Outcome::Limited, None);
        metrics.asked("https://kds", Outcome::Found, Some(0.2));
        let load = |entries, bytes| Limits { entries, bytes };
        metrics.remembered([load(2, 700), load(1, 600)]);
        let text = registry.text().unwrap();
        for line in [
            r#"attestation_service_endorsement_lookups_total{result="stale"} 1"#,
            r#"attestation_service_endorsement_lookups_total{result="hit"} 0"#,
            r#"attestation_service_endorsement_fetches_total{outcome="limited",source="https://kds"} 1"#,
            r#"attestation_service_endorsement_fetch_duration_seconds_count{source="https://kds"} 1"#,
            r#"attestation_service_endorsement_cached_entries{class="kept"} 2"#,
            r#"attestation_service_endorsement_cached_bytes{class="trial"} 600"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
