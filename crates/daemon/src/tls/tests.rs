use std::path::{Path, PathBuf};
use std::sync::Arc;

use der::{Decode, Encode};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;

use super::*;

/// A certificate authority with a folder of its own.
pub(crate) struct Authority {
    dir: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { dir, issuer }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Writes `<name>.pem` and `<name>.key` for the DNS name `dns` and 127.0.0.1.
    pub(crate) fn issue(&self, name: &str, dns: &str) -> (PathBuf, PathBuf) {
        self.issue_with(name, dns, |_| ())
    }

    /// The same, of a certificate that differs.
    pub(crate) fn issue_with(
        &self,
        name: &str,
        dns: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![dns.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (
            self.dir.path().join(format!("{name}.pem")),
            self.dir.path().join(format!("{name}.key")),
        );
        replace(&paths.0, &certificate.pem());
        replace(&paths.1, &key.serialize_pem());
        paths
    }

    /// Writes `plain.pem` and `plain.key`, as `openssl req -x509` makes them: for the same names, its own root, and marked
    /// as an authority's.
    pub(crate) fn plain(&self) -> TlsServerConfig {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let plain = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = |name: &str| self.dir.path().join(name);
        replace(&file("plain.pem"), &plain.pem());
        replace(&file("plain.key"), &plain.key().serialize_pem());
        TlsServerConfig::new(file("plain.pem"), file("plain.key"))
    }

    pub(crate) fn server(&self) -> TlsServerConfig {
        let (certificate, key) = self.issue("server", "localhost");
        TlsServerConfig::new(certificate, key)
    }

    /// As [`Self::server`], with a certificate of X.509 version 1 as `openssl x509 -req` makes it.
    fn version_1(&self) -> TlsServerConfig {
        let config = self.server();
        let text = std::fs::read_to_string(&config.certificate).unwrap();
        let (_, der) = der::pem::decode_vec(text.as_bytes()).unwrap();
        let mut certificate = x509_cert::Certificate::from_der(&der).unwrap();
        certificate.tbs_certificate.version = x509_cert::certificate::Version::V1;
        certificate.tbs_certificate.extensions = None;
        let der = certificate.to_der().unwrap();
        let text = der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &der).unwrap();
        replace(&config.certificate, &text);
        config
    }

    /// A raw client that trusts this authority and speaks these versions.
    pub(crate) fn client(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// Replaces a file in one step, as certificate managers do.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

#[test]
fn settings_are_read_from_a_configuration() {
    let config: TlsServerConfig = serde_json::from_value(json!({
        "certificate": "a.pem", "private_key": "a.key", "profile": "modern", "min_version": "1.2"
    }))
    .unwrap();
    assert_eq!(config.profile, TlsProfile::Modern);
    assert_eq!(config.min_version, Some(TlsVersion::V12));
    assert!(
        serde_json::from_value::<TlsServerConfig>(json!({"certificate": "a", "privat_key": "b"})).is_err()
    );
}

#[test]
fn an_empty_range_of_versions_is_refused() {
    let mut config = Authority::new().server();
    config.min_version = Some(TlsVersion::V13);
    config.max_version = Some(TlsVersion::V12);
    assert!(matches!(config.load(), Err(TlsError::EmptyVersionRange)));
    config.min_version = None;
    config.profile = TlsProfile::Modern;
    assert!(matches!(config.load(), Err(TlsError::EmptyVersionRange)));
}

#[test]
fn custom_settings_beside_another_profile_earn_a_warning() {
    let mut config = Authority::new().server();
    assert!(config.warnings().unwrap().is_empty());
    config.groups = Some("auto".into());
    assert!(config.warnings().unwrap().is_empty());
    config.groups = Some("X25519MLKEM768:X25519".into());
    assert_eq!(config.warnings().unwrap().len(), 2);
    config.profile = TlsProfile::Custom;
    assert_eq!(config.warnings().unwrap().len(), 1);
    config.ciphers = Some("NULL-MD5".into());
    assert!(matches!(
        config.load(),
        Err(TlsError::UnknownName {
            kind: "cipher suite",
            ..
        })
    ));
}

#[test]
fn each_unusable_file_is_named() {
    let authority = Authority::new();
    let good = authority.server();
    let (_, other_key) = authority.issue("other", "localhost");
    let empty = authority.dir.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();

    let missing = TlsServerConfig {
        certificate: "/nonexistent.pem".into(),
        ..good.clone()
    };
    assert!(
        matches!(missing.load(), Err(TlsError::Unreadable { path, .. }) if path == Path::new("/nonexistent.pem"))
    );
    let no_chain = TlsServerConfig {
        certificate: empty.clone(),
        ..good.clone()
    };
    assert!(matches!(
        no_chain.load(),
        Err(TlsError::NotPem {
            wanted: "certificate",
            ..
        })
    ));
    let no_key = TlsServerConfig {
        private_key: empty.clone(),
        ..good.clone()
    };
    assert!(matches!(
        no_key.load(),
        Err(TlsError::NotPem {
            wanted: "private key",
            ..
        })
    ));
    let mismatch = TlsServerConfig {
        private_key: other_key,
        ..good.clone()
    };
    assert!(matches!(mismatch.load(), Err(TlsError::BadIdentity { .. })));
    let no_anchor = TlsServerConfig {
        client_ca: Some(empty),
        ..good
    };
    assert!(matches!(
        no_anchor.load(),
        Err(TlsError::NotPem {
            wanted: "certificate",
            ..
        })
    ));
}

#[test]
fn a_client_identity_is_whole_or_absent() {
    let authority = Authority::new();
    let (certificate, _) = authority.issue("client", "client");
    let half = TlsClientConfig {
        ca: authority.ca(),
        certificate: Some(certificate),
        private_key: None,
        server_name: None,
    };
    assert!(matches!(half.load(), Err(TlsError::HalfIdentity)));
    let misnamed = TlsClientConfig {
        certificate: None,
        server_name: Some("not a name".into()),
        ..half
    };
    assert!(matches!(misnamed.load(), Err(TlsError::BadServerName(_))));
}

#[test]
fn a_bad_new_pair_leaves_the_old_one_in_force() {
    let authority = Authority::new();
    let config = authority.server();
    let files = vec![config.certificate.clone(), config.private_key.clone()];
    let reloading = reload::Reloading::new(files, {
        let config = config.clone();
        move || config.load().map(|tls| tls.current())
    })
    .unwrap();
    let first = reloading.current();

    reloading.check();
    assert!(Arc::ptr_eq(&first, &reloading.current()), "nothing changed");

    replace(&config.certificate, "half written");
    reloading.check();
    assert!(Arc::ptr_eq(&first, &reloading.current()), "broken");

    std::fs::remove_file(&config.certificate).unwrap();
    reloading.check();
    assert!(Arc::ptr_eq(&first, &reloading.current()), "missing");

    authority.server();
    reloading.check();
    assert!(!Arc::ptr_eq(&first, &reloading.current()), "renewed");
}

#[test]
fn a_certificate_of_version_1_is_shown_if_the_key_is_its_own() {
    let authority = Authority::new();
    let config = authority.version_1();
    let chain = pem::certificates(&config.certificate).unwrap();
    let rustls_says = rustls::server::ParsedCertificate::try_from(&chain[0]);
    assert!(rustls_says.is_err(), "otherwise nothing has to be done here");
    config.load().unwrap();

    let (_, another) = authority.issue("another", "localhost");
    let mismatch = TlsServerConfig::new(config.certificate, another);
    let refused = mismatch.load().unwrap_err();
    assert!(
        matches!(
            &refused,
            TlsError::BadIdentity {
                source: rustls::Error::InconsistentKeys(_),
                ..
            }
        ),
        "{refused}"
    );
}
