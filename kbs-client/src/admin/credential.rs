//! What an administrator shows.

use std::time::{SystemTime, UNIX_EPOCH};

use jose::{Secret, SigningKey};
use serde::Serialize;

use crate::error::ClientError;

/// An administrator's credential.
#[derive(Debug)]
pub enum AdminCredential {
    /// None: only a KBS with `InsecureAllowAll` takes that.
    Anonymous,
    /// A token that somebody else signed.
    Token(Secret),
    /// A key that signs a token for each call.
    Key(Box<AdminKey>),
}

/// A private key that a KBS knows the public half of, and what its tokens say.
#[derive(Debug)]
pub struct AdminKey {
    key: SigningKey,
    issuer: String,
    role: String,
    key_id: Option<String>,
}

impl AdminCredential {
    /// A token from a file; white space around it is dropped.
    pub fn token(text: &str) -> Result<Self, ClientError> {
        let token = text.trim();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(ClientError::Setup("the admin token is not a compact JWT".into()));
        }
        Ok(Self::Token(Secret::from(token.as_bytes().to_vec())))
    }

    /// The value for `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Result<Option<String>, ClientError> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Token(token) => Ok(Some(String::from_utf8_lossy(token.expose()).into_owned())),
            Self::Key(key) => key.sign(now()).map(Some),
        }
    }
}

impl AdminKey {
    /// A key from a PEM file. Tokens are signed with EdDSA, ES256, ES384 or RS256, as the key's type has it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ClientError> {
        let key = SigningKey::from_pem(pem).map_err(|error| {
            ClientError::Setup(format!("the admin's private key cannot be used: {error}"))
        })?;
        Ok(Self {
            key,
            issuer: "kbs-client".to_owned(),
            role: "admin".to_owned(),
            key_id: None,
        })
    }

    /// Another issuer (`iss`) than `kbs-client`.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            ..self
        }
    }

    /// Another role than `admin`.
    #[must_use]
    pub fn role(self, role: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            ..self
        }
    }

    /// The id under which the KBS knows the key.
    #[must_use]
    pub fn key_id(self, id: Option<String>) -> Self {
        Self { key_id: id, ..self }
    }

    /// A token that is good for [`LIFETIME`] seconds.
    fn sign(&self, now: i64) -> Result<String, ClientError> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'a str,
            typ: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            kid: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a str,
            sub: &'a str,
            aud: [&'a str; 1],
            role: &'a str,
            iat: i64,
            exp: i64,
        }
        let header = Header {
            alg: self.key.algorithm().as_str(),
            typ: "JWT",
            kid: self.key_id.as_deref(),
        };
        let claims = Claims {
            iss: &self.issuer,
            sub: "admin",
            aud: ["KBS"],
            role: &self.role,
            iat: now,
            exp: now + LIFETIME,
        };
        let token = self.key.sign_compact(&header, &claims);
        token.map_err(|error| ClientError::Setup(format!("the admin token cannot be signed: {error}")))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a client has no clock but the machine's"
)]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds that a token signed here is good for.
const LIFETIME: i64 = 300;

#[cfg(test)]
mod tests {
    use jose::{UnverifiedToken, Validation};

    use super::*;

    const NOW: i64 = 1_795_309_100;

    #[test]
    fn a_key_of_every_type_signs_a_short_lived_token_with_the_documented_claims() {
        let generated = [
            SigningKey::generate_ed25519().unwrap(),
            SigningKey::generate_p256().unwrap(),
        ];
        for key in generated {
            let admin = AdminKey::from_pem(key.private_key_pem().unwrap().as_bytes()).unwrap();
            let admin = admin.issuer("me").role("ops").key_id(Some("k1".into()));
            let token = admin.sign(NOW).unwrap();
            let token = UnverifiedToken::parse(&token).unwrap();
            assert_eq!((token.alg(), token.kid()), (key.algorithm(), Some("k1")));
            let expected = Validation {
                issuer: Some("me"),
                audience: Some("KBS"),
                ..Validation::at(NOW)
            };
            let claims = token
                .verify(&key.verification_key())
                .unwrap()
                .validate(&expected)
                .unwrap();
            assert_eq!(claims.expires_at(), NOW + 300);
            let text =
                r#"{"iss":"me","sub":"admin","aud":["KBS"],"role":"ops","iat":1795309100,"exp":1795309400}"#;
            assert_eq!(claims.json_text(), text);
        }
    }

    #[test]
    fn credentials_are_not_shown_in_debug_output() {
        let token = AdminCredential::token(" canary\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(Secret(redacted))");
        assert_eq!(token.bearer().unwrap().as_deref(), Some("canary"));
    }

    #[test]
    fn texts_that_cannot_be_a_header_are_no_token() {
        for text in ["", "  \n", "a b", "a\nb", "ü"] {
            assert!(
                matches!(AdminCredential::token(text), Err(ClientError::Setup(_))),
                "{text:?}"
            );
        }
    }
}
