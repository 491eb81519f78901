use std::fs;
use std::path::{Path, PathBuf};

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::signer::SigningKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const NOW: i64 = 1_800_000_000;
const PATH: &str = "/kbs/v0/resource/default/key/1";

/// Keys in files, as an operator has them.
struct Desk {
    dir: TempDir,
    key: SigningKey,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            dir: tempfile::tempdir().unwrap(),
            key: SigningKey::generate_ed25519().unwrap(),
        };
        fs::write(desk.pem(), desk.key.public_key_pem().unwrap()).unwrap();
        desk
    }

    fn pem(&self) -> PathBuf {
        self.dir.path().join("public.pub")
    }

    /// Writes a set of `(kid, key)`.
    fn jwks(&self, keys: &[(&str, &SigningKey)]) -> PathBuf {
        let path = self.dir.path().join("jwks.json");
        let keys: Vec<Value> = keys
            .iter()
            .map(|(kid, key)| serde_json::to_value(key.public_jwk().with_kid(*kid)).unwrap())
            .collect();
        fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
        path
    }

    /// The standard set-up: one provider with a PEM key, one role for everything.
    async fn standard(&self) -> Admin {
        let provider = json!({
            "issuer": "TrusteeInDocker", "audience": "KBS", "public_key_uri": self.pem(),
        });
        roles(&[provider], &[("admin", "^/kbs/.*$")]).await.unwrap()
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        sign(&self.key, &json!({"alg": "EdDSA", "typ": "JWT"}), &claims)
    }
}

/// The claims of the tokens that existing set-ups issue.
fn claims() -> Value {
    json!({
        "iss": "TrusteeInDocker", "sub": "admin", "aud": ["KBS"], "role": "admin",
        "iat": NOW - 10, "exp": NOW + 300,
    })
}

fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    key.sign_compact(header, claims).unwrap()
}

async fn roles(providers: &[Value], acls: &[(&str, &str)]) -> Result<Admin, AdminSetupError> {
    let acls: Vec<Value> = acls
        .iter()
        .map(|(role, endpoints)| json!({"role": role, "allowed_endpoints": endpoints}))
        .collect();
    let config = json!({
        "authorization_mode": "AuthenticatedAuthorization",
        "authentication": {"bearer_jwt": {"identity_providers": providers}},
        "authorization": {"regex_acl": {"acls": acls}},
    });
    Admin::new(&serde_json::from_value(config).unwrap()).await
}

async fn admin(config: Value) -> Result<Admin, AdminSetupError> {
    Admin::new(&serde_json::from_value(config).unwrap()).await
}

async fn ask(admin: &Admin, path: &str, token: &str) -> Result<AdminGrant, AdminError> {
    let header = format!("Bearer {token}");
    admin.authorize(&Method::POST, path, Some(&header), NOW).await
}

fn text(refused: Result<AdminGrant, AdminError>) -> String {
    refused.unwrap_err().to_string()
}

const NOT_VERIFIED: &str = "Admin access denied: Cannot verify token with any of the issuers";

#[tokio::test]
async fn without_configuration_everybody_is_denied() {
    let desk = Desk::new();
    for config in [json!({}), json!({"authorization_mode": "DenyAll"})] {
        let admin = admin(config).await.unwrap();
        for header in [None, Some(format!("Bearer {}", desk.token(|_| ())))] {
            let refused = admin
                .authorize(&Method::GET, PATH, header.as_deref(), NOW)
                .await
                .unwrap_err();
            assert!(!refused.is_unauthenticated());
            assert_eq!(
                refused.to_string(),
                "Admin access denied: Admin access denied as DenyAll authorization_mode is enabled"
            );
        }
    }
    assert!(Admin::new(&AdminConfig::default()).await.is_ok());
}

#[tokio::test]
async fn only_the_insecure_mode_lets_everybody_in() {
    let admin = admin(json!({"authorization_mode": "InsecureAllowAll"}))
        .await
        .unwrap();
    assert!(admin.authorize(&Method::DELETE, PATH, None, NOW).await.is_ok());
}

#[tokio::test]
async fn a_signed_token_with_the_role_is_granted() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    assert_eq!(
        ask(&admin, PATH, &desk.token(|_| ())).await.unwrap().role(),
        "admin"
    );
    let one_audience = desk.token(|claims| claims["aud"] = json!("KBS"));
    assert!(ask(&admin, PATH, &one_audience).await.is_ok());
    let scheme = format!("bEARER {one_audience}");
    assert!(
        admin
            .authorize(&Method::POST, PATH, Some(&scheme), NOW)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn no_credential_is_told_apart_from_a_bad_one() {
    let admin = Desk::new().standard().await;
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Basic YWRtaW46YWRtaW4="),
        Some("token"),
    ] {
        let refused = admin
            .authorize(&Method::POST, PATH, header, NOW)
            .await
            .unwrap_err();
        assert!(refused.is_unauthenticated());
        assert_eq!(
            refused.to_string(),
            "Failed to parse HTTP Auth Bearer header",
            "{header:?}"
        );
    }
    for token in ["", "x", "a.b.c", "a.b.c.d"] {
        assert_eq!(text(ask(&admin, PATH, token).await), NOT_VERIFIED, "{token:?}");
    }
}

#[tokio::test]
async fn times_issuer_and_audience_are_checked() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let with = |name: &'static str, value: Value| desk.token(|claims| claims[name] = value);
    assert!(ask(&admin, PATH, &with("exp", json!(NOW - 59))).await.is_ok());
    assert!(ask(&admin, PATH, &with("nbf", json!(NOW + 60))).await.is_ok());
    let refused = [
        with("exp", json!(NOW - 60)),
        with("exp", Value::Null),
        with("exp", json!("never")),
        desk.token(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        with("nbf", json!(NOW + 61)),
        with("iat", json!(NOW + 61)),
        with("iss", json!("SomebodyElse")),
        with("iss", Value::Null),
        with("aud", json!(["OtherKBS"])),
        with("aud", json!("KBS2")),
        with("aud", json!([])),
    ];
    for token in refused {
        let refused = ask(&admin, PATH, &token).await.unwrap_err();
        assert!(refused.is_unauthenticated());
        assert_eq!(refused.to_string(), NOT_VERIFIED);
    }
}

#[tokio::test]
async fn a_foreign_or_changed_signature_is_refused() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let foreign = sign(&Desk::new().key, &json!({"alg": "EdDSA"}), &claims());
    assert_eq!(text(ask(&admin, PATH, &foreign).await), NOT_VERIFIED);
    let token = desk.token(|_| ());
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[0] ^= 1;
    let changed = format!("{rest}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(text(ask(&admin, PATH, &changed).await), NOT_VERIFIED);
    let other_claims = desk.token(|claims| claims["role"] = json!("root"));
    let payload = other_claims.split('.').nth(1).unwrap();
    let header = token.split('.').next().unwrap();
    let spliced = format!("{header}.{payload}.{signature}");
    assert_eq!(text(ask(&admin, PATH, &spliced).await), NOT_VERIFIED);
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_not_the_headers() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    for alg in ["none", "None", "HS256", "HS384", "ES256", "ES384", "RS256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
        let input = format!("{header}.{payload}");
        // What a library that takes the public key for a shared secret would accept.
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &fs::read(desk.pem()).unwrap());
        let tag = ring::hmac::sign(&secret, input.as_bytes());
        for signature in [String::new(), URL_SAFE_NO_PAD.encode(tag.as_ref())] {
            assert_eq!(
                text(ask(&admin, PATH, &format!("{input}.{signature}")).await),
                NOT_VERIFIED,
                "{alg}"
            );
        }
        let own = sign(&desk.key, &json!({ "alg": alg }), &claims());
        assert_eq!(text(ask(&admin, PATH, &own).await), NOT_VERIFIED, "{alg}");
    }
}

#[tokio::test]
async fn a_key_that_the_token_brings_is_never_trusted() {
    let desk = Desk::new();
    let key = SigningKey::generate_p256().unwrap();
    let jwks = desk.jwks(&[("k1", &key)]);
    let provider = json!({"jwk_set_uri": jwks, "public_key_uri": desk.pem()});
    let admin = roles(&[provider], &[("admin", "^/kbs/.*$")]).await.unwrap();
    let own = SigningKey::generate_p256().unwrap();
    for kid in [json!(null), json!("k1"), json!("other")] {
        let header = json!({"alg": "ES256", "kid": kid, "jwk": own.public_jwk()});
        assert_eq!(
            text(ask(&admin, PATH, &sign(&own, &header, &claims())).await),
            NOT_VERIFIED
        );
    }
}

#[tokio::test]
async fn a_key_set_is_used_by_key_id_only() {
    let desk = Desk::new();
    let (first, second) = (
        SigningKey::generate_p256().unwrap(),
        SigningKey::generate_ed25519().unwrap(),
    );
    let jwks = desk.jwks(&[("first", &first), ("second", &second)]);
    let uri = format!("file://{}", jwks.display());
    let admin = roles(&[json!({ "jwk_set_uri": uri })], &[("admin", "^/kbs/.*$")])
        .await
        .unwrap();
    let ask = async |key: &SigningKey, header: Value| ask(&admin, PATH, &sign(key, &header, &claims())).await;
    assert!(ask(&first, json!({"alg": "ES256", "kid": "first"})).await.is_ok());
    assert!(
        ask(&second, json!({"alg": "EdDSA", "kid": "second"}))
            .await
            .is_ok()
    );
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": "unknown"}),
        json!({"alg": "ES256", "kid": "second"}),
        json!({"alg": "ES384", "kid": "first"}),
        json!({"alg": "ES256", "kid": ""}),
    ] {
        assert_eq!(text(ask(&first, header.clone()).await), NOT_VERIFIED, "{header}");
    }
}

#[tokio::test]
async fn providers_are_tried_in_order() {
    let (one, two) = (Desk::new(), Desk::new());
    let providers = [
        json!({"issuer": "other", "public_key_uri": two.pem()}),
        json!({"issuer": "TrusteeInDocker", "public_key_uri": one.pem()}),
    ];
    let admin = roles(&providers, &[("admin", "^/kbs/.*$")]).await.unwrap();
    assert!(ask(&admin, PATH, &one.token(|_| ())).await.is_ok());
    // Another provider's issuer does not borrow this one's key.
    assert_eq!(text(ask(&admin, PATH, &two.token(|_| ())).await), NOT_VERIFIED);
    let own = two.token(|claims| claims["iss"] = json!("other"));
    assert!(ask(&admin, PATH, &own).await.is_ok());
}

#[tokio::test]
async fn a_token_without_a_role_has_no_rights() {
    let desk = Desk::new();
    let admin = desk.standard().await;
    let long = "r".repeat(257);
    for role in [Value::Null, json!(1), json!(["admin"]), json!(long)] {
        let refused = ask(&admin, PATH, &desk.token(|claims| claims["role"] = role))
            .await
            .unwrap_err();
        assert!(!refused.is_unauthenticated());
        assert_eq!(
            refused.to_string(),
            "Admin access denied: Failed to parse claims from token: Missing required `role` claim in JWT"
        );
    }
}

#[tokio::test]
async fn a_role_reaches_what_its_rules_open_and_nothing_else() {
    let desk = Desk::new();
    let acls = [
        ("writer", "^/kbs/v0/resource/public/[^/]+/[^/]+$"),
        ("operator", "^/kbs/v0/(resource-policy|attestation-policy)$"),
    ];
    let admin = roles(&[json!({"public_key_uri": desk.pem()})], &acls)
        .await
        .unwrap();
    let writer = desk.token(|claims| claims["role"] = json!("writer"));
    let ask = async |path: &str| ask(&admin, path, &writer).await;
    assert!(ask("/kbs/v0/resource/public/a/b").await.is_ok());
    for path in [
        "/kbs/v0/resource/secret/a/b",
        "/kbs/v0/resource-policy",
        "/kbs/v0/resource/public/a/b/c",
    ] {
        let refused = ask(path).await.unwrap_err();
        assert!(!refused.is_unauthenticated());
        assert_eq!(
            refused.to_string(),
            format!("Admin access denied: Role writer not allowed for path {path}")
        );
    }
}

#[tokio::test]
async fn a_query_or_an_odd_path_opens_nothing() {
    let desk = Desk::new();
    let acls = [("admin", "^/kbs/v0/resource/.*public$")];
    let admin = roles(&[json!({"public_key_uri": desk.pem()})], &acls)
        .await
        .unwrap();
    let single = admin_with_single_key(&desk).await;
    let token = desk.token(|_| ());
    assert!(ask(&admin, "/kbs/v0/resource/a/b/public", &token).await.is_ok());
    for path in [
        "/kbs/v0/resource/a/b/secret?x=/public",
        "/kbs/v0/resource/a/b/secret#/public",
        "/kbs/v0/resource/a/b/secret;x=/public",
        "/kbs/v0/resource/a/b/%2e%2e/public",
        "/kbs/v0/resource/a%2Fb%2Fpublic",
        "/kbs/v0/resource/../resource/public",
        "/kbs/v0/resource/./public",
        "/kbs/v0/resource//public",
        "//kbs/v0/resource/public",
        "/kbs/v0/resource/a\\b\\public",
        "/kbs/v0/resource/a\0/public",
        "http://host/kbs/v0/resource/a/public",
    ] {
        assert!(
            matches!(ask(&admin, path, &token).await, Err(AdminError::OddPath)),
            "{path}"
        );
        assert!(
            matches!(ask(&single, path, &token).await, Err(AdminError::OddPath)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_empty_access_list_denies() {
    let desk = Desk::new();
    let admin = roles(&[json!({"public_key_uri": desk.pem()})], &[])
        .await
        .unwrap();
    let refused = ask(&admin, PATH, &desk.token(|_| ())).await;
    assert!(matches!(refused, Err(AdminError::NotAllowed { .. })));
}

async fn admin_with_single_key(desk: &Desk) -> Admin {
    admin(json!({ "auth_public_key": desk.pem() })).await.unwrap()
}

#[tokio::test]
async fn the_older_single_key_needs_no_role_but_an_expiry() {
    let desk = Desk::new();
    let admin = admin_with_single_key(&desk).await;
    let plain = sign(&desk.key, &json!({"alg": "EdDSA"}), &json!({"exp": NOW + 60}));
    assert_eq!(ask(&admin, PATH, &plain).await.unwrap().role(), "admin");
    let refused = [
        sign(&desk.key, &json!({"alg": "EdDSA"}), &json!({"iat": NOW})),
        sign(&desk.key, &json!({"alg": "EdDSA"}), &json!({"exp": NOW - 60})),
        sign(
            &Desk::new().key,
            &json!({"alg": "EdDSA"}),
            &json!({"exp": NOW + 60}),
        ),
    ];
    for token in refused {
        assert_eq!(text(ask(&admin, PATH, &token).await), NOT_VERIFIED);
    }
    let none = admin.authorize(&Method::POST, PATH, None, NOW).await;
    assert!(matches!(none, Err(AdminError::NoBearer)));
}

#[tokio::test]
async fn a_configuration_that_leaves_a_doubt_does_not_start() {
    let desk = Desk::new();
    let bearer = |provider: Value| json!({"bearer_jwt": {"identity_providers": [provider]}});
    let acl = json!({"regex_acl": {"acls": [{"role": "a", "allowed_endpoints": "^/kbs/.*$"}]}});
    let provider = json!({"public_key_uri": desk.pem()});
    let mode = "AuthenticatedAuthorization";
    let garbage = desk.dir.path().join("garbage");
    fs::write(&garbage, "garbage").unwrap();
    let refused = [
        json!({ "authorization_mode": mode }),
        json!({"authorization_mode": mode, "authentication": bearer(provider.clone())}),
        json!({"authorization_mode": mode, "authorization": acl}),
        json!({"authorization_mode": mode, "authorization": acl,
            "authentication": {"bearer_jwt": {"identity_providers": []}}}),
        json!({"authorization_mode": mode, "authorization": acl, "authentication": bearer(json!({}))}),
        json!({"authorization_mode": mode, "authorization": acl,
            "authentication": bearer(json!({"public_key_uri": "/nowhere"}))}),
        json!({"authorization_mode": mode, "authorization": acl,
            "authentication": bearer(json!({ "public_key_uri": garbage }))}),
        json!({"authorization_mode": mode, "authorization": acl,
            "authentication": bearer(json!({ "jwk_set_uri": garbage }))}),
        json!({"authorization_mode": mode, "authorization": acl,
            "authentication": bearer(json!({"jwk_set_uri": "http://127.0.0.1/jwks"}))}),
        json!({"authorization_mode": mode, "authentication": bearer(provider),
            "authorization": {"regex_acl": {"acls": [{"role": "a", "allowed_endpoints": "^/kbs/a|b$"}]}}}),
        json!({"authorization_mode": "DenyAll", "auth_public_key": desk.pem()}),
        json!({"auth_public_key": "/nowhere"}),
        json!({ "auth_public_key": garbage }),
    ];
    for config in refused {
        assert!(admin(config.clone()).await.is_err(), "{config}");
    }
}

#[test]
fn unknown_keys_and_modes_are_errors() {
    for config in [
        json!({"authorization_mode": "insecureallowall"}),
        json!({"authorization_mode": "AllowAll"}),
        json!({"authorisation_mode": "DenyAll"}),
        json!({"authentication": {"bearer_jwt": {"identity_providers": [{"public_key": "x"}]}}}),
        json!({"authorization": {"regex_acl": {"acls": [{"role": "a", "allowed_endpoints": "x", "x": 1}]}}}),
    ] {
        assert!(
            serde_json::from_value::<AdminConfig>(config.clone()).is_err(),
            "{config}"
        );
    }
}

#[test]
fn a_key_file_may_be_named_by_path_or_by_uri() {
    use crate::token::source::Source;
    let path = Path::new("/etc/kbs/public.pub");
    for text in ["/etc/kbs/public.pub", "file:///etc/kbs/public.pub"] {
        assert!(matches!(Source::parse(text, false), Ok(Source::File(found)) if found == path));
    }
    for text in [
        "",
        "ftp://host/x",
        "file://",
        "http://host/x",
        "https://user:password@host/x",
    ] {
        let refused = Source::parse(text, false).unwrap_err();
        assert!(!refused.to_string().contains("password"), "{text}");
    }
}
