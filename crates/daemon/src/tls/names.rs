//! OpenSSL's names of cipher suites and groups.
//!
//! Suites: `openssl ciphers -V`, and the names of the IANA TLS registry. Groups: `SSL_CTX_set1_groups_list(3)`.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{cipher_suite as suite, kx_group as group};
use rustls::{ProtocolVersion, SupportedCipherSuite};

use super::TlsError;

const SUITES: &[(&str, &str, SupportedCipherSuite)] = &[
    (
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_256_GCM_SHA384",
        suite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_128_GCM_SHA256",
        suite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Parts of OpenSSL suite names that mark what rustls leaves out on purpose: CBC, CCM, ARIA and Camellia
/// modes, and key exchange by RSA or finite field Diffie-Hellman.
const LEFT_OUT_PREFIXES: &[&str] = &[
    "DHE-",
    "AES128-",
    "AES256-",
    "DES-CBC3-",
    "ECDHE-ECDSA-",
    "ECDHE-RSA-",
    "TLS_AES_128_CCM_",
];

const GROUPS: &[(&[&str], &dyn SupportedKxGroup)] = &[
    (&["X25519"], group::X25519),
    (&["secp256r1", "P-256", "prime256v1"], group::SECP256R1),
    (&["secp384r1", "P-384"], group::SECP384R1),
];

const LEFT_OUT_GROUPS: &[&str] = &[
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
    "X448MLKEM1024",
    "MLKEM512",
    "MLKEM768",
    "MLKEM1024",
    "X448",
    "secp521r1",
    "P-521",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
];

/// What of a configured list there is, and one warning for what is left out.
pub(super) type Chosen<T> = (Vec<T>, Option<String>);

/// The suites of a colon separated list, in its order. Each enabled version has at least one.
pub(super) fn suites(
    list: &str,
    versions: &[ProtocolVersion],
) -> Result<Chosen<SupportedCipherSuite>, TlsError> {
    let known = |name: &str| {
        let found = SUITES
            .iter()
            .find(|(openssl, iana, _)| is(name, openssl) || is(name, iana));
        found.map(|(_, _, suite)| *suite)
    };
    let left_out = |name: &str| {
        let name = name.to_ascii_uppercase();
        LEFT_OUT_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && name.contains(['-', '_'])
    };
    let available = || SUITES.iter().map(|(openssl, ..)| *openssl).collect::<Vec<_>>();
    let (suites, warning) = choose("cipher suite", list, &[':', ' ', ','], known, left_out, available)?;
    for (version, name) in [
        (ProtocolVersion::TLSv1_2, "1.2"),
        (ProtocolVersion::TLSv1_3, "1.3"),
    ] {
        if versions.contains(&version) && !suites.iter().any(|suite| suite.version().version == version) {
            return Err(TlsError::NoSuiteFor { version: name });
        }
    }
    Ok((suites, warning))
}

/// The groups of a colon separated list, in its order. `auto` stands for all there are.
pub(super) fn groups(list: &str) -> Result<Chosen<&'static dyn SupportedKxGroup>, TlsError> {
    if is(list.trim(), "auto") {
        return Ok((GROUPS.iter().map(|(_, group)| *group).collect(), None));
    }
    let known = |name: &str| {
        let found = GROUPS
            .iter()
            .find(|(names, _)| names.iter().any(|known| is(name, known)));
        found.map(|(_, group)| *group)
    };
    let left_out = |name: &str| LEFT_OUT_GROUPS.iter().any(|known| is(name, known));
    let available = || {
        GROUPS
            .iter()
            .filter_map(|(names, _)| names.first().copied())
            .collect::<Vec<_>>()
    };
    choose("group", list, &[':', '/'], known, left_out, available)
}

fn choose<T>(
    kind: &'static str,
    list: &str,
    separators: &[char],
    known: impl Fn(&str) -> Option<T>,
    left_out: impl Fn(&str) -> bool,
    available: impl Fn() -> Vec<&'static str>,
) -> Result<Chosen<T>, TlsError> {
    let mut chosen = Vec::new();
    let mut missing = Vec::new();
    for name in list
        .split(separators)
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        match known(name) {
            Some(item) => chosen.push(item),
            None if left_out(name) => missing.push(name),
            None => {
                return Err(TlsError::UnknownName {
                    kind,
                    name: name.to_owned(),
                    hint: match kind == "cipher suite" && is_expression(name) {
                        true => EXPRESSION,
                        false => "",
                    },
                    available: available().join(":"),
                });
            }
        }
    }
    if chosen.is_empty() {
        return Err(TlsError::NoneAvailable {
            kind,
            list: list.to_owned(),
            available: available().join(":"),
        });
    }
    let warning = (!missing.is_empty()).then(|| {
        format!(
            "TLS {kind}s that this build does not offer are left out: {}",
            missing.join(":")
        )
    });
    Ok((chosen, warning))
}

/// What to say of a part of an expression.
const EXPRESSION: &str = ": it looks like part of an expression of OpenSSL (`HIGH:!aNULL`, `ECDHE+AESGCM`), and only names are \
                          understood here. Nothing weak is among them, so it can be left out";

/// Whether this is a keyword or an operator of `openssl-ciphers(1)`, rather than the name of a suite: those have
/// several parts.
fn is_expression(name: &str) -> bool {
    name.starts_with(['!', '+', '-', '@']) || name.contains('+') || !name.contains(['-', '_', '.'])
}

fn is(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{CipherSuite, NamedGroup};

    const BOTH: &[ProtocolVersion] = &[ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3];

    #[test]
    fn suites_keep_their_order_under_either_name() {
        let list =
            "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES256-GCM-SHA384:TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        let (suites, warning) = suites(list, BOTH).unwrap();
        let names: Vec<_> = suites.iter().map(SupportedCipherSuite::suite).collect();
        assert_eq!(
            names,
            [
                CipherSuite::TLS13_AES_128_GCM_SHA256,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            ]
        );
        assert!(warning.is_none());
    }

    #[test]
    fn weak_suites_are_left_out_and_unknown_ones_refused() {
        let list = "ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA";
        let (chosen, warning) = suites(list, &[ProtocolVersion::TLSv1_2]).unwrap();
        assert_eq!(chosen.len(), 1);
        assert!(
            warning
                .unwrap()
                .ends_with("DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA")
        );
        assert!(
            matches!(suites("HIGH:!aNULL", BOTH), Err(TlsError::UnknownName { name, .. }) if name == "HIGH")
        );
        for (list, part) in [("HIGH:!aNULL", "`HIGH`"), ("ECDHE+AESGCM", "`ECDHE+AESGCM`")] {
            let refused = suites(list, BOTH).err().unwrap().to_string();
            for told in [part, "expression", "ECDHE-RSA-AES256-GCM-SHA384"] {
                assert!(refused.contains(told), "{refused}");
            }
        }
        let typo = suites("ECDHE-RSB-AES256-GCM-SHA384", BOTH)
            .err()
            .unwrap()
            .to_string();
        assert!(!typo.contains("expression"), "{typo}");
        assert!(matches!(
            suites("AES256-SHA", BOTH),
            Err(TlsError::NoneAvailable { .. })
        ));
        assert!(matches!(suites("", BOTH), Err(TlsError::NoneAvailable { .. })));
    }

    #[test]
    fn a_list_without_a_suite_for_an_enabled_version_is_refused() {
        let list = "TLS_AES_256_GCM_SHA384";
        assert!(matches!(
            suites(list, BOTH),
            Err(TlsError::NoSuiteFor { version: "1.2" })
        ));
        suites(list, &[ProtocolVersion::TLSv1_3]).unwrap();
    }

    #[test]
    fn post_quantum_groups_fall_back_to_the_classical_ones() {
        let (chosen, warning) = groups("X25519MLKEM768:X25519:prime256v1").unwrap();
        let names: Vec<_> = chosen.iter().map(|group| group.name()).collect();
        assert_eq!(names, [NamedGroup::X25519, NamedGroup::secp256r1]);
        assert!(warning.unwrap().ends_with("X25519MLKEM768"));
        assert_eq!(groups("auto").unwrap().0.len(), 3);
    }

    #[test]
    fn unknown_groups_and_lists_of_none_are_refused() {
        assert!(
            matches!(groups("X25519:curve9"), Err(TlsError::UnknownName { name, .. }) if name == "curve9")
        );
        let refused = groups("X25519:curve_9").err().unwrap().to_string();
        assert!(
            refused.ends_with("there are: X25519:secp256r1:secp384r1"),
            "{refused}"
        );
        assert!(matches!(
            groups("X25519MLKEM768"),
            Err(TlsError::NoneAvailable { .. })
        ));
    }
}
