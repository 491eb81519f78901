//! The keys of an Attestation Service in this process, for those who are shown its tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::json_text;
use crate::error::KbsError;
use crate::state::Kbs;

/// `GET /.well-known/jwks.json`: a JWK Set (RFC 7517, section 5). Where the Attestation Service is another process,
/// that one publishes its keys.
pub async fn published(State(kbs): State<Arc<Kbs>>) -> Result<Response, KbsError> {
    let keys = kbs.attestation.published_keys().ok_or(KbsError::NotOffered)?;
    Ok(json_text(keys.to_owned()))
}
