//! Whom we trust: AMD's roots, and those the operator adds.

use super::{SCHEME, SnpProduct};
use crate::x509::{Certificate, common_name, pem_blocks};
use sev::certs::snp::builtin;

/// A root trusted beside AMD's own, with what it signed. All DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnpRoot {
    /// The product line it is trusted for.
    pub product: SnpProduct,
    /// The self-signed root, in AMD's terms the ARK.
    pub ark_der: Vec<u8>,
    /// The certificate that signs VCEKs, if not every evidence brings it.
    pub ask_der: Option<Vec<u8>>,
    /// The certificate that signs VLEKs, if not every evidence brings it.
    pub asvk_der: Option<Vec<u8>>,
}

impl SnpRoot {
    /// Reads a PEM text with, for each product line, an ARK and an ASK or an ASVK or both, in any order. They
    /// are told apart by their common names: `ARK-Milan`, `SEV-Milan`, `SEV-VLEK-Milan`.
    ///
    /// # Errors
    /// [`SnpRootError`] for a text without certificates, one that has another name, or one without its ARK.
    pub fn from_pem(text: &[u8]) -> Result<Vec<SnpRoot>, SnpRootError> {
        let blocks = pem_blocks(text).map_err(|reason| SnpRootError::Malformed(reason.to_owned()))?;
        let mut named = Vec::new();
        for der in blocks {
            let certificate = parse(&der)?;
            let name = common_name(certificate.subject()).unwrap_or_default();
            named.push((Role::of(&name).ok_or(SnpRootError::Name(name))?, der));
        }
        let find = |wanted| {
            named
                .iter()
                .find(|(role, _)| *role == wanted)
                .map(|(_, der)| der.clone())
        };
        let mut roots = Vec::new();
        for product in SnpProduct::ALL {
            let (ask_der, asvk_der) = (find(Role::Ask(product)), find(Role::Asvk(product)));
            match find(Role::Ark(product)) {
                Some(ark_der) => roots.push(SnpRoot {
                    product,
                    ark_der,
                    ask_der,
                    asvk_der,
                }),
                None if ask_der.is_some() || asvk_der.is_some() => return Err(SnpRootError::NoRoot(product)),
                None => {}
            }
        }
        Ok(roots)
    }
}

/// Why a root is not accepted. The operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnpRootError {
    /// It is no certificate.
    #[error("malformed root certificate: {0}")]
    Malformed(String),
    /// Its common name is none of ARK-, SEV- and SEV-VLEK- with a product line.
    #[error("a certificate named `{0}` is no SEV-SNP root or signing certificate")]
    Name(String),
    /// There is something to be signed by a root that is not there.
    #[error("there is no ARK for {0}")]
    NoRoot(SnpProduct),
    /// It is not self-signed, or not allowed to sign.
    #[error("the ARK for {0} is not a self-signed certificate authority")]
    NotARoot(SnpProduct),
    /// The root did not sign it.
    #[error("the ASK or ASVK for {0} is not signed by its ARK")]
    NotSigned(SnpProduct),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Ark(SnpProduct),
    Ask(SnpProduct),
    Asvk(SnpProduct),
}

impl Role {
    fn of(common_name: &str) -> Option<Self> {
        let asvk = SnpProduct::from_common_name(common_name, "SEV-VLEK-").map(Role::Asvk);
        let ask = || SnpProduct::from_common_name(common_name, "SEV-").map(Role::Ask);
        asvk.or_else(ask)
            .or_else(|| SnpProduct::from_common_name(common_name, "ARK-").map(Role::Ark))
    }
}

/// The trusted roots and what we know that they signed.
pub(super) struct Roots(Vec<Anchor>);

/// A trusted root.
pub(super) struct Anchor {
    pub(super) product: SnpProduct,
    pub(super) ark: Certificate,
    /// Signing certificates, each with the root's verified signature.
    pub(super) signers: Vec<Certificate>,
}

impl Roots {
    pub(super) fn new(extra: &[SnpRoot]) -> Result<Self, SnpRootError> {
        let built_in = [
            (SnpProduct::Milan, builtin::milan::ARK, builtin::milan::ASK),
            (SnpProduct::Genoa, builtin::genoa::ARK, builtin::genoa::ASK),
            (SnpProduct::Turin, builtin::turin::ARK, builtin::turin::ASK),
        ];
        let built_in = built_in
            .into_iter()
            .map(|(product, ark, ask)| Anchor::new(product, ark, [ask]));
        let extra = extra.iter().map(|root| {
            let signers = [&root.ask_der, &root.asvk_der]
                .into_iter()
                .flatten()
                .map(Vec::as_slice);
            Anchor::new(root.product, &root.ark_der, signers)
        });
        Ok(Self(built_in.chain(extra).collect::<Result<_, _>>()?))
    }

    /// The roots of a product line, each with its place in the list.
    pub(super) fn of(&self, product: SnpProduct) -> impl Iterator<Item = (usize, &Anchor)> {
        self.0
            .iter()
            .enumerate()
            .filter(move |(_, anchor)| anchor.product == product)
    }

    /// Do we hold a certificate that signs the product line's VLEKs?
    pub(super) fn has_asvk(&self, product: SnpProduct) -> bool {
        let mut signers = self.of(product).flat_map(|(_, anchor)| &anchor.signers);
        signers.any(|signer| {
            common_name(signer.subject()).and_then(|name| Role::of(&name)) == Some(Role::Asvk(product))
        })
    }
}

impl Anchor {
    fn new<'a>(
        product: SnpProduct,
        ark: &[u8],
        signers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, SnpRootError> {
        let ark = parse(ark)?;
        if !ark.is_authority() || ark.subject() != ark.issuer() || !ark.signed(&ark, SCHEME) {
            return Err(SnpRootError::NotARoot(product));
        }
        let signers: Vec<Certificate> = signers.into_iter().map(parse).collect::<Result<_, _>>()?;
        let anchor = Self {
            product,
            ark,
            signers: Vec::new(),
        };
        if !signers.iter().all(|signer| anchor.vouches_for(signer)) {
            return Err(SnpRootError::NotSigned(product));
        }
        Ok(Self { signers, ..anchor })
    }

    /// Is it a signing certificate that this root signed?
    pub(super) fn vouches_for(&self, signer: &Certificate) -> bool {
        signer.issuer() == self.ark.subject() && signer.is_authority() && self.ark.signed(signer, SCHEME)
    }
}

fn parse(bytes: &[u8]) -> Result<Certificate, SnpRootError> {
    Certificate::parse(bytes).map_err(|error| SnpRootError::Malformed(error.to_string()))
}
