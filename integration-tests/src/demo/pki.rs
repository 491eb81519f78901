//! Fresh keys and certificates for one demonstration.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519,
};

/// The files that the demonstration's servers and tools are configured with.
pub(super) struct Pki {
    /// Root of all TLS certificates.
    pub(super) ca: PathBuf,
    /// TLS certificate and key of all three servers, for `localhost` and 127.0.0.1.
    pub(super) server: Pair,
    /// Certificate and key by which one service proves itself to the next, and the tools to the RVPS.
    pub(super) client: Pair,
    /// The Attestation Service's token signing key with its certificate.
    pub(super) token: Pair,
    /// The owner's signing key, and its public half.
    pub(super) admin: Pair,
}

/// A certificate (or public key) and the private key that belongs to it, both PEM.
pub(super) struct Pair {
    /// Certificate or public key.
    pub(super) public: PathBuf,
    /// Private key.
    pub(super) private: PathBuf,
}

impl Pki {
    /// Makes everything, in `dir`.
    pub(super) fn generate(dir: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Trustee demonstration CA");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let admin = KeyPair::generate_for(&PKCS_ED25519)?;
        Ok(Self {
            ca: write(dir, "ca.pem", &ca.pem())?,
            server: leaf(dir, "server", &ca, Some(ExtendedKeyUsagePurpose::ServerAuth))?,
            client: leaf(dir, "client", &ca, Some(ExtendedKeyUsagePurpose::ClientAuth))?,
            token: leaf(dir, "token", &ca, None)?,
            admin: Pair {
                public: write(dir, "admin.pub", &admin.public_key_pem())?,
                private: write(dir, "admin.key", &admin.serialize_pem())?,
            },
        })
    }
}

fn leaf(
    dir: &Path,
    name: &str,
    ca: &CertifiedIssuer<'_, KeyPair>,
    usage: Option<ExtendedKeyUsagePurpose>,
) -> anyhow::Result<Pair> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("Trustee demonstration {name}"));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usage.into_iter().collect();
    let certificate = params.signed_by(&key, ca)?;
    Ok(Pair {
        public: write(dir, &format!("{name}.pem"), &certificate.pem())?,
        private: write(dir, &format!("{name}.key"), &key.serialize_pem())?,
    })
}

/// Writes a file of the demonstration and gives its path.
pub(super) fn write(dir: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
