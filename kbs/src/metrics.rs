//! What is counted, under the names existing dashboards know (wire: kbs-http, section 12).
//!
//! No label carries anything a caller chooses freely: no resource path, and TEE names from a closed
//! list only.

use std::time::Duration;

use daemon::build_info;
use daemon::metrics::Registry;
use prometheus::{Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts};

const DURATIONS: &[f64] = &[0.0005, 0.001, 0.005, 0.01, 0.05, 0.5, 1.0];
const PLUGIN_DURATIONS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];
const SIZES: &[f64] = &[32.0, 128.0, 512.0, 2048.0, 8192.0];

/// The counters of one service.
#[allow(missing_docs, reason = "each field is the metric of its name")]
pub struct Metrics {
    registry: Registry,
    pub http_requests: IntCounter,
    pub http_duration: Histogram,
    pub http_request_size: Histogram,
    pub http_response_size: Histogram,
    pub http_active: IntGauge,
    pub auth_requests: IntCounter,
    pub auth_successes: IntCounter,
    pub auth_errors: IntCounter,
    pub attestation_requests: IntCounter,
    pub attestation_errors: IntCounter,
    pub attestation_successes: IntCounterVec,
    pub attestation_failures: IntCounterVec,
    pub policy_evaluations: IntCounter,
    pub policy_approvals: IntCounter,
    pub policy_violations: IntCounter,
    pub policy_errors: IntCounter,
    pub resource_reads: IntCounter,
    pub resource_writes: IntCounter,
    pub resource_deletes: IntCounter,
    pub plugin_requests: IntCounterVec,
    pub plugin_errors: IntCounterVec,
    pub plugin_duration: HistogramVec,
    pub sessions_challenged: IntGauge,
    pub sessions_attested: IntGauge,
    pub decisions_lost: IntCounter,
    pub audit_lost: IntCounter,
}

impl Metrics {
    /// Registers every metric. Fails only if two share a name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        let metrics = Self {
            http_requests: counter(r, "kbs_http_requests_total", "Requests below /kbs.")?,
            http_duration: histogram(
                r,
                "kbs_http_request_duration_seconds",
                "Time to answer a request below /kbs.",
                DURATIONS,
            )?,
            http_request_size: histogram(r, "kbs_http_request_size_bytes", "Size of request bodies.", SIZES)?,
            http_response_size: histogram(
                r,
                "kbs_http_response_size_bytes",
                "Size of response bodies.",
                SIZES,
            )?,
            http_active: gauge(r, "kbs_http_active_connections", "Requests below /kbs in flight.")?,
            auth_requests: counter(r, "kbs_auth_requests_total", "Handshakes begun.")?,
            auth_successes: counter(r, "kbs_auth_successes_total", "Challenges sent.")?,
            auth_errors: counter(r, "kbs_auth_errors_total", "Handshakes refused.")?,
            attestation_requests: counter(r, "kbs_attestation_requests_total", "Answers to a challenge.")?,
            attestation_errors: counter(
                r,
                "kbs_attestation_errors_total",
                "Answers that did not end in a token.",
            )?,
            attestation_successes: counters(
                r,
                "kbs_attestation_successes_total",
                "Tokens handed out.",
                "tee_type",
            )?,
            attestation_failures: counters(
                r,
                "kbs_attestation_failures_total",
                "Evidence refused.",
                "tee_type",
            )?,
            policy_evaluations: counter(
                r,
                "kbs_policy_evaluations_total",
                "Questions to the resource policy.",
            )?,
            policy_approvals: counter(r, "kbs_policy_approvals_total", "Answers yes.")?,
            policy_violations: counter(r, "kbs_policy_violations_total", "Answers no.")?,
            policy_errors: counter(r, "kbs_policy_errors_total", "Questions without an answer.")?,
            resource_reads: counter(r, "kbs_resource_reads_total", "Resources read.")?,
            resource_writes: counter(r, "kbs_resource_writes_total", "Resources written.")?,
            resource_deletes: counter(r, "kbs_resource_deletes_total", "Resources deleted.")?,
            plugin_requests: counters(
                r,
                "kbs_plugin_requests_total",
                "Requests to a plugin.",
                "plugin_name",
            )?,
            plugin_errors: counters(
                r,
                "kbs_plugin_errors_total",
                "Plugin requests that failed.",
                "plugin_name",
            )?,
            plugin_duration: histograms(
                r,
                "kbs_plugin_request_duration_seconds",
                "Time a plugin takes.",
                PLUGIN_DURATIONS,
                "plugin_name",
            )?,
            sessions_challenged: gauge(r, "kbs_sessions_challenged", "Challenges waiting for an answer.")?,
            sessions_attested: gauge(r, "kbs_sessions_attested", "Attested sessions held.")?,
            audit_lost: counter(
                r,
                "kbs_audit_lost_total",
                "Lines of the audit log that found no room, or were required and not written.",
            )?,
            decisions_lost: counter(
                r,
                "kbs_decisions_lost_total",
                "Decisions that found no room, or left before they were stored.",
            )?,
            registry,
        };
        metrics.build_info()?;
        Ok(metrics)
    }

    /// The registry to be shown at `/metrics`.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Notes how long a plugin took and whether it failed.
    pub fn plugin(&self, name: &str, took: Duration, failed: bool) {
        self.plugin_requests.with_label_values(&[name]).inc();
        if failed {
            self.plugin_errors.with_label_values(&[name]).inc();
        }
        let seconds = took.as_secs_f64();
        self.plugin_duration.with_label_values(&[name]).observe(seconds);
    }

    fn build_info(&self) -> Result<(), prometheus::Error> {
        // Empty where the build was not told.
        let opts = Opts::new("kbs_build_info", "What is running.")
            .const_label("version", build_info::VERSION)
            .const_label("git_hash", build_info::COMMIT.unwrap_or_default())
            .const_label("build_date", build_info::BUILD_DATE.unwrap_or_default());
        let gauge = Gauge::with_opts(opts)?;
        gauge.set(1.0);
        self.registry.add(gauge).map(drop)
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    registry.add(IntCounter::new(name, help)?)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> Result<IntCounterVec, prometheus::Error> {
    registry.add(IntCounterVec::new(Opts::new(name, help), &[label])?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    registry.add(IntGauge::new(name, help)?)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
) -> Result<Histogram, prometheus::Error> {
    registry.add(Histogram::with_opts(
        HistogramOpts::new(name, help).buckets(buckets.to_vec()),
    )?)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
    label: &str,
) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    registry.add(HistogramVec::new(options, &[label])?)
}
