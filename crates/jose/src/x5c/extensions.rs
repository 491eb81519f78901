//! The extensions that bear on a chain (RFC 5280 section 4.2).

use der::Decode;
use der::oid::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::{Purpose, X5cError};

/// What the extensions say.
#[derive(Debug, Clone, Default)]
pub(super) struct Extensions {
    /// basicConstraints: cA.
    pub(super) is_authority: bool,
    /// basicConstraints: pathLenConstraint.
    pub(super) path_length: Option<u8>,
    key_usage: Option<KeyUsage>,
    purposes: Option<Vec<ObjectIdentifier>>,
}

impl Extensions {
    pub(super) fn read(extensions: &[Extension]) -> Result<Self, X5cError> {
        let mut read = Self::default();
        let mut seen = Vec::with_capacity(extensions.len());
        for extension in extensions {
            if seen.contains(&extension.extn_id) {
                return Err(X5cError::Extension);
            }
            seen.push(extension.extn_id);
            read.take(extension)?;
        }
        Ok(read)
    }

    pub(super) fn allows_certificate_signing(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.key_cert_sign())
    }

    pub(super) fn allows_digital_signature(&self) -> bool {
        self.key_usage
            .is_none_or(|usage| usage.0.contains(KeyUsages::DigitalSignature))
    }

    /// Purposes, if named at all, must include one that covers what is signed. Those that PKIX defines for other
    /// things (TLS server and client, mail, time stamps, OCSP, …) do not.
    pub(super) fn allows_signing(&self, what: Purpose) -> bool {
        let covers = |purpose: &ObjectIdentifier| match purpose.parent() {
            Some(ID_KP) => {
                TOKEN_PURPOSES.contains(purpose) || (what == Purpose::Statements && *purpose == CODE_SIGNING)
            }
            _ => true,
        };
        self.purposes
            .as_ref()
            .is_none_or(|purposes| purposes.iter().any(covers))
    }

    fn take(&mut self, extension: &Extension) -> Result<(), X5cError> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            BASIC_CONSTRAINTS => {
                let constraints = BasicConstraints::from_der(value).map_err(|_| X5cError::Malformed)?;
                self.is_authority = constraints.ca;
                self.path_length = constraints.path_len_constraint;
            }
            KEY_USAGE => self.key_usage = Some(KeyUsage::from_der(value).map_err(|_| X5cError::Malformed)?),
            EXTENDED_KEY_USAGE => {
                self.purposes = Some(
                    ExtendedKeyUsage::from_der(value)
                        .map_err(|_| X5cError::Malformed)?
                        .0,
                );
            }
            // Constraints on names are not computed here, so whoever asks for them is refused.
            NAME_CONSTRAINTS => return Err(X5cError::Extension),
            // Says who the subject is and bears on nothing here; it is critical where the subject's name is empty.
            SUBJECT_ALTERNATIVE_NAME => {}
            _ if extension.critical => return Err(X5cError::Extension),
            _ => {}
        }
        Ok(())
    }
}

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const SUBJECT_ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// The arc of the purposes that PKIX defines.
const ID_KP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3");
/// codeSigning (RFC 5280 section 4.2.1.12): what signers of software have.
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// documentSigning (RFC 9336), jwt and oauthAccessTokenSigning (RFC 9509).
const TOKEN_PURPOSES: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.37"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.39"),
];
