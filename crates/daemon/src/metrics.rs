//! Metrics in the Prometheus text format.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::TextEncoder;
use prometheus::core::Collector;

/// The metrics of one server. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Registry(prometheus::Registry);

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a metric and gives it back, to be counted on.
    ///
    /// # Errors
    /// A metric of that name is there already.
    pub fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    /// All metrics, in the text format, version 0.0.4.
    ///
    /// # Errors
    /// A collector gives something the format cannot say.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.0.gather())
    }

    /// Serves `GET /metrics`.
    pub fn router(&self) -> Router {
        let registry = self.clone();
        Router::new().route("/metrics", get(move || std::future::ready(registry.response())))
    }

    fn response(&self) -> Response {
        match self.text() {
            Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
            Err(error) => {
                tracing::error!(%error, "metrics cannot be encoded");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::IntCounter;

    #[test]
    fn a_counted_event_is_in_the_text() {
        let registry = Registry::new();
        let counter = registry
            .add(IntCounter::new("events_total", "Events.").unwrap())
            .unwrap();
        counter.inc_by(3);
        assert!(registry.text().unwrap().contains("\nevents_total 3\n"));
    }

    #[test]
    fn a_name_is_registered_once() {
        let registry = Registry::new();
        registry
            .add(IntCounter::new("events_total", "Events.").unwrap())
            .unwrap();
        assert!(
            registry
                .add(IntCounter::new("events_total", "Events.").unwrap())
                .is_err()
        );
    }
}
