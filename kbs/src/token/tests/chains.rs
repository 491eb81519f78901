//! Keys in token headers and the certificates that vouch for them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::x5c::X5cError;
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::*;

#[tokio::test]
async fn a_key_with_a_chain_to_a_trusted_root_is_believed() {
    let authority = Authority::new("root");
    let verifier = trusting(&authority).await;
    let result = verifier
        .verify(&Signer::of(&authority).token(&ear()), NOW)
        .await
        .unwrap();
    assert_eq!(result.expires_at(), NOW + 300);
    assert_eq!(result.init_data_claims().unwrap()["aa.toml"], "canary");
    let claims: Value = serde_json::from_str(result.claims_json()).unwrap();
    assert_eq!(claims["submods"]["cpu0"]["ear.status"], "affirming");
}

#[tokio::test]
async fn the_trusted_file_may_hold_a_whole_chain() {
    let (authority, other) = (Authority::new("root"), Authority::new("other"));
    let desk = Desk::new();
    let both = format!("{}{}", other.certificate.pem(), authority.certificate.pem());
    let leaf = Signer::of(&Authority::new("third"));
    let config = AttestationTokenConfig {
        trusted_certs_paths: vec![desk.file("both.pem", &both), desk.file("leaf.pem", &leaf.pem)],
        ..Default::default()
    };
    let verifier = verifier(config).await;
    for signer in [Signer::of(&authority), Signer::of(&other), leaf] {
        assert!(verifier.verify(&signer.token(&ear()), NOW).await.is_ok());
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let authority = Authority::new("root");
    let verifier = trusting(&authority).await;
    // Same name, other key.
    let impostor = Signer::of(&Authority::new("root"));
    assert!(matches!(
        refused(&verifier, &impostor.token(&ear())).await,
        TokenError::Chain(_)
    ));

    // Its own certificate.
    let own = Authority::new("attestation service");
    let key = SigningKey::from_pem(own.key.serialize_pem().as_bytes()).unwrap();
    let self_made = Signer {
        key,
        pem: own.certificate.pem(),
    };
    assert!(matches!(
        refused(&verifier, &self_made.token(&ear())).await,
        TokenError::Chain(_)
    ));

    // No certificate at all.
    let bare = SigningKey::generate_p256().unwrap();
    let header = json!({"alg": "ES256", "jwk": bare.public_jwk()});
    let token = bare.sign_compact(&header, &ear()).unwrap();
    assert!(matches!(
        refused(&verifier, &token).await,
        TokenError::UntrustedHeaderKey
    ));
    let header = json!({"alg": "ES256"});
    let token = bare.sign_compact(&header, &ear()).unwrap();
    assert!(matches!(refused(&verifier, &token).await, TokenError::NoKeyId));
}

#[tokio::test]
async fn a_chain_vouches_for_its_own_key_only() {
    let authority = Authority::new("root");
    let verifier = trusting(&authority).await;
    let honest = Signer::of(&authority);
    // Twice, for the second time the honest chain is remembered.
    for _ in 0..2 {
        let thief = SigningKey::generate_p256().unwrap();
        let mut jwk = serde_json::to_value(thief.public_jwk()).unwrap();
        jwk["x5c"] = serde_json::to_value(honest.jwk()).unwrap()["x5c"].clone();
        let header = json!({"alg": "ES256", "jwk": jwk});
        let token = thief.sign_compact(&header, &ear()).unwrap();
        let refused = refused(&verifier, &token).await;
        assert!(
            matches!(refused, TokenError::Chain(X5cError::AnotherKey)),
            "{refused:?}"
        );
        // The honest key named, the thief's signature.
        let header = json!({"alg": "ES256", "jwk": honest.jwk()});
        let token = thief.sign_compact(&header, &ear()).unwrap();
        assert!(matches!(
            verifier.verify(&token, NOW).await,
            Err(TokenError::Token(_))
        ));
        assert!(verifier.verify(&honest.token(&ear()), NOW).await.is_ok());
    }
}

/// In a process of its own, to which a root is one of the system's.
#[tokio::test]
#[allow(
    clippy::disallowed_methods,
    reason = "the roots of the system are named in the environment of a process"
)]
async fn a_root_of_the_system_vouches_for_no_token() {
    const TOKEN: &str = "KBS_TEST_TOKEN_OF_A_SYSTEM_ROOT";
    if let Ok(path) = std::env::var(TOKEN) {
        let token = fs::read_to_string(path).unwrap();
        let verifier = trusting(&Authority::new("root")).await;
        let refused = refused(&verifier, &token).await;
        assert!(
            matches!(refused, TokenError::Chain(X5cError::Untrusted)),
            "{refused:?}"
        );
        return;
    }
    let (authority, desk) = (Authority::new("of the system"), Desk::new());
    let root = desk.file("root.pem", &authority.certificate.pem());
    let token = desk.file("token", &Signer::of(&authority).token(&ear()));
    let name = "token::tests::chains::a_root_of_the_system_vouches_for_no_token";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env("SSL_CERT_FILE", root)
        .env(TOKEN, token)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn a_leaf_of_the_same_authority_that_is_not_for_signing_is_refused() {
    let authority = Authority::new("root");
    let verifier = trusting(&authority).await;
    let web_server = Signer::with(&authority, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let encipherer = Signer::with(&authority, |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    });
    let intermediate = Signer::with(&authority, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    for signer in [web_server, encipherer, intermediate] {
        assert!(matches!(
            refused(&verifier, &signer.token(&ear())).await,
            TokenError::Chain(_)
        ));
    }
}

#[tokio::test]
async fn a_remembered_chain_is_forgotten_when_it_expires() {
    let authority = Authority::new("root");
    let signer = Signer::with(&authority, |params| {
        params.not_before = date_time_ymd(2027, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 16);
    });
    let verifier = trusting(&authority).await;
    let token = signer.token(&ear());
    for _ in 0..3 {
        assert!(verifier.verify(&token, NOW).await.is_ok());
        assert_eq!(verifier.chains.as_ref().unwrap().len(), 1);
    }
    let later = NOW + 3 * 86_400;
    let mut claims = ear();
    claims["exp"] = json!(later + 300);
    let refused = verifier.verify(&signer.token(&claims), later).await.unwrap_err();
    assert!(matches!(refused, TokenError::Chain(X5cError::Expired)));
    let before = NOW - 30 * 86_400;
    let refused = verifier.verify(&token, before).await.unwrap_err();
    assert!(matches!(refused, TokenError::Chain(X5cError::NotYetValid)));
}

#[tokio::test]
async fn the_memory_of_chains_is_bounded_and_holds_only_good_ones() {
    let authority = Authority::new("root");
    let verifier = trusting(&authority).await;
    let chains = verifier.chains.as_ref().unwrap();
    let impostor = Signer::of(&Authority::new("root"));
    assert!(verifier.verify(&impostor.token(&ear()), NOW).await.is_err());
    assert_eq!(chains.len(), 0);
    for _ in 0..200 {
        let token = Signer::of(&authority).token(&ear());
        assert!(verifier.verify(&token, NOW).await.is_ok());
        assert!((1..=64).contains(&chains.len()));
    }
}

#[tokio::test]
async fn a_certificate_may_be_base64url_too() {
    let authority = Authority::new("root");
    let verifier = trusting(&authority).await;
    let signer = Signer::of(&authority);
    let mut jwk = serde_json::to_value(signer.jwk()).unwrap();
    let der = STANDARD.decode(jwk["x5c"][0].as_str().unwrap()).unwrap();
    jwk["x5c"][0] = json!(URL_SAFE_NO_PAD.encode(der));
    let token = signer
        .key
        .sign_compact(&json!({"alg": "ES256", "jwk": jwk}), &ear())
        .unwrap();
    assert!(verifier.verify(&token, NOW).await.is_ok());
}

#[tokio::test]
async fn only_the_insecure_choice_believes_any_header_key() {
    let config = AttestationTokenConfig {
        insecure_header_jwk: true,
        ..Default::default()
    };
    let verifier = verifier(config).await;
    let bare = SigningKey::generate_p256().unwrap();
    let header = json!({"alg": "ES256", "jwk": bare.public_jwk()});
    let token = bare.sign_compact(&header, &ear()).unwrap();
    assert!(verifier.verify(&token, NOW).await.is_ok());
    let other = SigningKey::generate_p256().unwrap();
    let token = other.sign_compact(&header, &ear()).unwrap();
    assert!(matches!(refused(&verifier, &token).await, TokenError::Token(_)));
}

#[tokio::test]
async fn a_configuration_without_trust_does_not_start() {
    let nothing = TokenVerifier::new(&AttestationTokenConfig::default(), Vec::new()).await;
    assert!(matches!(nothing, Err(TokenSetupError::NothingTrusted)));
    let desk = Desk::new();
    let with_certificates = |path| AttestationTokenConfig {
        trusted_certs_paths: vec![path],
        ..Default::default()
    };
    let missing = TokenVerifier::new(&with_certificates("/nowhere".into()), Vec::new()).await;
    assert!(matches!(missing, Err(TokenSetupError::Read { .. })));
    for garbage in [
        "",
        "garbage",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let config = with_certificates(desk.file("garbage", garbage));
        let refused = TokenVerifier::new(&config, Vec::new()).await;
        assert!(matches!(refused, Err(TokenSetupError::Certificates { .. })));
    }
}
