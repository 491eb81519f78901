//! Making register messages.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use daemon::clock::{Clock, SystemClock};
use jose::SigningKey;
use serde_json::json;

use super::{super::ToolError, read};
use crate::{
    extractors,
    message::{Envelope, VERSION, Wrapping, contents},
};

const DAY: i64 = 24 * 3600;

#[derive(Debug, Args)]
pub(in crate::tool) struct Message {
    /// What the file is: sample, list, swid, corim, in-toto.
    #[arg(short = 't', long = "type", value_name = "TYPE", default_value = "sample")]
    kind: String,
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// PEM file with a private key: the message is signed (JWS), and dated now.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// PEM file with the certificate of --key and those above it, for a trust anchor that is an authority.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Name of the key, for a trust anchor that asks for it.
    #[arg(long, value_name = "KID", requires = "key")]
    key_id: Option<String>,
    /// For how many days the values are good. Default: twelve months.
    #[arg(long, value_name = "DAYS", requires = "key")]
    expires_in: Option<u32>,
}

/// An unsigned message around `content`.
pub(super) fn unsigned(kind: &str, content: &[u8]) -> Result<String, ToolError> {
    let envelope = Envelope {
        version: Some(VERSION.to_owned()),
        kind: kind.to_owned(),
        payload: STANDARD.encode(content),
        signed: None,
    };
    serde_json::to_string(&envelope).map_err(|error| ToolError::Message(error.to_string()))
}

impl Message {
    pub(in crate::tool) fn run(self) -> Result<String, ToolError> {
        let content = read(&self.file)?;
        let wrong = |error: String| ToolError::Message(format!("{}: {error}", self.file.display()));
        let content_type = extractors::find(&self.kind)
            .map_err(|error| ToolError::Usage(error.to_string()))?
            .content_types()
            .first()
            .copied()
            .unwrap_or_default();
        let (payload, signed) = match &self.key {
            None => (content, None),
            Some(key) => (
                self.sign(key, content_type, &content)?.into_bytes(),
                Some(Wrapping::Jws),
            ),
        };
        let envelope = Envelope {
            version: Some(VERSION.to_owned()),
            kind: self.kind.clone(),
            payload: STANDARD.encode(payload),
            signed,
        };
        let message = serde_json::to_string(&envelope).map_err(|error| wrong(error.to_string()))?;
        // Said here rather than when it is registered.
        contents(&message).map_err(|error| wrong(error.to_string()))?;
        Ok(message)
    }

    fn sign(&self, path: &Path, content_type: &str, content: &[u8]) -> Result<String, ToolError> {
        let failed = |error: String| ToolError::Message(format!("{}: {error}", path.display()));
        let key = SigningKey::from_pem(&read(path)?).map_err(|error| failed(error.to_string()))?;
        let now = SystemClock.now();
        let mut header = json!({"alg": key.algorithm(), "cty": content_type, "iat": now});
        if let Some(days) = self.expires_in {
            header["exp"] = (now + i64::from(days) * DAY).into();
        }
        if let Some(id) = &self.key_id {
            header["kid"] = json!(id);
        }
        if let Some(path) = &self.certificate {
            let jwk = key.public_jwk().with_certificates(&read(path)?);
            let jwk = jwk.map_err(|error| ToolError::Message(format!("{}: {error}", path.display())))?;
            header["x5c"] = json!(jwk.x5c());
        }
        key.sign_compact_raw(header.to_string().as_bytes(), content)
            .map_err(|error| failed(error.to_string()))
    }
}
