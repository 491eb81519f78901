//! Logs, and the context that ties together what three services say about one request.
//!
//! There are no spans. A request's ids live in a task-local [`RequestContext`]; the log formatter reads it
//! when there is a line to write. A request that logs nothing pays for no formatting.

mod context;
mod fields;
mod filter;
mod format;
mod ids;
mod layer;
#[cfg(test)]
mod tests;

use std::io;

use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

pub use self::context::{REQUEST_ID_HEADER, RequestContext, TRACEPARENT_HEADER};
pub use self::layer::{RequestContextLayer, RequestContextService};

/// How a server logs.
#[derive(Clone, Copy, Debug)]
pub struct TelemetryOptions {
    /// What is logged where the environment variable `RUST_LOG` says nothing, in its syntax.
    pub default_filter: &'static str,
    /// What a line looks like.
    pub format: LogFormat,
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people: time, level, target, message, fields.
    #[default]
    Text,
    /// One JSON object with `timestamp`, `level`, `target`, `message`, `request_id`, `trace_id` (the last
    /// two only in a request) and the fields of the event.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("`{other}` is no log format (text, json)")),
        }
    }
}

/// Why logging cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not in the syntax of `RUST_LOG`.
    #[error("the log filter (RUST_LOG) is not valid: {0}")]
    Filter(String),
    /// Logging was started before.
    #[error("logging is set up already")]
    Twice,
}

/// Starts logging to the standard output.
///
/// `RUST_LOG` chooses what is logged, except that crates which are not ours never get below `INFO`: what
/// they write at `DEBUG` and `TRACE` may hold headers and bodies, and so tokens and secrets.
///
/// # Errors
/// The filter is not valid, or logging was started before.
pub fn init(options: &TelemetryOptions) -> Result<(), TelemetryError> {
    let invalid = |error: &dyn std::fmt::Display| TelemetryError::Filter(error.to_string());
    let chosen = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) if !environment_has_filter() => {
            EnvFilter::try_new(options.default_filter).map_err(|error| invalid(&error))?
        }
        Err(error) => return Err(invalid(&error)),
    };
    let lines = fmt::layer()
        .event_format(format::Line::new(options.format))
        .with_writer(io::stdout);
    tracing_subscriber::registry()
        .with(lines.with_filter(chosen).with_filter(filter::Discreet))
        .try_init()
        .map_err(|_| TelemetryError::Twice)
}

#[allow(clippy::disallowed_methods)] // `RUST_LOG` is read here and nowhere else.
fn environment_has_filter() -> bool {
    std::env::var(EnvFilter::DEFAULT_ENV).is_ok_and(|filter| !filter.is_empty())
}
