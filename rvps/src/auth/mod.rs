//! From what a call shows to who calls.

mod bearer;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use daemon::tls::PeerCertificate;
use tonic::{Status, metadata::MetadataMap};

use self::bearer::{JwtRule, TokenHash};
use crate::{
    Config, RulesError,
    caller::{Caller, How, Registrar, Rights},
    config::RegistrarConfig,
    extractors,
};

/// Knows callers by what they show.
pub(crate) struct Authenticator {
    registrars: Vec<Known>,
    jwt: Option<JwtRule>,
    certificates_required: bool,
    restrict_reads: bool,
    /// Whether there are trust anchors.
    signatures_count: bool,
}

/// One who is configured.
struct Known {
    proof: Proof,
    name: String,
    rights: Rights,
}

enum Proof {
    Certificate(String),
    Token(TokenHash),
    Subject(String),
}

/// What is wrong with a credential, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("a credential is needed: a bearer token, or a certificate that is known")]
    Missing,
    #[error("the bearer token is not known or not valid")]
    Token,
}

impl From<AuthError> for Status {
    fn from(error: AuthError) -> Self {
        Self::unauthenticated(error.to_string())
    }
}

impl Authenticator {
    pub(crate) fn new(config: &Config) -> Result<Self, RulesError> {
        let auth = &config.auth;
        let registrars = auth.registrars.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<_> = registrars.iter().map(|known| &known.name).collect();
        if names.len() != registrars.len() {
            return Err(RulesError::Twice("auth.registrars"));
        }
        let subjects = registrars
            .iter()
            .any(|known| matches!(known.proof, Proof::Subject(_)));
        if subjects != auth.jwt.is_some() {
            return Err(RulesError::JwtHalf);
        }
        let certificates_required = config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let shows_certificate = |known: &&Known| matches!(known.proof, Proof::Certificate(_));
        if let (Some(known), false) = (registrars.iter().find(shows_certificate), certificates_required) {
            return Err(RulesError::NoCertificates(known.name.clone()));
        }
        if auth.restrict_reads && registrars.is_empty() && !certificates_required {
            return Err(RulesError::NobodyReads);
        }
        Ok(Self {
            jwt: auth.jwt.as_ref().map(JwtRule::new).transpose()?,
            certificates_required,
            restrict_reads: auth.restrict_reads,
            signatures_count: !config.trust_anchors.is_empty(),
            registrars,
        })
    }

    /// Whether anybody is asked for anything.
    pub(crate) fn is_open(&self) -> bool {
        self.registrars.is_empty() && !self.certificates_required
    }

    /// The caller, for what changes values. A caller without rights is one, too: the rights are checked later.
    pub(crate) fn writer(
        &self,
        metadata: &MetadataMap,
        certificate: Option<&PeerCertificate>,
        now: i64,
    ) -> Result<Caller, AuthError> {
        self.caller(metadata, certificate, now)?.ok_or(AuthError::Missing)
    }

    /// Lets a reader pass.
    pub(crate) fn reader(
        &self,
        metadata: &MetadataMap,
        certificate: Option<&PeerCertificate>,
        now: i64,
    ) -> Result<(), AuthError> {
        if self.restrict_reads {
            self.writer(metadata, certificate, now)?;
        }
        Ok(())
    }

    fn caller(
        &self,
        metadata: &MetadataMap,
        certificate: Option<&PeerCertificate>,
        now: i64,
    ) -> Result<Option<Caller>, AuthError> {
        if self.registrars.is_empty() {
            return Ok(match certificate {
                Some(certificate) => Some(Caller::with_all_rights(How::Certificate, &certificate.name())),
                None => self.is_open().then(|| Caller::anyone(self.signatures_count)),
            });
        }
        if let Some(token) = bearer::token(metadata)? {
            return self.by_token(token, now).map(Some);
        }
        let names = certificate.map(|certificate| certificate.names());
        let names = names.unwrap_or_default();
        let known = self
            .registrars
            .iter()
            .find(|known| matches!(&known.proof, Proof::Certificate(name) if names.contains(name)));
        Ok(known.map(|known| known.caller(How::Certificate)))
    }

    fn by_token(&self, token: &str, now: i64) -> Result<Caller, AuthError> {
        let given = TokenHash::of(token);
        let by_hash = self
            .registrars
            .iter()
            .find(|known| matches!(&known.proof, Proof::Token(hash) if hash.is(&given)));
        if let Some(known) = by_hash {
            return Ok(known.caller(How::Token));
        }
        let subject = self.jwt.as_ref().and_then(|jwt| jwt.subject(token, now));
        let subject = subject.ok_or(AuthError::Token)?;
        self.registrars
            .iter()
            .find(|known| matches!(&known.proof, Proof::Subject(sub) if *sub == subject))
            .map(|known| known.caller(How::Jwt))
            .ok_or(AuthError::Token)
    }
}

impl Known {
    fn caller(&self, how: How) -> Caller {
        Caller {
            who: Registrar {
                how,
                name: self.name.clone(),
                on_behalf_of: None,
            },
            rights: self.rights.clone(),
        }
    }
}

fn known(config: &RegistrarConfig) -> Result<Known, RulesError> {
    let RegistrarConfig {
        name,
        certificate,
        token_sha256,
        jwt_subject,
        allow_unsigned,
        prefixes,
        register,
        manage,
    } = config;
    let proof = match (certificate, token_sha256, jwt_subject) {
        (Some(name), None, None) if PeerCertificate::is_name(name) => Proof::Certificate(name.clone()),
        (None, Some(hash), None) => {
            Proof::Token(TokenHash::from_hex(hash).ok_or_else(|| RulesError::TokenHash(name.clone()))?)
        }
        (None, None, Some(subject)) if !subject.is_empty() => Proof::Subject(subject.clone()),
        (Some(given), None, None) => return Err(RulesError::CertificateName(given.clone())),
        _ => return Err(RulesError::OneProof(name.clone())),
    };
    if name.is_empty() {
        return Err(RulesError::NoName("auth.registrars"));
    }
    Ok(Known {
        proof,
        name: name.clone(),
        rights: Rights {
            register: *register,
            manage: *manage,
            unsigned: extractors::unsigned_kinds(allow_unsigned)?,
            prefixes: prefixes.clone(),
        },
    })
}
