//! Whom we trust: Intel's root, and those the operator adds.

use crate::x509::{Certificate, certificates};

/// "Intel SGX Root CA", as `certificates.trustedservices.intel.com` gives it: the one anchor of all of Intel's
/// collateral and of every PCK certificate.
const INTEL_SGX_ROOT_CA: &[u8] = include_bytes!("intel-sgx-root-ca.pem");

/// A root trusted beside Intel's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DcapRoot {
    /// The self-signed certificate, DER.
    pub der: Vec<u8>,
}

impl DcapRoot {
    /// Reads one DER certificate, or every certificate of a PEM text.
    ///
    /// # Errors
    /// [`DcapRootError::Malformed`] if there is none.
    pub fn read(bytes: &[u8]) -> Result<Vec<DcapRoot>, DcapRootError> {
        let found = certificates(bytes);
        if found.is_empty() {
            return Err(DcapRootError::Malformed("it holds no certificate".to_owned()));
        }
        found
            .into_iter()
            .map(|der| {
                Anchor::new(der).map(|anchor| DcapRoot {
                    der: anchor.der.clone(),
                })
            })
            .collect()
    }
}

/// Why a root is not accepted. The operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DcapRootError {
    /// It is no certificate.
    #[error("malformed root certificate: {0}")]
    Malformed(String),
    /// It is not self-signed with P-256, or not allowed to sign.
    #[error("a root is not a self-signed certificate authority with a key of P-256")]
    NotARoot,
}

/// The trusted roots. The first is Intel's.
pub(super) struct Roots(Vec<Anchor>);

/// A trusted root.
pub(super) struct Anchor {
    pub(super) der: Vec<u8>,
    pub(super) certificate: Certificate,
    key: [u8; 65],
}

impl Roots {
    pub(super) fn new(extra: &[DcapRoot]) -> Result<Self, DcapRootError> {
        let built_in = certificates(INTEL_SGX_ROOT_CA).into_iter();
        let extra = extra.iter().map(|root| root.der.clone());
        built_in
            .chain(extra)
            .map(Anchor::new)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The root with the name and the key of `certificate`, and its place in the list. The rest of the
    /// certificate does not count: Intel has issued its root's more than once.
    pub(super) fn find(&self, certificate: &Certificate) -> Option<(usize, &Anchor)> {
        let key = certificate.p256_key()?;
        let mut anchors = self.0.iter().enumerate();
        anchors.find(|(_, anchor)| anchor.key == key && anchor.certificate.subject() == certificate.subject())
    }

    pub(super) fn at(&self, place: usize) -> Option<&Anchor> {
        self.0.get(place)
    }
}

impl Anchor {
    fn new(der: Vec<u8>) -> Result<Self, DcapRootError> {
        let certificate =
            Certificate::parse(&der).map_err(|error| DcapRootError::Malformed(error.to_string()))?;
        let key = certificate.p256_key().ok_or(DcapRootError::NotARoot)?;
        let self_signed = certificate.subject() == certificate.issuer()
            && certificate.is_authority()
            && certificate.signed(&certificate, super::SCHEME);
        self_signed
            .then_some(Self {
                der,
                certificate,
                key,
            })
            .ok_or(DcapRootError::NotARoot)
    }

    /// Did this root sign it?
    pub(super) fn signed(&self, certificate: &Certificate) -> bool {
        certificate.issuer() == self.certificate.subject()
            && self.certificate.signed(certificate, super::SCHEME)
    }
}
