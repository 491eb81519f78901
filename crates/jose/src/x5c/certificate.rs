//! One certificate, and what may be asked of it.

use der::{Decode, Encode, Header, Reader, SliceReader};
use x509_cert::certificate::Version;
use x509_cert::{Certificate, TbsCertificate};

use super::extensions::Extensions;
use super::{Purpose, X5cError, signature};
use crate::key::KeyError;
use crate::public_key::PublicKey;

/// A certificate with the bytes it came in. Two are equal if their bytes are.
#[derive(Debug, Clone)]
pub(super) struct ParsedCertificate {
    der: Vec<u8>,
    certificate: Certificate,
    extensions: Extensions,
}

impl ParsedCertificate {
    pub(super) fn from_der(der: Vec<u8>) -> Result<Self, X5cError> {
        let certificate = Certificate::from_der(&der).map_err(|_| X5cError::Malformed)?;
        let tbs = &certificate.tbs_certificate;
        if tbs.version != Version::V3 && tbs.extensions.is_some() {
            return Err(X5cError::Malformed);
        }
        // RFC 5280 section 4.1.1.2: what is signed names the algorithm too, against substitution.
        if tbs.signature != certificate.signature_algorithm {
            return Err(X5cError::Malformed);
        }
        let extensions = Extensions::read(tbs.extensions.as_deref().unwrap_or_default())?;
        Ok(Self {
            extensions,
            certificate,
            der,
        })
    }

    pub(super) fn key(&self) -> Result<PublicKey, KeyError> {
        let spki = self
            .tbs()
            .subject_public_key_info
            .to_der()
            .map_err(|_| KeyError::Malformed)?;
        PublicKey::from_spki(&spki)
    }

    /// First and last second of validity.
    pub(super) fn validity(&self) -> Result<(i64, i64), X5cError> {
        let seconds = |time: &x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| X5cError::Malformed)
        };
        let validity = &self.tbs().validity;
        Ok((seconds(&validity.not_before)?, seconds(&validity.not_after)?))
    }

    /// Whether `now` lies within the validity.
    pub(super) fn is_valid(&self, now: i64) -> bool {
        self.validity()
            .is_ok_and(|(not_before, not_after)| (not_before..=not_after).contains(&now))
    }

    /// Whether this is a certification authority for chains with `below` certificates between it and the leaf.
    /// An X.509 v1 certificate cannot say that it is one, so it is not, unless it is trusted itself.
    pub(super) fn may_issue(&self, below: usize) -> Result<(), X5cError> {
        let authority = self.tbs().version == Version::V3
            && self.extensions.is_authority
            && self.extensions.allows_certificate_signing()
            && self
                .extensions
                .path_length
                .is_none_or(|limit| below <= usize::from(limit));
        if authority {
            Ok(())
        } else {
            Err(X5cError::NotAnIssuer)
        }
    }

    /// [`Self::may_issue`] of a certificate that is configured as trusted. Of such a one its name and its key count
    /// (RFC 5280 section 6.1.1 (d)): a self-signed one of version 1 has no way to say that it is an authority, and is
    /// not asked. One that can say it, and does not, is none.
    pub(super) fn may_issue_as_anchor(&self, below: usize) -> Result<(), X5cError> {
        if self.tbs().version == Version::V1 && self.has_issued(self).is_ok() {
            return Ok(());
        }
        self.may_issue(below)
    }

    /// Whether this certificate, by its name, is the issuer of `child`, and has a key that can verify nothing here.
    pub(super) fn is_unusable_issuer_of(&self, child: &Self) -> Option<KeyError> {
        match self.tbs().subject == child.tbs().issuer {
            true => self.key().err(),
            false => None,
        }
    }

    /// Whether `child` names this certificate as its issuer and carries its signature.
    pub(super) fn has_issued(&self, child: &Self) -> Result<(), X5cError> {
        if self.tbs().subject != child.tbs().issuer {
            return Err(X5cError::WrongIssuer);
        }
        let key = self.key().map_err(|_| X5cError::BadSignature)?;
        let value = child
            .certificate
            .signature
            .as_bytes()
            .ok_or(X5cError::Malformed)?;
        match signature::verify(
            &key,
            &child.certificate.signature_algorithm,
            child.signed_bytes()?,
            value,
        ) {
            true => Ok(()),
            false => Err(X5cError::BadSignature),
        }
    }

    /// Whether the key may sign what `purpose` says. `pinned`: the certificate is itself an anchor. It may then be a
    /// self-signed one that says it is an authority, and whoever named this very certificate has said what it is for,
    /// whatever extended key usage says (RFC 5280 section 6.1.1 (d): of an anchor, name and key count).
    pub(super) fn may_sign(&self, purpose: Purpose, pinned: bool) -> Result<(), X5cError> {
        let fit = self.extensions.allows_digital_signature()
            && (pinned || (!self.extensions.is_authority && self.extensions.allows_signing(purpose)));
        if fit { Ok(()) } else { Err(X5cError::NotForSigning) }
    }

    fn tbs(&self) -> &TbsCertificate {
        &self.certificate.tbs_certificate
    }

    /// The bytes of `tbsCertificate` as they came.
    fn signed_bytes(&self) -> Result<&[u8], X5cError> {
        let mut reader = SliceReader::new(&self.der).map_err(|_| X5cError::Malformed)?;
        Header::decode(&mut reader).map_err(|_| X5cError::Malformed)?;
        reader.tlv_bytes().map_err(|_| X5cError::Malformed)
    }
}

impl PartialEq for ParsedCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}
