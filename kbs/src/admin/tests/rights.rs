//! What a believed token opens.

use super::*;

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
            format!("Admin access denied: Role writer not allowed for path {path} with method POST")
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
