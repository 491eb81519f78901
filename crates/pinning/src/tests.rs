use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use std::time::Duration;

use super::*;

/// When every certificate of these tests is valid.
const NOW: u64 = 1_795_309_100;

/// A self-signed certificate as `openssl req -x509` makes it: an authority's, without a key usage.
fn plain(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn usual(trusted: &CertificateDer<'static>) -> Arc<dyn ServerCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap()
}

/// Whether a client that is told to trust `trusted` takes `shown` for the server `name` at this time.
fn takes(
    trusted: &CertificateDer<'static>,
    shown: &CertificateDer<'_>,
    name: &str,
    at: u64,
) -> Result<(), Error> {
    let verifier = pinning(usual(trusted), vec![trusted.clone()]);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
    verifier.verify_server_cert(shown, &[], &name, &[], at).map(drop)
}

#[test]
fn the_very_certificate_that_is_trusted_may_be_the_servers_own() {
    let plain = plain("kbs.example");
    let name = ServerName::try_from("kbs.example").unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    let refused = usual(plain.der()).verify_server_cert(plain.der(), &[], &name, &[], at);
    assert!(
        is_authority(&refused.unwrap_err()),
        "without pinning it is refused"
    );
    assert_eq!(takes(plain.der(), plain.der(), "kbs.example", NOW), Ok(()));
}

#[test]
fn a_pinned_certificate_must_be_valid_now_and_have_the_servers_name() {
    let plain = plain("kbs.example");
    let other = takes(plain.der(), plain.der(), "other.example", NOW).unwrap_err();
    assert!(
        matches!(
            other,
            Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })
        ),
        "{other:?}"
    );
    for (at, what) in [
        (NOW + 400 * 86_400, "expired"),
        (NOW - 400 * 86_400, "not yet valid"),
    ] {
        assert!(
            takes(plain.der(), plain.der(), "kbs.example", at).is_err(),
            "{what}"
        );
    }
}

#[test]
fn another_authority_is_not_taken_for_a_server_whoever_signed_it() {
    let (trusted, stranger) = (plain("kbs.example"), plain("kbs.example"));
    assert!(takes(trusted.der(), stranger.der(), "kbs.example", NOW).is_err());

    let mut params = CertificateParams::new(vec!["kbs.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let key = KeyPair::generate().unwrap();
    let below = params.signed_by(&key, &trusted).unwrap();
    let error = takes(trusted.der(), below.der(), "kbs.example", NOW).unwrap_err();
    assert!(
        is_authority(&error),
        "signed by who is trusted, but not pinned: {error:?}"
    );
}

#[test]
fn a_certificate_that_the_trusted_authority_issued_to_a_server_is_taken_as_ever() {
    let trusted = plain("ca.example");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["kbs.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let server = params.signed_by(&key, &trusted).unwrap();
    assert_eq!(takes(trusted.der(), server.der(), "kbs.example", NOW), Ok(()));
    assert!(takes(trusted.der(), server.der(), "other.example", NOW).is_err());
}
