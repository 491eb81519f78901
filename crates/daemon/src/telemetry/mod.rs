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
pub(crate) mod tests;

use std::io;

use serde::Deserialize;
use tracing_subscriber::filter::FilterExt;
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
    let chosen = chosen_filter(environment_filter().as_deref(), options.default_filter)?;
    subscriber(chosen, options.format, io::stdout)
        .try_init()
        .map_err(|_| TelemetryError::Twice)
}

/// The same to the standard error, for a command whose result goes to the standard output.
///
/// # Errors
/// As [`init`].
pub fn init_to_stderr(options: &TelemetryOptions) -> Result<(), TelemetryError> {
    let chosen = chosen_filter(environment_filter().as_deref(), options.default_filter)?;
    subscriber(chosen, options.format, io::stderr)
        .try_init()
        .map_err(|_| TelemetryError::Twice)
}

fn subscriber<W>(chosen: EnvFilter, format: LogFormat, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer()
        .event_format(format::Line::new(format))
        .with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(chosen.and(filter::Discreet)))
}

fn chosen_filter(asked: Option<&str>, default: &str) -> Result<EnvFilter, TelemetryError> {
    let filter = asked
        .filter(|filter| !filter.trim().is_empty())
        .unwrap_or(default);
    EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter(error.to_string()))
}

#[allow(clippy::disallowed_methods)] // `RUST_LOG` is read here and nowhere else.
fn environment_filter() -> Option<String> {
    std::env::var(EnvFilter::DEFAULT_ENV).ok()
}
