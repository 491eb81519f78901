//! Which configurations start, and what they mean.

use std::path::Path;

use super::*;

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
