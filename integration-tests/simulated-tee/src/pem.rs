//! PEM texts (RFC 7468).

use crate::SimulationError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is between the first and the last line.
pub(crate) fn body(pem: &str) -> Result<Vec<u8>, SimulationError> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD
        .decode(body)
        .map_err(|error| SimulationError::Key(error.to_string()))
}

/// The text of a certificate.
pub(crate) fn certificate(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
