//! The attestation result: an EAR (draft-ietf-rats-ear) as a JWS in compact form, signed with ES256.

mod signer;

use std::collections::{BTreeMap, HashMap};

use jose::jwt::IssuedToken;
use serde::Serialize;
use verifier::TeeClass;

use self::signer::TokenSigner;
use crate::appraisal::Submodule;
use crate::config::TokenConfig;
use crate::error::{EvaluateError, StartError};

/// Makes the tokens. The signing key never leaves it.
pub(crate) struct EarIssuer {
    config: TokenConfig,
    signer: TokenSigner,
}

/// Members in the order in which they are emitted.
#[derive(Serialize)]
struct Ear<'a> {
    eat_profile: &'a str,
    iat: i64,
    #[serde(rename = "ear.verifier-id")]
    verifier_id: VerifierId<'a>,
    submods: BTreeMap<String, &'a Submodule>,
    exp: i64,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Audience<'a>>,
}

/// One name, or a list of them (RFC 7519, section 4.1.3).
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Many(&'a [String]),
}

impl<'a> Audience<'a> {
    fn of(names: &'a [String]) -> Option<Self> {
        match names {
            [] => None,
            [name] => Some(Self::One(name)),
            names => Some(Self::Many(names)),
        }
    }
}

#[derive(Serialize)]
struct VerifierId<'a> {
    developer: &'a str,
    build: &'a str,
}

impl EarIssuer {
    /// Reads the key and the certificates that `config` names, or makes a key.
    pub(crate) fn new(config: &TokenConfig) -> Result<Self, StartError> {
        if config.duration_min == 0 {
            return Err(StartError::Config(
                "`duration_min` is 0: no token would ever be good".to_owned(),
            ));
        }
        Ok(Self {
            config: config.clone(),
            signer: TokenSigner::new(config.signer.as_ref())?,
        })
    }

    /// The token over `submodules`, in the order in which their evidence came.
    pub(crate) fn issue(&self, submodules: &[Submodule], now: i64) -> Result<IssuedToken, EvaluateError> {
        let ear = Ear {
            eat_profile: &self.config.profile_name,
            iat: now,
            verifier_id: VerifierId {
                developer: &self.config.developer_name,
                build: &self.config.build_name,
            },
            submods: named(submodules),
            exp: now + 60 * i64::from(self.config.duration_min),
            iss: &self.config.issuer_name,
            aud: Audience::of(&self.config.audiences),
        };
        self.signer.sign(&ear)
    }

    /// The key that verifies the tokens, as a JWK Set (RFC 7517, section 5).
    pub(crate) fn jwks(&self) -> &str {
        self.signer.jwks()
    }
}

/// `cpu0`, `gpu0`, `gpu1` …: counted for each class from 0.
fn named(submodules: &[Submodule]) -> BTreeMap<String, &Submodule> {
    names(submodules.iter().map(|submodule| submodule.class))
        .zip(submodules)
        .collect()
}

/// The names of submodules of these classes, in their order.
pub(crate) fn names(classes: impl Iterator<Item = TeeClass>) -> impl Iterator<Item = String> {
    let mut counts: HashMap<TeeClass, usize> = HashMap::new();
    classes.map(move |class| {
        let count = counts.entry(class).or_default();
        let name = format!("{}{count}", class.as_str());
        *count += 1;
        name
    })
}

#[cfg(test)]
mod tests;
