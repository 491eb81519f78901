//! What may be logged whatever the operator asks for.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// Our own crates. They hold secrets, tokens and keys in types that cannot be logged.
const OURS: &[&str] = &[
    "attestation_service",
    "daemon",
    "eventlog",
    "integration_tests",
    "jose",
    "kbs",
    "kbs_client",
    "policy",
    "rvps",
    "simulated_tee",
    "storage",
    "verifier",
];

/// Keeps crates that are not ours from logging below `INFO`.
pub(super) struct Discreet;

impl<S> Filter<S> for Discreet {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        allowed(metadata.target(), *metadata.level())
    }

    /// Decided by level alone, everything could be enabled; so the other filters' hints hold.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    /// Decided once for each place in the code.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if allowed(metadata.target(), *metadata.level()) {
            Interest::always()
        } else {
            Interest::never()
        }
    }
}

pub(super) fn allowed(target: &str, level: Level) -> bool {
    level <= Level::INFO || OURS.contains(&target.split("::").next().unwrap_or(target))
}
