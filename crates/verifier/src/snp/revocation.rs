//! Revocation lists (RFC 5280, section 5). AMD's are signed by the product line's root.

use super::chain::Links;
use super::roots::Roots;
use super::{SCHEME, SnpError, SnpProduct};
use crate::x509::{Validity, seconds, signed_part};
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use std::collections::HashSet;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::pkix::name::{GeneralName, GeneralNames};

const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

/// What the lists at hand say of a chain that none of them names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A list of the chain's root, in time.
    Current,
    /// A list of the chain's root whose time is over: what came after it is not known.
    Expired,
    /// What is at hand is no list of a trusted root, or not yet one.
    Unusable,
    /// No list of the chain's root is at hand.
    None,
}

impl Standing {
    /// As the claim `revocation_list` has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Standing::Current => "current",
            Standing::Expired => "expired",
            Standing::Unusable => "unusable",
            Standing::None => "none",
        }
    }
}

/// A list that a trusted root signed.
#[derive(Debug)]
pub(super) struct RevocationList {
    /// The place of the root in the list of roots.
    anchor: usize,
    validity: Validity,
    /// The DER of the issuer's name, and the serial number.
    revoked: HashSet<(Vec<u8>, Vec<u8>)>,
    /// The DER of the root's name.
    issuer: Vec<u8>,
}

impl RevocationList {
    /// Verifies the list's signature.
    pub(super) fn verify(der: &[u8], product: SnpProduct, roots: &Roots) -> Result<Self, SnpError> {
        let malformed = |error: der::Error| SnpError::RevocationList(error.to_string());
        let list = CertificateList::from_der(der).map_err(malformed)?;
        let signed = signed_part(der).map_err(malformed)?;
        let tbs = &list.tbs_cert_list;
        let signature = (list.signature_algorithm == tbs.signature)
            .then(|| list.signature.as_bytes())
            .flatten();
        let anchor = roots.of(product).find(|(_, anchor)| {
            *anchor.ark.subject() == tbs.issuer
                && anchor
                    .ark
                    .signed_bytes(signed, &list.signature_algorithm, signature, SCHEME)
        });
        let (anchor, _) =
            anchor.ok_or_else(|| SnpError::RevocationList("no trusted root signed it".to_owned()))?;
        if tbs
            .crl_extensions
            .iter()
            .flatten()
            .any(|extension| extension.critical)
        {
            return Err(SnpError::RevocationList(
                "it has an unknown critical extension".to_owned(),
            ));
        }
        let until = tbs
            .next_update
            .ok_or_else(|| SnpError::RevocationList("it has no end".to_owned()))?;
        let issuer = tbs.issuer.to_der().map_err(malformed)?;
        let entries = tbs.revoked_certificates.as_deref().unwrap_or_default();
        Ok(Self {
            anchor,
            validity: Validity {
                from: seconds(tbs.this_update),
                until: seconds(until),
            },
            revoked: revoked(entries, &issuer).map_err(malformed)?,
            issuer,
        })
    }

    /// Is anything of this chain on the list? A list of another root says nothing about it. What is revoked stays
    /// revoked, so a list counts for what it names whatever its time.
    pub(super) fn check(&self, chain: &Links, now: i64) -> Result<Standing, SnpError> {
        if self.anchor != chain.anchor {
            return Ok(Standing::None);
        }
        if self
            .revoked
            .contains(&(self.issuer.clone(), chain.signer_serial.clone()))
        {
            return Err(SnpError::Revoked("ASK or ASVK"));
        }
        if self
            .revoked
            .contains(&(chain.signer_name.clone(), chain.vek_serial.clone()))
        {
            return Err(SnpError::Revoked("VCEK or VLEK"));
        }
        Ok(match now {
            _ if self.validity.contains(now) => Standing::Current,
            _ if now > self.validity.until => Standing::Expired,
            _ => Standing::Unusable,
        })
    }
}

/// An entry is about a certificate of the list's issuer, or of the one that it, or an entry before it, names
/// (RFC 5280, 5.3.3).
fn revoked(entries: &[RevokedCert], list_issuer: &[u8]) -> der::Result<HashSet<(Vec<u8>, Vec<u8>)>> {
    let mut issuer = list_issuer.to_vec();
    let mut revoked = HashSet::with_capacity(entries.len());
    for entry in entries {
        let extensions = entry.crl_entry_extensions.iter().flatten();
        for extension in extensions.filter(|extension| extension.extn_id == CERTIFICATE_ISSUER) {
            for name in GeneralNames::from_der(extension.extn_value.as_bytes())? {
                if let GeneralName::DirectoryName(name) = name {
                    issuer = name.to_der()?;
                }
            }
        }
        revoked.insert((issuer.clone(), entry.serial_number.as_bytes().to_vec()));
    }
    Ok(revoked)
}
