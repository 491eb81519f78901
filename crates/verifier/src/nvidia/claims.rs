//! What a policy gets to see of a device that was judged here.

use super::evidence::Architecture;
use super::spdm::Report;
use serde_json::{Map, Value};

/// The claims; `docs/tees/nvidia.md` lists them.
pub(super) fn of(arch: Architecture, uuid: &str, report: &Report) -> Map<String, Value> {
    let measurements = report.measurements.iter();
    let measurements: Map<String, Value> = measurements
        .map(|(index, value)| (index.to_string(), crate::digits::hex(value).into()))
        .collect();
    let claims: [(&str, Value); 4] = [
        ("arch", arch.as_str().into()),
        ("uuid", uuid.into()),
        ("measurements", measurements.into()),
        ("config", report.opaque.fields.clone().into()),
    ];
    claims
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
