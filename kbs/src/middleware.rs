//! What happens around every request below `/kbs/v0/`: it is counted.

use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use crate::state::Kbs;

/// Counts a request, its time and its sizes.
pub async fn count(State(kbs): State<Arc<Kbs>>, request: Request, next: Next) -> Response {
    let metrics = kbs.metrics();
    metrics.http_requests.inc();
    metrics.http_request_size.observe(request_size(&request));
    let _active = Active::begin(metrics.http_active.clone());
    let start = Instant::now();
    let response = next.run(request).await;
    metrics.http_duration.observe(start.elapsed().as_secs_f64());
    let size = response.body().size_hint().lower();
    metrics.http_response_size.observe(as_f64(size));
    response
}

/// A request in flight, until it is answered or given up.
struct Active(prometheus::IntGauge);

impl Active {
    fn begin(gauge: prometheus::IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn request_size(request: &Request) -> f64 {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    as_f64(length.unwrap_or(0))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a histogram of sizes needs no exact bytes"
)]
fn as_f64(size: u64) -> f64 {
    size as f64
}
