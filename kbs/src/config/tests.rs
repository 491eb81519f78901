use std::path::PathBuf;

use super::*;
use crate::admin::AuthorizationMode;
use crate::attestation::built_in::RvpsConfig;
use crate::backends::ResourceBackendType;

fn toml(text: &str) -> Loaded<KbsConfig> {
    KbsConfig::from_text(text, "toml").unwrap()
}

fn refused(text: &str) -> String {
    KbsConfig::from_text(text, "toml").unwrap_err().to_string()
}

fn resource(config: &KbsConfig) -> (ResourceBackendType, Option<PathBuf>) {
    match &config.plugins[..] {
        [PluginConfig::Resource(resource)] => (resource.storage_backend_type, resource.dir_path.clone()),
        other => panic!("not one resource plugin: {other:?}"),
    }
}

#[test]
fn an_empty_file_is_a_service_that_nobody_may_administer() {
    let loaded = toml("");
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.config.admin.authorization_mode, None);
    assert_eq!(
        loaded.config.http_server.sockets,
        ["127.0.0.1:8080".parse().unwrap()]
    );
    assert!(!loaded.config.http_server.insecure_http);
    assert!(loaded.config.plugins.is_empty());
}

#[test]
fn the_shipped_examples_load_without_a_warning() {
    for name in ["kbs-minimal.toml", "kbs-three-services.toml", "kbs-full.toml"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../deploy/config")
            .join(name);
        let loaded = KbsConfig::load(&path).unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new(), "{name}");
        assert_eq!(loaded.config.attestation_service.foreign_key(), None, "{name}");
    }
}

#[test]
fn the_compose_setup_of_the_existing_ecosystem_loads() {
    let loaded = toml(
        r#"
        [http_server]
        sockets = ["0.0.0.0:8080"]
        insecure_http = true

        [admin]
        authorization_mode = "AuthenticatedAuthorization"
        [admin.authentication.bearer_jwt]
        [[admin.authentication.bearer_jwt.identity_providers]]
        issuer = "TrusteeInDocker"
        audience = "KBS"
        public_key_uri = "file:///opt/confidential-containers/kbs/user-keys/public.pub"
        [[admin.authorization.regex_acl.acls]]
        role = "admin"
        allowed_endpoints = "^/kbs/.+$"

        [attestation_token]
        trusted_certs_paths = ["/opt/confidential-containers/kbs/user-keys/ca-cert.pem"]

        [attestation_service]
        type = "coco_as_grpc"
        as_addr = "http://as:50004"
        pool_size = 200

        [storage_backend]
        storage_type = "LocalFs"
        [storage_backend.backends.local_fs]
        dir_path = "/opt/confidential-containers/kbs"

        [[plugins]]
        name = "resource"
        storage_backend_type = "kvstorage"
        "#,
    );
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let service = &loaded.config.attestation_service;
    assert_eq!(service.kind, AttestationServiceType::Grpc);
    assert_eq!(
        (service.as_addr.as_deref(), service.pool_size),
        (Some("http://as:50004"), Some(200))
    );
    assert_eq!(resource(&loaded.config).0, ResourceBackendType::KvStorage);
}

#[test]
fn the_operators_template_loads_with_its_ignored_keys_named() {
    let loaded = toml(
        r#"
        [http_server]
        sockets = ["0.0.0.0:8080"]
        insecure_http = false
        private_key = "/etc/https-key/privateKey"
        certificate = "/etc/https-cert/certificate"
        worker_count = 4
        tls_profile = "custom"
        tls_min_version = "1.2"
        tls_ciphers = "ECDHE-RSA-AES128-GCM-SHA256"
        tls_groups = "X25519:secp256r1"
        [admin]
        authorization_mode = "DenyAll"
        [attestation_token]
        insecure_header_jwk = false
        attestation_token_type = "CoCo"
        trusted_certs_paths = ["/etc/attestation-cert/token.crt"]
        [attestation_service]
        type = "coco_as_builtin"
        timeout = 5
        [attestation_service.attestation_token_config]
        duration_min = 7
        [attestation_service.attestation_token_broker.signer]
        key_path = "/etc/attestation-key/token.key"
        cert_path = "/etc/attestation-cert/token.crt"
        [attestation_service.rvps_config]
        type = "BuiltIn"
        storage_type = "LocalJson"
        [attestation_service.verifier_config.snp_verifier]
        vcek_sources = [{ type = "OfflineStore" }, { type = "KDS" }]
        [attestation_service.verifier_config.dcap_verifier]
        collateral_service = "https://api.trustedservices.intel.com/sgx/certification/v4/"
        [storage_backend]
        storage_type = "LocalFs"
        [storage_backend.backends.local_fs]
        dir_path = "/opt/confidential-containers/storage"
        [storage_backend.backends.local_json]
        dir_path = "/opt/confidential-containers/storage/local_json"
        [[plugins]]
        name = "resource"
        storage_backend_type = "kvstorage"
        "#,
    );
    for key in [
        "attestation_token_type",
        "attestation_token_config",
        "local_json.dir_path",
    ] {
        assert!(
            loaded.warnings.iter().any(|warning| warning.contains(key)),
            "{key}: {:?}",
            loaded.warnings
        );
    }
    let broker = loaded
        .config
        .attestation_service
        .attestation_token_broker
        .unwrap();
    assert_eq!(broker.duration_min, 7);
    assert_eq!(
        broker.signer.unwrap().key_path,
        PathBuf::from("/etc/attestation-key/token.key")
    );
}

#[test]
fn a_directory_of_local_json_that_never_took_effect_is_not_opened() {
    let loaded = toml(
        r#"
        [storage_backend]
        storage_type = "LocalJson"
        [storage_backend.backends.local_json]
        dir_path = "/elsewhere"
        "#,
    );
    let used = loaded
        .config
        .storage_backend
        .backends
        .local_json
        .unwrap()
        .file_dir_path;
    assert_eq!(
        used,
        PathBuf::from("/opt/confidential-containers/storage/local_json")
    );
    let told = |warning: &String| warning.contains("/opt/confidential-containers/storage/local_json;");
    assert!(loaded.warnings.iter().any(told), "{:?}", loaded.warnings);
}

#[test]
fn a_configuration_from_before_the_tables_is_honoured_with_warnings() {
    let policy = tempfile::NamedTempFile::new().unwrap();
    let text = r#"
        sockets = ["0.0.0.0:8080"]
        auth_public_key = "/kbs/kbs.pem"
        insecure_http = true
        timeout = 7

        [attestation_token_config]
        attestation_token_type = "CoCo"
        trusted_certs_paths = ["/etc/ca.pem"]

        [repository_config]
        type = "LocalFs"
        dir_path = "/srv/secrets"

        [grpc_config]
        as_addr = "http://as:50004"
        pool_size = 10

        [policy_engine_config]
        policy_path = "/srv/policy.rego"
        "#;
    let loaded = toml(&text.replace("/srv/policy.rego", policy.path().to_str().unwrap()));
    let config = &loaded.config;
    assert_eq!(config.http_server.sockets, ["0.0.0.0:8080".parse().unwrap()]);
    assert!(config.http_server.insecure_http);
    assert_eq!(config.admin.auth_public_key, Some("/kbs/kbs.pem".into()));
    assert_eq!(config.admin.authorization_mode, None);
    assert_eq!(
        config.attestation_token.trusted_certs_paths,
        [PathBuf::from("/etc/ca.pem")]
    );
    assert_eq!(
        resource(config),
        (ResourceBackendType::LocalFs, Some("/srv/secrets".into()))
    );
    assert_eq!(config.attestation_service.kind, AttestationServiceType::Grpc);
    assert_eq!(config.attestation_service.timeout, 7);
    assert_eq!(config.resource_policy.initial_file, Some(policy.path().into()));
    for replacement in [
        "http_server.sockets",
        "admin.auth_public_key",
        "coco_as_grpc",
        "[[plugins]]",
    ] {
        let named = loaded
            .warnings
            .iter()
            .any(|warning| warning.contains(replacement));
        assert!(named, "{replacement}: {:?}", loaded.warnings);
    }
}

#[test]
fn a_built_in_service_of_an_older_file_is_honoured() {
    let loaded = toml(
        r#"
        sockets = ["127.0.0.1:8080"]
        [as_config]
        work_dir = "/opt/confidential-containers/attestation-service"
        policy_engine = "opa"
        attestation_token_broker = "Simple"
        [as_config.attestation_token_config]
        duration_min = 9
        [as_config.rvps_config]
        remote_addr = ""
        store_type = "LocalFs"
        "#,
    );
    let service = &loaded.config.attestation_service;
    assert_eq!(service.kind, AttestationServiceType::BuiltIn);
    assert_eq!(service.foreign_key(), None);
    assert!(matches!(
        service.rvps_config,
        Some(RvpsConfig::BuiltIn {
            storage_type: None,
            ..
        })
    ));
    let told = loaded
        .warnings
        .iter()
        .any(|warning| warning.contains("rvps-tool import"));
    assert!(told, "{:?}", loaded.warnings);
    // Resources were served without being asked for, from the documented directory.
    assert_eq!(resource(&loaded.config), (ResourceBackendType::LocalFs, None));
}

#[test]
fn an_older_remote_rvps_is_told_from_its_address() {
    let loaded = toml("[attestation_service.rvps_config]\nremote_addr = \"rvps:50003\"");
    assert!(matches!(
        loaded.config.attestation_service.rvps_config,
        Some(RvpsConfig::GrpcRemote { address, .. }) if address == "rvps:50003"
    ));
}

#[test]
fn the_first_plugin_form_is_honoured() {
    let loaded = toml("[[plugins]]\nname = \"resource\"\ntype = \"LocalFs\"\ndir_path = \"/srv\"");
    assert_eq!(
        resource(&loaded.config),
        (ResourceBackendType::LocalFs, Some("/srv".into()))
    );
}

#[test]
fn resources_are_files_unless_the_plugin_says_otherwise() {
    let loaded = toml("[[plugins]]\nname = \"resource\"");
    assert_eq!(resource(&loaded.config), (ResourceBackendType::LocalFs, None));
}

#[test]
fn an_open_admin_interface_of_an_older_file_stays_open_and_is_named() {
    let loaded = toml("[admin]\ninsecure_api = true");
    assert_eq!(
        loaded.config.admin.authorization_mode,
        Some(AuthorizationMode::InsecureAllowAll)
    );
    assert!(loaded.warnings[0].contains("InsecureAllowAll"));
    let loaded = toml("[admin]\ninsecure_api = false\nauth_public_key = \"/k\"");
    assert_eq!(loaded.config.admin.authorization_mode, None);
    let loaded = toml("[admin]\ntype = \"DenyAll\"");
    assert_eq!(
        loaded.config.admin.authorization_mode,
        Some(AuthorizationMode::DenyAll)
    );
}

/// Who may administer as `[admin]` says, and the warnings about it.
fn admin(lines: &str) -> (Option<AuthorizationMode>, Option<PathBuf>, String) {
    let loaded = toml(&format!("[admin]\n{lines}"));
    let admin = loaded.config.admin;
    (
        admin.authorization_mode,
        admin.auth_public_key,
        loaded.warnings.join("\n"),
    )
}

#[test]
fn older_keys_about_administration_that_contradict_each_other_let_in_the_fewest() {
    let key = || Some(PathBuf::from("/k"));
    for lines in [
        "insecure_api = true\nauth_public_key = \"/k\"",
        "type = \"InsecureAllowAll\"\nauth_public_key = \"/k\"",
        "type = \"Simple\"\nauth_public_key = \"/k\"",
        "type = \"Simple\"\ninsecure_api = true\nauth_public_key = \"/k\"",
    ] {
        let (mode, path, warnings) = admin(lines);
        assert_eq!((mode, path), (None, key()), "{lines}");
        assert!(
            warnings.contains("`admin.auth_public_key` is set and counts"),
            "{lines}: {warnings}"
        );
    }
    let (mode, path, warnings) = admin("type = \"DenyAll\"\ninsecure_api = true\nauth_public_key = \"/k\"");
    assert_eq!((mode, path), (Some(AuthorizationMode::DenyAll), None));
    assert!(warnings.contains("nobody may administer"), "{warnings}");
    let (mode, _, warnings) = admin("type = \"Simple\"\ninsecure_api = true");
    assert_eq!(mode, None);
    assert!(warnings.contains("has no `admin.auth_public_key`"), "{warnings}");
}

#[test]
fn an_opening_key_names_the_replacement_that_is_not_retired_itself() {
    for text in ["insecure_api = true", "[http_server]\ninsecure_api = true"] {
        let loaded = toml(text);
        assert_eq!(
            loaded.config.admin.authorization_mode,
            Some(AuthorizationMode::InsecureAllowAll)
        );
        let [warning] = &loaded.warnings[..] else {
            panic!("{:?}", loaded.warnings)
        };
        assert!(warning.contains("use `admin.authorization_mode"), "{warning}");
    }
}

#[test]
fn the_operators_older_sample_starts_with_what_it_has_always_had() {
    let loaded = toml(
        r#"
        [http_server]
        sockets = ["0.0.0.0:8080"]
        insecure_http = true
        [admin]
        type = "DenyAll"
        insecure_api = true
        auth_public_key = "/etc/auth-secret/publicKey"
        [attestation_token]
        insecure_key = true
        attestation_token_type = "CoCo"
        [attestation_service]
        type = "coco_as_builtin"
        work_dir = "/opt/confidential-containers/attestation-service"
        policy_engine = "opa"
        [attestation_service.attestation_token_broker]
        type = "Ear"
        policy_dir = "/opt/confidential-containers/attestation-service/policies"
        [attestation_service.attestation_token_config]
        duration_min = 5
        [attestation_service.rvps_config]
        type = "BuiltIn"
        [attestation_service.rvps_config.storage]
        type = "LocalJson"
        file_path = "/opt/confidential-containers/rvps/reference-values/reference-values.json"
        [[plugins]]
        name = "resource"
        type = "LocalFs"
        dir_path = "/opt/confidential-containers/kbs/repository"
        "#,
    );
    assert!(matches!(
        loaded.config.attestation_service.rvps_config,
        Some(RvpsConfig::BuiltIn {
            storage_type: None,
            ..
        })
    ));
    let told = |text: &str| loaded.warnings.iter().any(|warning| warning.contains(text));
    assert!(
        told("`attestation_service.rvps_config.storage`"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn an_older_key_never_overrules_its_replacement() {
    let loaded = toml("insecure_api = true\n[admin]\nauthorization_mode = \"DenyAll\"");
    assert_eq!(
        loaded.config.admin.authorization_mode,
        Some(AuthorizationMode::DenyAll)
    );
    let loaded = toml("sockets = [\"1.1.1.1:1\"]\n[http_server]\nsockets = [\"2.2.2.2:2\"]");
    assert_eq!(loaded.config.http_server.sockets, ["2.2.2.2:2".parse().unwrap()]);
}

#[test]
fn a_misspelt_key_is_refused_with_a_suggestion() {
    for (text, hint) in [
        ("[http_server]\ninsecure_htp = true", "insecure_http"),
        ("[admin]\nauthorisation_mode = \"DenyAll\"", "authorization_mode"),
        (
            "[attestation_token]\ninsecure_header_jwks = true",
            "insecure_header_jwk",
        ),
        ("[attestation_service]\nas_adr = \"x\"", "as_addr"),
        ("[storage]\n", "storage_backend"),
        (
            "[[plugins]]\nname = \"resource\"\nstorage_backend_type = \"kvstorage\"\ndir_pth = \"/\"",
            "dir_path",
        ),
        ("[[plugins]]\nname = \"resorce\"", "resource"),
        ("[resource_policy]\ninitial = \"x\"", "initial_file"),
    ] {
        let message = refused(text);
        assert!(
            message.contains(&format!("did you mean `{hint}`?")),
            "{text}: {message}"
        );
    }
}

#[test]
fn every_documented_plugin_and_backend_is_known() {
    let loaded = toml(
        r#"
        [[plugins]]
        name = "NebulaCaPlugin"
        work_dir = "/w"
        ca_config = { name = "x" }
        [[plugins]]
        name = "pkcs11"
        module = "/m.so"
        slot_index = 0
        pin = "1234"
        lookup_label = "l"
        [[plugins]]
        name = "external"
        backends = [{ name = "a", endpoint = "http://x", tls_mode = "mtls" }]
        tls_mode = "insecure"
        [[plugins]]
        name = "Provisioner"
        key_length = 32
        [[plugins]]
        name = "sample"
        item = "x"
        [[plugins]]
        name = "ResourceStorage"
        storage_backend_type = "vault"
        vault_url = "https://vault"
        token = "canary-token"
        "#,
    );
    let names: Vec<_> = loaded.config.plugins.iter().map(PluginConfig::name).collect();
    assert_eq!(
        names,
        [
            "nebula-ca",
            "pkcs11",
            "external",
            "provisioner",
            "sample",
            "resource"
        ]
    );
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("canary-token") && !shown.contains("1234"));
}

#[test]
fn a_key_of_another_attestation_service_is_found() {
    let loaded = toml("[attestation_service]\ntype = \"coco_as_builtin\"\nas_addr = \"http://x\"");
    assert_eq!(
        loaded.config.attestation_service.foreign_key(),
        Some(("as_addr", "coco_as_grpc"))
    );
}

#[test]
fn json_and_yaml_do_as_well() {
    let json = r#"{"http_server":{"insecure_http":true}}"#;
    assert!(
        KbsConfig::from_text(json, "json")
            .unwrap()
            .config
            .http_server
            .insecure_http
    );
    let yaml = "http_server:\n  insecure_http: true\n";
    assert!(
        KbsConfig::from_text(yaml, "yaml")
            .unwrap()
            .config
            .http_server
            .insecure_http
    );
}

#[test]
fn an_error_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kbs.toml");
    std::fs::write(&path, "[http_server]\nsocket = []").unwrap();
    let message = KbsConfig::load(&path).unwrap_err().to_string();
    assert!(
        message.contains("kbs.toml") && message.contains("http_server"),
        "{message}"
    );
}

#[test]
fn an_older_policy_file_that_is_not_there_is_told_and_does_not_stop_the_start() {
    for table in ["policy_engine", "policy_engine_config"] {
        let loaded = toml(&format!("[{table}]\npolicy_path = \"/nowhere/policy.rego\""));
        assert_eq!(loaded.config.resource_policy.initial_file, None);
        let told = |text: &str| loaded.warnings.iter().any(|warning| warning.contains(text));
        assert!(
            told("There is no such file") && told("resource_policy.initial_file"),
            "{:?}",
            loaded.warnings
        );
    }
}
