//! Whose signatures count.

use std::{collections::BTreeSet, fs, path::Path};

use jose::{
    Jwk, KeyError, TrustAnchors, VerificationKey,
    x5c::{Purpose, X5cError},
};

use super::{Expected, SignatureError, Signer};
use crate::{RulesError, caller::has_prefix, config::TrustAnchorConfig, extractors};

/// The most anchors that there may be: each may cost a signature check for each message.
pub(crate) const MAX_ANCHORS: usize = 64;

/// The configured signers.
#[derive(Default)]
pub(crate) struct Anchors(Vec<Anchor>);

/// One of them.
pub(crate) struct Anchor {
    name: String,
    trust: Trust,
    types: Option<BTreeSet<&'static str>>,
    prefixes: Option<Vec<String>>,
}

enum Trust {
    Key {
        key: VerificationKey,
        id: Option<String>,
    },
    Authorities(TrustAnchors),
}

impl Anchor {
    /// Whether it may sign for a value of this name.
    pub(crate) fn covers(&self, name: &str) -> bool {
        has_prefix(self.prefixes.as_deref(), name)
    }

    fn signs(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(kind))
    }
}

impl Anchors {
    pub(crate) fn new(configs: &[TrustAnchorConfig]) -> Result<Self, RulesError> {
        if configs.len() > MAX_ANCHORS {
            return Err(RulesError::TooManyAnchors);
        }
        let anchors = configs.iter().map(anchor).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<_> = anchors.iter().map(|anchor| &anchor.name).collect();
        if names.len() != anchors.len() {
            return Err(RulesError::Twice("trust_anchors"));
        }
        Ok(Self(anchors))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who has signed, of those who may sign what is expected: the first whose key `verify` takes. `kid` and `x5c`
    /// are what the envelope says of the key; anybody can write them, so they only choose among the anchors.
    pub(crate) fn signer<'a>(
        &'a self,
        expected: Expected<'_>,
        kid: Option<&[u8]>,
        x5c: &[String],
        mut verify: impl FnMut(&VerificationKey) -> bool,
    ) -> Result<(Signer, &'a Anchor), SignatureError> {
        if self.is_empty() {
            return Err(SignatureError::NoAnchors);
        }
        let (mut chain_error, mut tried) = (None, false);
        for anchor in self.0.iter().filter(|anchor| anchor.signs(expected.kind)) {
            let key = match &anchor.trust {
                Trust::Key { id: Some(id), .. } if kid.is_some_and(|kid| kid != id.as_bytes()) => continue,
                Trust::Key { key, .. } => key.clone(),
                Trust::Authorities(_) if x5c.is_empty() => continue,
                Trust::Authorities(authorities) => {
                    match authorities.verify_chain_for(Purpose::Statements, x5c, expected.now) {
                        Ok(chain) => chain.key,
                        Err(error) => {
                            // An expired chain to the right root says more than that it is another's.
                            if chain_error.is_none() || error != X5cError::Untrusted {
                                chain_error = Some(error);
                            }
                            continue;
                        }
                    }
                }
            };
            tried = true;
            if verify(&key) {
                let signer = Signer {
                    anchor: anchor.name.clone(),
                    key: key.fingerprint().map_err(SignatureError::Key)?,
                };
                return Ok((signer, anchor));
            }
        }
        Err(match chain_error {
            _ if tried => SignatureError::Bad,
            Some(error) => SignatureError::Chain(error),
            None => SignatureError::NoKey,
        })
    }
}

fn anchor(config: &TrustAnchorConfig) -> Result<Anchor, RulesError> {
    let name = config.name.clone();
    if name.is_empty() {
        return Err(RulesError::NoName("trust_anchors"));
    }
    let trust = match (&config.certificates, &config.key) {
        (Some(_), None) if config.kid.is_some() => return Err(RulesError::KeyId(name)),
        (Some(path), None) => {
            let anchors = TrustAnchors::from_pem(&read(path)?);
            Trust::Authorities(anchors.map_err(|source| RulesError::Certificates {
                path: path.clone(),
                source,
            })?)
        }
        (None, Some(path)) => Trust::Key {
            key: read_key(path)?,
            id: config.kid.clone(),
        },
        _ => return Err(RulesError::OneOf(name)),
    };
    let types = config.types.as_deref().map(extractors::kinds).transpose()?;
    Ok(Anchor {
        name,
        trust,
        types,
        prefixes: config.prefixes.clone(),
    })
}

/// A public key from a file: PEM, or a JWK.
pub(crate) fn read_key(path: &Path) -> Result<VerificationKey, RulesError> {
    let bytes = read(path)?;
    let key = if bytes.trim_ascii_start().starts_with(b"{") {
        Jwk::from_json(&bytes).and_then(|jwk| jwk.verification_key())
    } else {
        VerificationKey::from_pem(&bytes)
    };
    key.map_err(|source: KeyError| RulesError::Key {
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, RulesError> {
    fs::read(path).map_err(|source| RulesError::File {
        path: path.to_owned(),
        source,
    })
}
