//! X.509 as far as the vendors' certificates need it (RFC 5280).
//!
//! A [`Certificate`] is in form and no more: whether it is signed by whom it should be, is asked with
//! [`Certificate::signed`] and the one [`Scheme`] that the vendor uses.

mod pem;
mod scheme;

pub(crate) use pem::{certificates, pem_blocks};
pub(crate) use scheme::Scheme;

use der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode, Header, Reader, SliceReader};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::name::Name;
use x509_cert::time::Validity as Dates;
use x509_cert::{TbsCertificate, spki};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A certificate in form, of which nothing is proved yet.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    parsed: x509_cert::Certificate,
    /// The signed bytes, as they came.
    signed: Vec<u8>,
}

impl Certificate {
    /// From DER, or from the first certificate of a PEM text. Nothing may follow the DER.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let unpacked;
        let der = if pem::is_pem(bytes) {
            unpacked = pem_blocks(bytes).map_err(|reason| Malformed(reason.to_owned()))?;
            unpacked.first().map(Vec::as_slice).unwrap_or_default()
        } else {
            bytes
        };
        let parsed = x509_cert::Certificate::from_der(der).map_err(|error| Malformed(error.to_string()))?;
        let signed = signed_part(der)
            .map_err(|error| Malformed(error.to_string()))?
            .to_vec();
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(Malformed("it names two signature algorithms".to_owned()));
        }
        Ok(Self { parsed, signed })
    }

    pub(crate) fn subject(&self) -> &Name {
        &self.tbs().subject
    }

    pub(crate) fn issuer(&self) -> &Name {
        &self.tbs().issuer
    }

    pub(crate) fn serial(&self) -> &[u8] {
        self.tbs().serial_number.as_bytes()
    }

    /// First and last second of its validity, since the Unix epoch.
    pub(crate) fn validity(&self) -> Validity {
        let Dates {
            not_before,
            not_after,
        } = self.tbs().validity;
        Validity {
            from: seconds(not_before),
            until: seconds(not_after),
        }
    }

    /// The extension with this id, which must be there exactly once, or not at all.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Result<Option<&[u8]>, Duplicate> {
        let mut found = self
            .extensions()
            .iter()
            .filter(|extension| extension.extn_id == id);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|extension| extension.extn_value.as_bytes())),
            (_, Some(_)) => Err(Duplicate),
        }
    }

    /// Does it mark an extension as critical that is not among `known`?
    pub(crate) fn has_critical_extension_beside(&self, known: &[ObjectIdentifier]) -> bool {
        let mut extensions = self.extensions().iter();
        extensions.any(|extension| extension.critical && !known.contains(&extension.extn_id))
    }

    /// May its key sign certificates (RFC 5280, 4.2.1.3 and 4.2.1.9)?
    pub(crate) fn is_authority(&self) -> bool {
        let tbs = self.tbs();
        let authority = matches!(tbs.get::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca);
        let signs = matches!(tbs.get::<KeyUsage>(), Ok(Some((_, usage))) if usage.key_cert_sign());
        authority && signs
    }

    /// As [`Self::is_authority`], but a certificate without key usage restricts nothing (RFC 5280, 4.2.1.3): those that
    /// people make for themselves often have none.
    pub(crate) fn may_be_authority(&self) -> bool {
        let unrestricted = matches!(self.tbs().get::<KeyUsage>(), Ok(None));
        let constraints = self.tbs().get::<BasicConstraints>();
        let authority = matches!(constraints, Ok(Some((_, constraints))) if constraints.ca);
        self.is_authority() || (authority && unrestricted)
    }

    /// May so many authorities be between it and the last certificate of a chain (RFC 5280, 4.2.1.9)?
    pub(crate) fn allows_below(&self, authorities: usize) -> bool {
        match self.tbs().get::<BasicConstraints>() {
            Ok(Some((_, constraints))) => constraints
                .path_len_constraint
                .is_none_or(|limit| authorities <= usize::from(limit)),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// May its key sign messages, and no certificates?
    pub(crate) fn signs_messages(&self) -> bool {
        let tbs = self.tbs();
        let authority = match tbs.get::<BasicConstraints>() {
            Ok(found) => found.is_some_and(|(_, constraints)| constraints.ca),
            Err(_) => true,
        };
        let signs = match tbs.get::<KeyUsage>() {
            Ok(found) => found.is_none_or(|(_, usage)| usage.digital_signature()),
            Err(_) => false,
        };
        signs && !authority
    }

    /// Does it say that its key is for this purpose (RFC 5280, 4.2.1.12)?
    pub(crate) fn is_for(&self, purpose: ObjectIdentifier) -> bool {
        let purposes = self.tbs().get::<ExtendedKeyUsage>();
        matches!(purposes, Ok(Some((_, purposes))) if purposes.0.contains(&purpose))
    }

    /// The DER of its SubjectPublicKeyInfo.
    pub(crate) fn spki_der(&self) -> Option<Vec<u8>> {
        self.tbs().subject_public_key_info.to_der().ok()
    }

    /// Did this certificate's key sign `other`?
    pub(crate) fn signed(&self, other: &Certificate, scheme: Scheme) -> bool {
        let signature = &other.parsed.signature;
        self.signed_bytes(
            &other.signed,
            &other.parsed.signature_algorithm,
            signature.as_bytes(),
            scheme,
        )
    }

    /// The same for any signed structure, a revocation list for one.
    pub(crate) fn signed_bytes(
        &self,
        message: &[u8],
        algorithm: &spki::AlgorithmIdentifierOwned,
        signature: Option<&[u8]>,
        scheme: Scheme,
    ) -> bool {
        let key = &self.tbs().subject_public_key_info;
        signature.is_some_and(|signature| scheme.verify(key, algorithm, message, signature))
    }

    /// Its key, if it is an uncompressed point of P-384 (SEC 1, 2.3.3).
    pub(crate) fn p384_key(&self) -> Option<[u8; 97]> {
        scheme::p384_point(&self.tbs().subject_public_key_info)
    }

    /// Its key, if it is an uncompressed point of P-256.
    pub(crate) fn p256_key(&self) -> Option<[u8; 65]> {
        scheme::p256_point(&self.tbs().subject_public_key_info)
    }

    fn tbs(&self) -> &TbsCertificate {
        &self.parsed.tbs_certificate
    }

    fn extensions(&self) -> &[Extension] {
        self.tbs().extensions.as_deref().unwrap_or_default()
    }
}

/// It is no certificate, for this reason.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) String);

/// An extension is there twice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Duplicate;

/// A span of time, both ends included, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Validity {
    pub(crate) fn contains(self, now: i64) -> bool {
        (self.from..=self.until).contains(&now)
    }

    /// The time at which both are valid.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }
}

/// The only common name in a name, if it has exactly one.
pub(crate) fn common_name(name: &Name) -> Option<String> {
    let mut attributes = name.0.iter().flat_map(|part| part.0.iter());
    let mut names = attributes
        .by_ref()
        .filter(|attribute| attribute.oid == COMMON_NAME);
    let (Some(first), None) = (names.next(), names.next()) else {
        return None;
    };
    let utf8 = first
        .value
        .decode_as::<Utf8StringRef<'_>>()
        .map(|text| text.to_string());
    utf8.or_else(|_| {
        first
            .value
            .decode_as::<PrintableStringRef<'_>>()
            .map(|text| text.to_string())
    })
    .ok()
}

/// The DER of a name, to compare and to keep.
pub(crate) fn name_der(name: &Name) -> Option<Vec<u8>> {
    name.to_der().ok()
}

/// The time in seconds since the Unix epoch.
pub(crate) fn seconds(time: x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

/// The first member, header included, of the sequence that certificates and revocation lists are.
pub(crate) fn signed_part(der: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    reader.tlv_bytes()
}

#[cfg(test)]
mod tests;
