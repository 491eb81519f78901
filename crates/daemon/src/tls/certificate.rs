//! The names in a certificate that a caller has shown. TLS has verified its chain and its key.

use der::{Decode, asn1::PrintableStringRef, asn1::Utf8StringRef, oid::ObjectIdentifier};
use x509_cert::{
    Certificate,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use super::PeerCertificate;

impl PeerCertificate {
    /// Every name in it, as `DNS:…`, `URI:…`, `EMAIL:…`, then `CN:…` of the subject. Empty if it cannot be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        names(&self.0)
    }

    /// The name to call its holder by.
    #[must_use]
    pub fn name(&self) -> String {
        let first = self.names().into_iter().next();
        first.unwrap_or_else(|| "a certificate without a name".to_owned())
    }

    /// Whether this is the form of such a name in a configuration.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        ["DNS:", "URI:", "EMAIL:", "CN:"]
            .iter()
            .any(|kind| text.strip_prefix(kind).is_some_and(|name| !name.is_empty()))
    }
}

fn names(der: &[u8]) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(der) else {
        return Vec::new();
    };
    let tbs = &certificate.tbs_certificate;
    let mut names = Vec::new();
    for extension in tbs.extensions.iter().flatten() {
        if extension.extn_id != SUBJECT_ALTERNATIVE_NAME {
            continue;
        }
        let Ok(alternatives) = SubjectAltName::from_der(extension.extn_value.as_bytes()) else {
            continue;
        };
        names.extend(alternatives.0.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(format!("DNS:{}", name.as_str())),
            GeneralName::UniformResourceIdentifier(uri) => Some(format!("URI:{}", uri.as_str())),
            GeneralName::Rfc822Name(name) => Some(format!("EMAIL:{}", name.as_str())),
            _ => None,
        }));
    }
    let attributes = tbs.subject.0.iter().flat_map(|set| set.0.iter());
    names.extend(
        attributes
            .filter(|attribute| attribute.oid == COMMON_NAME)
            .filter_map(|attribute| {
                let value = &attribute.value;
                let utf8 = value
                    .decode_as::<Utf8StringRef<'_>>()
                    .map(|text| text.as_str().to_owned());
                let printable = || {
                    value
                        .decode_as::<PrintableStringRef<'_>>()
                        .map(|text| text.as_str().to_owned())
                };
                Some(format!("CN:{}", utf8.or_else(|_| printable()).ok()?))
            }),
    );
    names
}

const SUBJECT_ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
