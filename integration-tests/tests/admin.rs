//! Who may change or list something, in each mode of `[admin]`.

use daemon::clock::{Clock, SystemClock};
use jose::signer::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::{Guest, assert_refused};
use crate::owner::ALLOW_ALL;
use crate::stack::{Setup, TestStack, write};

/// Every verb that changes or shows something.
const VERBS: [(&str, &str); 29] = [
    ("POST", "resource/a/b/c"),
    ("DELETE", "resource/a/b/c"),
    ("GET", "resource"),
    ("POST", "resource-policy"),
    ("GET", "resource-policy"),
    ("GET", "resource-policy/resource-policy"),
    ("PUT", "resource-policy/keys"),
    ("DELETE", "resource-policy/keys"),
    ("GET", "resource-policy/resource-policy/history"),
    ("GET", "resource-policy/resource-policy/version/1"),
    ("POST", "resource-policy/resource-policy/rollback"),
    ("POST", "attestation-policy"),
    ("GET", "attestation-policy"),
    ("GET", "attestation-policy/default_cpu"),
    ("GET", "attestation-policy/default_cpu/history"),
    ("GET", "attestation-policy/default_cpu/version/1"),
    ("DELETE", "attestation-policy/default_cpu"),
    ("POST", "attestation-policy/default_cpu/rollback"),
    ("POST", "reference-value"),
    ("GET", "reference-value"),
    ("GET", "reference-value/svn"),
    ("GET", "reference-value-history/svn"),
    ("DELETE", "reference-value/svn"),
    ("POST", "reference-value/svn/revoke"),
    ("POST", "policy-test"),
    ("GET", "decisions"),
    ("GET", "decisions/6921aabc-3f9c2e81d04b7a55"),
    ("GET", "sample/x"),
    ("POST", "sample/x"),
];

async fn with_admin(admin: &str) -> TestStack {
    TestStack::with(Setup {
        admin: Some(admin.to_owned()),
        ..Setup::default()
    })
    .await
}

/// A body that would change something if it were let through.
fn harmful(path: &str) -> String {
    match path {
        "resource-policy" => {
            json!({"policy": "cGFja2FnZSBwb2xpY3kKZGVmYXVsdCBhbGxvdyA9IHRydWUK"}).to_string()
        }
        "resource-policy/keys" => {
            json!({"policy": "cGFja2FnZSBwb2xpY3kKZGVmYXVsdCBhbGxvdyA9IGZhbHNlCg", "scope": "a"}).to_string()
        }
        "resource-policy/resource-policy/rollback" | "attestation-policy/default_cpu/rollback" => {
            json!({"version": 1}).to_string()
        }
        "attestation-policy" => {
            json!({"policy_id": "default_cpu", "policy": "cGFja2FnZSBwb2xpY3kK"}).to_string()
        }
        _ => integration_tests::vouch::register_message(&json!({"svn": ["planted"]})),
    }
}

#[tokio::test]
async fn without_an_admin_section_nobody_administers() {
    let stack = with_admin("").await;
    for (method, path) in VERBS {
        let method: Method = method.parse().unwrap();
        let path = format!("/kbs/v0/{path}");
        let body = harmful(path.trim_start_matches("/kbs/v0/"));
        assert_refused(
            stack.send(method.clone(), &path, &*body).await,
            403,
            "AdminAuthAccess",
        )
        .await;
        assert_refused(stack.as_owner(method, &path, body).await, 403, "AdminAuthAccess").await;
    }
    assert_eq!(stack.stored("a/b/c"), None);
}

#[tokio::test]
async fn every_verb_refuses_none_an_expired_a_foreign_and_an_attestation_credential_and_changes_nothing() {
    let stack = TestStack::start().await;
    stack.release_by(ALLOW_ALL).await;
    stack.store("kept/key/one", b"s").await;
    let before = [
        stack.shown("/kbs/v0/resource").await,
        stack.shown("/kbs/v0/resource-policy?details=true").await,
        stack.shown("/kbs/v0/resource-policy/resource-policy").await,
        stack.shown("/kbs/v0/attestation-policy").await,
        stack.shown("/kbs/v0/reference-value").await,
    ];
    let guest = Guest::sample(&stack);
    let (session, attestation) = guest.handshake().await;
    let now = SystemClock.now();
    let header = json!({"alg": "EdDSA", "typ": "JWT"});
    let claims =
        |exp: i64| json!({"iss": "owner", "aud": ["KBS"], "role": "admin", "iat": now - 300, "exp": exp});
    let foreign = SigningKey::generate_ed25519().unwrap();
    let with_own_key = json!({"alg": "EdDSA", "jwk": foreign.public_jwk()});
    let credentials = [
        (
            "expired",
            stack.admin.sign_compact(&header, &claims(now - 61)).unwrap(),
        ),
        (
            "endless",
            stack
                .admin
                .sign_compact(&header, &json!({"role": "admin"}))
                .unwrap(),
        ),
        (
            "foreign",
            foreign.sign_compact(&header, &claims(now + 60)).unwrap(),
        ),
        (
            "foreign with its key in the header",
            foreign.sign_compact(&with_own_key, &claims(now + 60)).unwrap(),
        ),
        ("attestation token", attestation),
        ("garbage", "abc".to_owned()),
    ];
    for (method, path) in VERBS {
        let method: Method = method.parse().unwrap();
        let (body, path) = (harmful(path), format!("/kbs/v0/{path}"));
        let none = stack
            .http
            .request(method.clone(), format!("{}{path}", stack.kbs))
            .body(body.clone());
        let none = none.header("cookie", &session.cookie).send().await.unwrap();
        assert_refused(none, 401, "AdminAuthAccess").await;
        for (name, credential) in &credentials {
            let answer = stack.send_with(method.clone(), &path, credential, &*body).await;
            assert_eq!(answer.status(), 401, "{method} {path} with {name}");
            assert_refused(answer, 401, "AdminAuthAccess").await;
        }
    }
    let after = [
        stack.shown("/kbs/v0/resource").await,
        stack.shown("/kbs/v0/resource-policy?details=true").await,
        stack.shown("/kbs/v0/resource-policy/resource-policy").await,
        stack.shown("/kbs/v0/attestation-policy").await,
        stack.shown("/kbs/v0/reference-value").await,
    ];
    assert_eq!(before, after);
}

#[tokio::test]
async fn deny_all_denies_and_insecure_allow_all_allows() {
    let stack = with_admin("authorization_mode = \"DenyAll\"").await;
    let answer = stack.as_owner(Method::POST, "/kbs/v0/resource/a/b/c", "s").await;
    assert_refused(answer, 403, "AdminAuthAccess").await;
    let stack = with_admin("authorization_mode = \"InsecureAllowAll\"").await;
    let answer = stack.send(Method::POST, "/kbs/v0/resource/a/b/c", "s").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(stack.stored("a/b/c").as_deref(), Some(&b"s"[..]));
}

/// A stack with roles, and a way to make their tokens.
async fn with_roles(rules: &str) -> (TestStack, impl Fn(Value) -> String) {
    let key = SigningKey::generate_ed25519().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "roles.pub", &key.public_key_pem().unwrap());
    let admin = format!(
        "authorization_mode = \"AuthenticatedAuthorization\"\n\
         [admin.authentication.bearer_jwt]\n\
         identity_providers = [{{ public_key_uri = \"file://{}\", issuer = \"us\", audience = \"KBS\" }}]\n\
         [admin.authorization.regex_acl]\nacls = [{rules}]\n",
        file.display()
    );
    let stack = with_admin(&admin).await;
    let token = move |claims: Value| {
        let mut all = json!({"iss": "us", "aud": ["KBS"], "exp": SystemClock.now() + 60});
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        key.sign_compact(&json!({"alg": "EdDSA"}), &all).unwrap()
    };
    (stack, token)
}

const RULES: &str = "{ role = \"public\", allowed_endpoints = \"^/kbs/v0/resource/[^/]+/[^/]+/public$\" }, \
    { role = \"reader\", allowed_endpoints = \"^/kbs/v0/.*$\", allowed_methods = [\"GET\"] }";

#[tokio::test]
async fn a_role_may_do_what_its_rule_says_and_nothing_else() {
    let (stack, token) = with_roles(RULES).await;
    let (public, reader) = (token(json!({"role": "public"})), token(json!({"role": "reader"})));
    let post = |path: &'static str, token: String| {
        let stack = &stack;
        async move { stack.send_with(Method::POST, path, &token, "s").await }
    };
    assert_eq!(
        post("/kbs/v0/resource/a/b/public", public.clone()).await.status(),
        200
    );
    for path in [
        "/kbs/v0/resource/a/b/secret",
        "/kbs/v0/resource-policy",
        "/kbs/v0/resource/a/b/c/public",
    ] {
        assert_refused(post(path, public.clone()).await, 403, "AdminAuthAccess").await;
    }
    assert_refused(
        post("/kbs/v0/resource/a/b/public", reader.clone()).await,
        403,
        "AdminAuthAccess",
    )
    .await;
    let answer = stack
        .send_with(Method::GET, "/kbs/v0/resource", &reader, "")
        .await;
    assert_eq!(answer.json::<Value>().await.unwrap(), json!(["a/b/public"]));

    for (claims, status) in [
        (json!({"role": "nobody"}), 403),
        (json!({"role": ["public"]}), 403),
        (json!({}), 403),
        (json!({"role": "public", "iss": "them"}), 401),
        (json!({"role": "public", "aud": ["other"]}), 401),
        (json!({"role": "public", "exp": 1}), 401),
    ] {
        let answer = post("/kbs/v0/resource/a/b/public", token(claims)).await;
        assert_refused(answer, status, "AdminAuthAccess").await;
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_around_a_rule() {
    let (stack, token) = with_roles(RULES).await;
    let authorization = [format!(
        "authorization: Bearer {}",
        token(json!({"role": "public"}))
    )];
    let address = stack.kbs_address();
    for target in [
        "/kbs/v0/resource/a/b/secret?x=/public",
        "/kbs/v0/resource/a/b/secret?/kbs/v0/resource/a/b/public",
        "/kbs/v0/resource/a/b/secret%3Fx=/kbs/v0/resource/a/b/public",
        "/kbs/v0/resource/a/b/secret%23/public",
        "/kbs/v0/resource/a/b/public/../secret",
        "/kbs/v0/resource/a/b/public/%2e%2e/secret",
        "/kbs/v0/resource/a/b/public%2F..%2Fsecret",
        "/kbs/v0/resource/a/b/public%2F%2e%2e%2fsecret",
        "/kbs/v0/resource/a/b/secret;/public",
        "/kbs/v0/resource/a/b/public;x=/secret",
        "/kbs/v0/resource/a//b/public",
        "//kbs/v0/resource/a/b/public",
        "/kbs/v0//resource/a/b/public",
        "/kbs/v0/resource/a/b/public/",
        "/kbs/v0/resource/a/b/public%0a",
        "/kbs/v0/resource/a/b/public%00",
        "/kbs/v0/resource/a%5cb/c/public",
        "/kbs/v0/resource-policy?/resource/a/b/public",
        "http://elsewhere/kbs/v0/resource/a/b/secret?/public",
        "/KBS/v0/resource/a/b/public",
    ] {
        let answer = crate::raw::request(address, "POST", target, &authorization, "s").await;
        assert!(matches!(answer.status, 400 | 403 | 404), "{target}: {answer:?}");
    }
    let files = std::fs::read_dir(stack.resource_folder())
        .map(Iterator::count)
        .unwrap_or_default();
    assert_eq!(files, 0, "something was written");

    // The same resource, spelt otherwise, is still the same resource.
    for target in [
        "http://elsewhere/kbs/v0/resource/a/b/public",
        "/kbs/v0/resource/a%2Fb/%70ublic",
    ] {
        let answer = crate::raw::request(address, "POST", target, &authorization, "s").await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
    }
    assert_eq!(stack.stored("a/b/public").as_deref(), Some(&b"s"[..]));
}

#[tokio::test]
async fn rules_that_could_match_more_than_they_say_stop_the_start() {
    for pattern in [
        "/kbs/v0/resource",
        "^/kbs/v0/a$|^/kbs/v0/.*$",
        "^/kbs/v0/(?i)a$",
        "^/kbs/.*",
        "^/kbs/v0/($",
    ] {
        let text = format!(
            "[admin]\nauthorization_mode = \"AuthenticatedAuthorization\"\n\
             [admin.authentication.bearer_jwt]\nidentity_providers = [{{ public_key_uri = \"file:///nowhere\" }}]\n\
             [admin.authorization.regex_acl]\nacls = [{{ role = \"a\", allowed_endpoints = '{pattern}' }}]\n"
        );
        let config = kbs::config::KbsConfig::from_text(&text, "toml").unwrap().config;
        assert!(kbs::admin::Admin::new(&config.admin).await.is_err(), "{pattern}");
    }
}
