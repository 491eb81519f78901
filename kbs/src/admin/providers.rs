//! Who signs admin tokens.

use std::sync::Arc;

use jose::jwt::{Claims, UnverifiedToken, Validation};
use jose::key::VerificationKey;

use super::config::IdentityProviderConfig;
use super::error::AdminSetupError;
use crate::token::CLOCK_SKEW;
use crate::token::jwks::{KeySets, Pace};
use crate::token::source::{Fetcher, Source};

/// One signer of admin tokens.
pub(super) struct Provider {
    issuer: Option<String>,
    audience: Option<String>,
    public_key: Option<VerificationKey>,
    key_set: Option<Arc<KeySets>>,
}

impl Provider {
    /// Reads the provider's keys.
    pub(super) async fn open(config: &IdentityProviderConfig) -> Result<Self, AdminSetupError> {
        if config.public_key_uri.is_none() && config.jwk_set_uri.is_none() {
            return Err(AdminSetupError::Config(
                "an identity provider needs `public_key_uri` or `jwk_set_uri`",
            ));
        }
        let public_key = match &config.public_key_uri {
            Some(uri) => {
                let source = Source::parse(uri, false)?;
                let fetcher = Fetcher::new(std::slice::from_ref(&source), &[])?;
                Some(key_from_pem(&fetcher.read(&source).await?)?)
            }
            None => None,
        };
        let key_set = match &config.jwk_set_uri {
            Some(uri) => {
                let sources = vec![Source::parse(uri, false)?];
                let fetcher = Fetcher::new(&sources, &[])?;
                Some(KeySets::open(sources, fetcher, Pace::default()).await?)
            }
            None => None,
        };
        Ok(Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            public_key,
            key_set,
        })
    }

    /// A provider that is one key alone: the older form of configuration.
    pub(super) fn single(public_key: VerificationKey) -> Self {
        Self {
            issuer: None,
            audience: None,
            public_key: Some(public_key),
            key_set: None,
        }
    }

    /// The claims, if this provider signed the token and it is in force.
    ///
    /// A key that the token itself brings is never looked at.
    pub(super) async fn verify(&self, token: &UnverifiedToken<'_>, now: i64) -> Option<Claims> {
        let validation = Validation {
            now,
            leeway: CLOCK_SKEW,
            issuer: self.issuer.as_deref(),
            audience: self.audience.as_deref(),
        };
        if let (Some(keys), Some(kid)) = (&self.key_set, token.kid())
            && let Ok(key) = keys.by_id(kid).await
            && let Ok(signed) = token.verify(&key)
        {
            return signed.validate(&validation).ok();
        }
        let signed = token.verify(self.public_key.as_ref()?).ok()?;
        signed.validate(&validation).ok()
    }
}

/// A PEM public key: EC, RSA or Ed25519.
pub(super) fn key_from_pem(pem: &[u8]) -> Result<VerificationKey, AdminSetupError> {
    VerificationKey::from_pem(pem).map_err(AdminSetupError::PublicKey)
}
