//! X.509 as far as AMD's certificates need it (RFC 5280; AMD 57230, chapter 3).

use super::SnpError;
use der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode, Header, Reader, SliceReader};
use ring::signature::{RSA_PSS_2048_8192_SHA384, UnparsedPublicKey};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::name::Name;
use x509_cert::time::Validity as Dates;
use x509_cert::{TbsCertificate, spki};

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate in form, of which nothing is proved yet.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    parsed: x509_cert::Certificate,
    /// The signed bytes, as they came.
    signed: Vec<u8>,
}

impl Certificate {
    /// From DER, or from the first certificate of a PEM text. Nothing may follow the DER.
    ///
    /// `what` names the certificate in errors.
    pub(super) fn parse(bytes: &[u8], what: &'static str) -> Result<Self, SnpError> {
        let malformed = |reason: String| SnpError::Certificate {
            certificate: what,
            reason,
        };
        let unpacked;
        let der = if is_pem(bytes) {
            unpacked = pem_blocks(bytes).map_err(|reason| malformed(reason.to_owned()))?;
            unpacked.first().map(Vec::as_slice).unwrap_or_default()
        } else {
            bytes
        };
        let parsed = x509_cert::Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let signed = signed_part(der)
            .map_err(|error| malformed(error.to_string()))?
            .to_vec();
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(malformed("it names two signature algorithms".to_owned()));
        }
        Ok(Self { parsed, signed })
    }

    pub(super) fn subject(&self) -> &Name {
        &self.tbs().subject
    }

    pub(super) fn issuer(&self) -> &Name {
        &self.tbs().issuer
    }

    pub(super) fn serial(&self) -> &[u8] {
        self.tbs().serial_number.as_bytes()
    }

    /// First and last second of its validity, since the Unix epoch.
    pub(super) fn validity(&self) -> Validity {
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
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Result<Option<&[u8]>, Duplicate> {
        let mut found = self
            .extensions()
            .iter()
            .filter(|extension| extension.extn_id == id);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|extension| extension.extn_value.as_bytes())),
            (_, Some(_)) => Err(Duplicate),
        }
    }

    /// Does it mark an extension as critical? AMD marks none in the certificates of endorsement keys.
    pub(super) fn has_critical_extension(&self) -> bool {
        self.extensions().iter().any(|extension| extension.critical)
    }

    /// May its key sign certificates (RFC 5280, 4.2.1.3 and 4.2.1.9)?
    pub(super) fn is_authority(&self) -> bool {
        let tbs = self.tbs();
        let authority = matches!(tbs.get::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca);
        let signs = matches!(tbs.get::<KeyUsage>(), Ok(Some((_, usage))) if usage.key_cert_sign());
        authority && signs
    }

    /// Did this certificate's key sign `other`? AMD signs with RSA-PSS, SHA-384, MGF1 with SHA-384 and 48 bytes
    /// of salt.
    pub(super) fn signed(&self, other: &Certificate) -> bool {
        let signature = &other.parsed.signature;
        self.signed_bytes(
            &other.signed,
            &other.parsed.signature_algorithm,
            signature.as_bytes(),
        )
    }

    /// The same for any signed structure, a revocation list for one.
    pub(super) fn signed_bytes(
        &self,
        message: &[u8],
        algorithm: &spki::AlgorithmIdentifierOwned,
        signature: Option<&[u8]>,
    ) -> bool {
        let key = &self.tbs().subject_public_key_info;
        let (Some(key_bytes), Some(signature)) = (key.subject_public_key.as_bytes(), signature) else {
            return false;
        };
        algorithm.oid == RSASSA_PSS
            && key.algorithm.oid == RSA_ENCRYPTION
            && UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA384, key_bytes)
                .verify(message, signature)
                .is_ok()
    }

    /// Its key, if it is an uncompressed point of P-384 (SEC 1, 2.3.3).
    pub(super) fn p384_key(&self) -> Option<[u8; 97]> {
        let key = &self.tbs().subject_public_key_info;
        let curve = key
            .algorithm
            .parameters
            .as_ref()?
            .decode_as::<ObjectIdentifier>()
            .ok()?;
        let point: [u8; 97] = key.subject_public_key.as_bytes()?.try_into().ok()?;
        (key.algorithm.oid == EC_PUBLIC_KEY && curve == SECP384R1 && point.first() == Some(&4))
            .then_some(point)
    }

    fn tbs(&self) -> &TbsCertificate {
        &self.parsed.tbs_certificate
    }

    fn extensions(&self) -> &[Extension] {
        self.tbs().extensions.as_deref().unwrap_or_default()
    }
}

/// An extension is there twice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate;

/// A span of time, both ends included, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Validity {
    pub(super) fn contains(self, now: i64) -> bool {
        (self.from..=self.until).contains(&now)
    }

    /// The time at which both are valid.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }
}

/// The only common name in a name, if it has exactly one.
pub(super) fn common_name(name: &Name) -> Option<String> {
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
pub(super) fn name_der(name: &Name) -> Option<Vec<u8>> {
    name.to_der().ok()
}

/// The time in seconds since the Unix epoch.
pub(super) fn seconds(time: x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

/// The first member, header included, of the sequence that certificates and revocation lists are.
pub(super) fn signed_part(der: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    reader.tlv_bytes()
}

/// Is it text and not DER?
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN")
}

/// Every certificate in `bytes`, which is one DER or a PEM text; none if it is neither.
pub(super) fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    if is_pem(bytes) {
        pem_blocks(bytes).unwrap_or_default()
    } else {
        vec![bytes.to_vec()]
    }
}

/// The DER of every certificate in a PEM text (RFC 7468).
pub(super) fn pem_blocks(text: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    use base64::Engine;
    let text = std::str::from_utf8(text).map_err(|_| "it is not text")?;
    let blocks = text.split(BEGIN).skip(1).map(|rest| {
        let (body, _) = rest.split_once(END).ok_or("it has a beginning without an end")?;
        let body: String = body.split_ascii_whitespace().collect();
        base64::engine::general_purpose::STANDARD
            .decode(body)
            .map_err(|_| "it is not base64")
    });
    let blocks: Vec<Vec<u8>> = blocks.collect::<Result<_, _>>()?;
    if blocks.is_empty() {
        Err("it holds no certificate")
    } else {
        Ok(blocks)
    }
}
