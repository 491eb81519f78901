//! Who is known by what, and who is not.

use std::path::PathBuf;

use daemon::tls::{PeerCertificate, TlsServerConfig};
use jose::SigningKey;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataMap;

use super::*;
use crate::{
    AuthConfig,
    config::JwtConfig,
    tests::{NOW, signing::write},
};

fn registrar(name: &str) -> RegistrarConfig {
    RegistrarConfig {
        name: name.to_owned(),
        register: true,
        ..RegistrarConfig::default()
    }
}

fn with_token(name: &str, token: &str) -> RegistrarConfig {
    RegistrarConfig {
        token_sha256: Some(hex::encode(Sha256::digest(token))),
        ..registrar(name)
    }
}

fn config(registrars: Vec<RegistrarConfig>) -> Config {
    let tls = TlsServerConfig {
        client_ca: Some("ca.pem".into()),
        ..TlsServerConfig::new("a".into(), "b".into())
    };
    Config {
        tls: Some(tls),
        auth: AuthConfig {
            registrars,
            ..AuthConfig::default()
        },
        ..Config::default()
    }
}

fn authenticator(config: &Config) -> Authenticator {
    Authenticator::new(config).unwrap_or_else(|error| panic!("{error}"))
}

fn bearer(token: &str) -> MetadataMap {
    header(&format!("Bearer {token}"))
}

fn header(text: &str) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", text.parse().unwrap());
    metadata
}

fn certificate(common_name: &str, alternatives: Vec<SanType>) -> PeerCertificate {
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    parameters.subject_alt_names = alternatives;
    let certificate = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
    PeerCertificate(certificate.der().as_ref().into())
}

fn who(caller: &Caller) -> (How, &str) {
    (caller.who.how, &caller.who.name)
}

#[test]
fn without_configuration_anyone_may_do_everything() {
    let open = authenticator(&Config::default());
    assert!(open.is_open());
    let caller = open.writer(&MetadataMap::new(), None, NOW).unwrap();
    assert_eq!(who(&caller), (How::Anyone, ""));
    assert!(caller.rights.register && caller.rights.manage);
    open.reader(&MetadataMap::new(), None, NOW).unwrap();
}

#[test]
fn where_signatures_count_anyone_may_register_and_read_and_take_nothing_back() {
    let anchor = crate::TrustAnchorConfig {
        name: "vendor".to_owned(),
        ..crate::TrustAnchorConfig::default()
    };
    let anchored = |config: Config| {
        authenticator(&Config {
            trust_anchors: vec![anchor.clone()],
            ..config
        })
    };
    let open = anchored(Config::default());
    let caller = open.writer(&MetadataMap::new(), None, NOW).unwrap();
    assert!(caller.rights.register && !caller.rights.manage);
    open.reader(&MetadataMap::new(), None, NOW).unwrap();

    let asks = anchored(config(vec![]));
    let shown = certificate("someone", vec![]);
    let caller = asks.writer(&MetadataMap::new(), Some(&shown), NOW).unwrap();
    assert!(caller.rights.register && caller.rights.manage);
}

#[test]
fn where_tls_asks_for_a_certificate_its_holder_is_known_by_it() {
    let asks = authenticator(&config(vec![]));
    assert!(!asks.is_open());
    let shown = certificate(
        "someone",
        vec![SanType::DnsName("ci.example".try_into().unwrap())],
    );
    let caller = asks.writer(&MetadataMap::new(), Some(&shown), NOW).unwrap();
    assert_eq!(who(&caller), (How::Certificate, "DNS:ci.example"));
    assert_eq!(
        asks.writer(&MetadataMap::new(), None, NOW).unwrap_err(),
        AuthError::Missing
    );
}

#[test]
fn a_registrar_is_known_by_its_token() {
    let known = authenticator(&config(vec![
        with_token("ci", "one"),
        with_token("admin", "other"),
    ]));
    assert!(!known.is_open());
    for (metadata, name) in [(bearer("one"), "ci"), (header("bearer  other"), "admin")] {
        let caller = known.writer(&metadata, None, NOW).unwrap();
        assert_eq!(who(&caller), (How::Token, name));
        assert!(!caller.rights.manage && caller.rights.unsigned.is_empty());
    }
    for metadata in [
        bearer("One"),
        bearer("on"),
        bearer(""),
        header("Basic one"),
        header("one"),
    ] {
        assert_eq!(known.writer(&metadata, None, NOW).unwrap_err(), AuthError::Token);
    }
    let mut twice = bearer("one");
    twice.append("authorization", "Bearer one".parse().unwrap());
    assert_eq!(known.writer(&twice, None, NOW).unwrap_err(), AuthError::Token);
    assert_eq!(
        known.writer(&MetadataMap::new(), None, NOW).unwrap_err(),
        AuthError::Missing
    );
    // Readers are not asked, unless that is configured.
    known.reader(&MetadataMap::new(), None, NOW).unwrap();
    let mut restricted = config(vec![with_token("ci", "one")]);
    restricted.auth.restrict_reads = true;
    let restricted = authenticator(&restricted);
    restricted.reader(&bearer("one"), None, NOW).unwrap();
    assert_eq!(
        restricted.reader(&MetadataMap::new(), None, NOW).unwrap_err(),
        AuthError::Missing
    );
}

#[test]
fn every_bit_of_a_tokens_hash_counts() {
    let hash = Sha256::digest("a token");
    let read = |bytes: &[u8]| TokenHash::from_hex(&hex::encode(bytes)).unwrap();
    assert!(read(&hash).is(&TokenHash::of("a token")));
    for bit in 0..256 {
        let mut other = hash.to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!read(&other).is(&TokenHash::of("a token")), "{bit}");
    }
}

#[test]
fn a_registrar_is_known_by_one_exact_name_of_its_certificate() {
    let by = |name: &str| RegistrarConfig {
        certificate: Some(name.to_owned()),
        ..registrar(name)
    };
    let known = authenticator(&config(vec![
        by("DNS:ci.example"),
        by("URI:spiffe://x/ci"),
        by("CN:old"),
    ]));
    let uri = vec![SanType::URI("spiffe://x/ci".try_into().unwrap())];
    for (shown, name) in [
        (
            certificate("x", vec![SanType::DnsName("ci.example".try_into().unwrap())]),
            Some("DNS:ci.example"),
        ),
        (certificate("x", uri), Some("URI:spiffe://x/ci")),
        (certificate("old", vec![]), Some("CN:old")),
        (certificate("DNS:ci.example", vec![]), None),
        (certificate("ci.example", vec![]), None),
        (
            certificate("x", vec![SanType::DnsName("ci.example.org".try_into().unwrap())]),
            None,
        ),
        (PeerCertificate([0x30, 0].as_slice().into()), None),
    ] {
        let caller = known.writer(&MetadataMap::new(), Some(&shown), NOW).ok();
        assert_eq!(caller.as_ref().map(|caller| caller.who.name.as_str()), name);
    }
}

#[test]
fn a_registrar_is_known_by_the_subject_of_a_valid_jwt() {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::generate_p256().unwrap();
    let path = write(dir.path(), "issuer.pub", &key.public_key_pem().unwrap());
    let mut config = config(vec![RegistrarConfig {
        jwt_subject: Some("ci@example".to_owned()),
        manage: true,
        ..registrar("ci")
    }]);
    config.auth.jwt = Some(JwtConfig {
        key: path,
        issuer: "https://issuer.example".to_owned(),
        audience: "rvps".to_owned(),
    });
    let known = authenticator(&config);
    let claims =
        json!({"iss": "https://issuer.example", "aud": ["rvps"], "sub": "ci@example", "exp": NOW + 60});
    let token = |key: &SigningKey, change: fn(&mut Value)| {
        let mut claims = claims.clone();
        change(&mut claims);
        bearer(
            &key.sign_compact(&json!({"alg": key.algorithm()}), &claims)
                .unwrap(),
        )
    };
    let caller = known.writer(&token(&key, |_| ()), None, NOW).unwrap();
    assert_eq!(who(&caller), (How::Jwt, "ci"));
    assert!(caller.rights.manage);
    for metadata in [
        token(&SigningKey::generate_p256().unwrap(), |_| ()),
        token(&key, |claims| claims["sub"] = json!("other")),
        token(&key, |claims| claims["sub"] = json!("ci@example.org")),
        token(&key, |claims| claims["sub"] = json!("ci")),
        token(&key, |claims| claims["aud"] = json!("kbs")),
        token(&key, |claims| claims["iss"] = json!("https://other.example")),
        token(&key, |claims| claims["exp"] = json!(NOW - 61)),
        token(&key, |claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        token(&key, |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
    ] {
        assert_eq!(known.writer(&metadata, None, NOW).unwrap_err(), AuthError::Token);
    }
}

#[test]
fn configured_registrars_are_checked() {
    let error = |registrars: Vec<RegistrarConfig>| {
        Authenticator::new(&config(registrars))
            .err()
            .expect("it is refused")
    };
    let token = |hash: &str| RegistrarConfig {
        token_sha256: Some(hash.to_owned()),
        ..registrar("a")
    };
    assert!(matches!(error(vec![registrar("a")]), RulesError::OneProof(_)));
    let both = RegistrarConfig {
        certificate: Some("CN:a".to_owned()),
        ..with_token("a", "t")
    };
    assert!(matches!(error(vec![both]), RulesError::OneProof(_)));
    for hash in ["", "ab", "t", &"g".repeat(64)] {
        assert!(
            matches!(error(vec![token(hash)]), RulesError::TokenHash(_)),
            "{hash}"
        );
    }
    for name in ["ci.example", "CN:", "IP:1"] {
        let named = RegistrarConfig {
            certificate: Some(name.to_owned()),
            ..registrar("a")
        };
        assert!(matches!(error(vec![named]), RulesError::CertificateName(_)));
    }
    assert!(matches!(
        error(vec![with_token("a", "1"), with_token("a", "2")]),
        RulesError::Twice(_)
    ));
    assert!(matches!(error(vec![with_token("", "1")]), RulesError::NoName(_)));
    let subject = RegistrarConfig {
        jwt_subject: Some("s".to_owned()),
        ..registrar("a")
    };
    assert!(matches!(error(vec![subject]), RulesError::JwtHalf));
    let always_signed = RegistrarConfig {
        allow_unsigned: vec!["in-toto".to_owned()],
        ..with_token("a", "1")
    };
    assert!(matches!(error(vec![always_signed]), RulesError::AlwaysSigned(_)));
    let mut no_certificates = config(vec![RegistrarConfig {
        certificate: Some("CN:a".to_owned()),
        ..registrar("a")
    }]);
    no_certificates.tls = None;
    assert!(matches!(
        Authenticator::new(&no_certificates).err(),
        Some(RulesError::NoCertificates(_))
    ));
    let mut nobody = Config::default();
    nobody.auth.restrict_reads = true;
    assert!(matches!(
        Authenticator::new(&nobody).err(),
        Some(RulesError::NobodyReads)
    ));
    let mut missing = config(vec![]);
    missing.auth.jwt = Some(JwtConfig {
        key: PathBuf::from("/nowhere"),
        issuer: String::new(),
        audience: String::new(),
    });
    assert!(Authenticator::new(&missing).is_err());
}
