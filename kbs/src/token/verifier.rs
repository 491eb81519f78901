use std::sync::Arc;

use jose::jwk::JwkSet;
use jose::jwt::{Headers, SignedClaims, UnverifiedToken, Validation};
use jose::key::VerificationKey;
use jose::x5c::TrustAnchors;

use super::CLOCK_SKEW;
use super::chains::Chains;
use super::config::AttestationTokenConfig;
use super::error::{TokenError, TokenSetupError};
use super::fresh::FreshToken;
use super::jwks::{KeySets, Pace};
use super::places::{INTEL, Places, SignedBy};
use super::result::AttestationResult;
use super::source::{Fetcher, Source};

/// Believes tokens of trusted issuers, and nobody else's.
pub struct TokenVerifier {
    /// Of tokens that were believed.
    headers: Headers,
    /// `None` where no certificate is trusted.
    pub(super) chains: Option<Chains>,
    /// Published sets.
    key_sets: Arc<KeySets>,
    /// Keys of an attestation service in this very process.
    built_in: Vec<JwkSet>,
    /// The same, ready to be compared.
    own_keys: Vec<VerificationKey>,
    insecure_header_jwk: bool,
    issuer: Option<String>,
    audience: Option<String>,
    places: Places,
}

impl TokenVerifier {
    /// Reads what `config` names. `built_in` are the keys of an attestation
    /// service in this process, which need no configuration; with neither,
    /// nothing could ever be believed, and that is an error.
    pub async fn new(
        config: &AttestationTokenConfig,
        built_in: Vec<JwkSet>,
    ) -> Result<Self, TokenSetupError> {
        if config.trusted_certs_paths.is_empty()
            && config.trusted_jwk_sets.is_empty()
            && built_in.is_empty()
            && !config.insecure_header_jwk
        {
            return Err(TokenSetupError::NothingTrusted);
        }
        if config.insecure_header_jwk {
            tracing::warn!("insecure_header_jwk: any token is believed that brings its own key");
        }
        if config.insecure_http_jwk_sets {
            tracing::warn!("insecure_http_jwk_sets: keys may be fetched over plain http");
        }
        let sources = config
            .trusted_jwk_sets
            .iter()
            .map(|text| Source::parse(text, config.insecure_http_jwk_sets))
            .collect::<Result<Vec<_>, _>>()?;
        let fetcher = Fetcher::new(&sources, &config.jwk_set_ca_paths)?;
        Ok(Self {
            headers: Headers::default(),
            chains: chains(config)?,
            places: places(config)?,
            key_sets: KeySets::open(sources, fetcher, Pace::default()).await?,
            own_keys: verification_keys(&built_in),
            built_in,
            insecure_header_jwk: config.insecure_header_jwk,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
        })
    }

    /// Believes a token that was made for this service a moment ago, or says why not.
    pub async fn believe(&self, token: FreshToken, now: i64) -> Result<AttestationResult, TokenError> {
        match token {
            FreshToken::Issued(issued) if self.own_keys.contains(issued.signed_by()) => {
                self.accept(issued.into_claims()?, SignedBy::Ourselves, now)
            }
            token => self.verify(token.as_str(), now).await,
        }
    }

    /// Believes a token or says why not. `now` is in seconds since the Unix
    /// epoch.
    pub async fn verify(&self, token: &str, now: i64) -> Result<AttestationResult, TokenError> {
        let token = self.headers.parse(token)?;
        let key = self.key_for(&token, now).await?;
        let signed = token.verify(&key)?;
        self.headers.keep(&token);
        let signed_by = match self.own_keys.contains(&key) {
            true => SignedBy::Ourselves,
            false => SignedBy::Another,
        };
        self.accept(signed, signed_by, now)
    }

    /// What is left to check of claims whose signature is that of a trusted key.
    fn accept(
        &self,
        signed: SignedClaims,
        signed_by: SignedBy,
        now: i64,
    ) -> Result<AttestationResult, TokenError> {
        let claims = signed.validate(&Validation {
            now,
            leeway: CLOCK_SKEW,
            issuer: self.issuer.as_deref(),
            audience: self.audience.as_deref(),
        })?;
        AttestationResult::from_claims(claims, &self.places, signed_by)
    }

    /// Whether every published set has been read at least once.
    pub(crate) fn has_keys(&self) -> bool {
        self.key_sets.are_there()
    }

    /// The key to check a token with. What the header says only ever selects
    /// among keys that are trusted already, unless an `insecure_` choice says
    /// otherwise; `jku` and `x5u` are not looked at.
    async fn key_for(&self, token: &UnverifiedToken<'_>, now: i64) -> Result<VerificationKey, TokenError> {
        let Some(header_key) = token.jwk() else {
            let kid = token.kid().ok_or(TokenError::NoKeyId)?;
            return match find_by_id(&self.built_in, kid) {
                Some(key) => Ok(key),
                None => self.key_sets.by_id(kid).await,
            };
        };
        let offered = header_key
            .verification_key()
            .map_err(|_| TokenError::UntrustedHeaderKey)?;
        if self.insecure_header_jwk || self.own_keys.contains(&offered) {
            return Ok(offered);
        }
        let refused = match &self.chains {
            Some(chains) if !header_key.x5c().is_empty() => match chains.verify(header_key, now) {
                Ok(key) => return Ok(key),
                Err(refused) => TokenError::Chain(refused),
            },
            _ => TokenError::UntrustedHeaderKey,
        };
        match self.key_sets.confirm(&offered).await {
            Ok(()) => Ok(offered),
            Err(TokenError::UnknownKey) => Err(refused),
            Err(unavailable) => Err(unavailable),
        }
    }
}

fn verification_keys(sets: &[JwkSet]) -> Vec<VerificationKey> {
    let keys = sets.iter().flat_map(JwkSet::keys);
    keys.filter_map(|key| key.verification_key().ok()).collect()
}

fn find_by_id(sets: &[JwkSet], kid: &str) -> Option<VerificationKey> {
    let key = sets.iter().find_map(|set| set.find(kid))?;
    key.verification_key().ok()
}

fn chains(config: &AttestationTokenConfig) -> Result<Option<Chains>, TokenSetupError> {
    let mut all: Option<TrustAnchors> = None;
    for path in &config.trusted_certs_paths {
        let pem = std::fs::read(path).map_err(|cause| TokenSetupError::Read {
            path: path.clone(),
            cause,
        })?;
        let anchors = TrustAnchors::from_pem(&pem).map_err(|cause| TokenSetupError::Certificates {
            path: path.clone(),
            cause,
        })?;
        match &mut all {
            Some(all) => all.extend(anchors),
            None => all = Some(anchors),
        }
    }
    Ok(all.map(Chains::new))
}

fn places(config: &AttestationTokenConfig) -> Result<Places, TokenSetupError> {
    let configured = &config.extra_teekey_paths;
    if let Some(odd) = configured.iter().find(|pointer| !pointer.starts_with('/')) {
        return Err(TokenSetupError::Pointer(odd.clone()));
    }
    let intel = || INTEL.map(str::to_owned).to_vec();
    let trust_authority = config.trust_authority_issuers.clone().unwrap_or_else(intel);
    Ok(Places::new(configured, &trust_authority))
}
