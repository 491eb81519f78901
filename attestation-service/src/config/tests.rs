use daemon::config::{ConfigError, Loaded, load_str, load_str_upgraded};

use super::*;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/config");

fn parse(text: &str) -> Result<Loaded<Config>, Box<ConfigError>> {
    load_str_upgraded(text, "json", |file| upgrade(file, "")).map_err(Box::new)
}

#[test]
fn the_files_that_come_with_the_product_load() {
    for name in ["minimal.toml", "minimal.json", "full.toml"] {
        let path = PathBuf::from(format!("{DIRECTORY}/attestation-service-{name}"));
        let loaded = Config::load(&path).unwrap();
        assert!(loaded.warnings.is_empty(), "{name}: {:?}", loaded.warnings);
    }
}

#[test]
fn the_full_file_has_the_defaults_that_it_says_it_has() {
    let path = PathBuf::from(format!("{DIRECTORY}/attestation-service-full.toml"));
    let full = Config::load(&path).unwrap().config;
    let (token, default) = (&full.attestation_token_broker, TokenConfig::default());
    assert_eq!(token.duration_min, default.duration_min);
    assert_eq!(token.issuer_name, default.issuer_name);
    assert_eq!(token.developer_name, default.developer_name);
    assert_eq!(token.build_name, default.build_name);
    assert_eq!(token.profile_name, default.profile_name);
    assert_eq!(token.verbose_token, default.verbose_token);
    let snp = &full.verifier_config.snp_verifier;
    assert_eq!(snp.crl, CrlMode::Off);
    let [VcekSource::OfflineStore(offline), VcekSource::Kds(kds)] = &*snp.vcek_sources else {
        panic!("{:?}", snp.vcek_sources)
    };
    assert_eq!(offline.path, OfflineStoreConfig::default().path);
    assert_eq!(kds.base_url, KdsConfig::default().base_url);
    assert_eq!(kds.timeout_seconds, KdsConfig::default().timeout_seconds);
    let (cache, default) = (
        &full.verifier_config.endorsement_cache,
        EndorsementCacheConfig::default(),
    );
    assert_eq!(cache.max_entries, default.max_entries);
    assert_eq!(cache.max_mib, default.max_mib);
    assert_eq!(cache.persistent, default.persistent);
    assert_eq!(cache.stale_seconds, default.stale_seconds);
    let dcap = &full.verifier_config.dcap_verifier;
    assert_eq!(dcap.tcb_update_type, TcbUpdateType::default());
    assert_eq!(dcap.collateral_services.as_ref().unwrap().len(), 3);
    assert_eq!(CollateralServiceConfig::new("x").timeout_seconds, 10);
    assert!(full.admin_socket.is_some());
    assert_eq!(
        full.request_memory_mib,
        Some(crate::app::DEFAULT_REQUEST_MEMORY_MIB)
    );
    let RvpsConfig::GrpcRemote {
        max_stale_seconds,
        remember_seconds,
        ..
    } = full.rvps_config
    else {
        panic!("not remote")
    };
    assert_eq!(max_stale_seconds, default_max_stale_seconds());
    assert_eq!(remember_seconds, default_remember_seconds());
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = parse("{}").unwrap().config;
    assert!(matches!(
        config.rvps_config,
        RvpsConfig::BuiltIn {
            storage_type: None,
            ..
        }
    ));
    assert!(config.attestation_token_broker.signer.is_none());
    assert!(matches!(
        &*config.verifier_config.snp_verifier.vcek_sources,
        [VcekSource::Kds(_)]
    ));
    assert!(config.tls.is_none());
}

#[test]
fn every_documented_key_is_known_in_every_format() {
    let json = r#"{
        "rvps_config": {"type": "BuiltIn", "extractors": {"swid_extractor": {}}, "storage_type": "LocalJson"},
        "attestation_token_broker": {"duration_min": 10, "issuer_name": "i", "developer_name": "d",
            "build_name": "b", "profile_name": "p", "verbose_token": false,
            "signer": {"key_path": "/k", "cert_url": "https://c", "cert_path": "/c"}},
        "verifier_config": {
            "snp_verifier": {"vcek_sources": [{"type": "KDS"}, {"type": "KDS", "base_url": "http://kds"},
                {"type": "OfflineStore"}, {"type": "OfflineStore", "path": "/p"}]},
            "dcap_verifier": {"collateral_service": "https://pccs", "use_secure_cert": true,
                "tcb_update_type": "early"},
            "nvidia_verifier": {"type": "Remote", "verifier_url": "https://nras", "jwks_url": "https://jwks",
                "issuer": "https://nras", "timeout_seconds": 30, "ca": "/c"},
            "nvidia_dpu_verifier": {"root_ca_cert_path": "/r", "max_cert_age_secs": 60},
            "tpm_verifier": {"ak_roots": ["/a"], "ek_roots": ["/e"], "trusted_ak_keys_dir": "/t",
                "max_trusted_ak_keys": 100}},
        "storage_backend": {"storage_type": "Memory", "backends": {"local_fs": {}, "local_json": {},
            "postgres": {"db": "d", "username": "u", "password": "p", "port": 1, "host": "h"},
            "redis": {"url": "redis://r"}}}
    }"#;
    let config = parse(json).unwrap().config;
    assert_eq!(config.attestation_token_broker.duration_min, 10);
    assert_eq!(config.verifier_config.snp_verifier.vcek_sources.len(), 4);
    assert_eq!(config.verifier_config.unused().count(), 1);

    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    load_str::<Config>(&toml_text(&value), "toml", &[]).unwrap();
    // JSON is YAML.
    load_str::<Config>(json, "yaml", &[]).unwrap();
}

/// The value as one inline TOML table a member.
fn toml_text(value: &serde_json::Value) -> String {
    fn inline(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{name} = {}", inline(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
            serde_json::Value::Array(items) => {
                format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        }
    }
    let members = value.as_object().unwrap();
    members
        .iter()
        .map(|(name, value)| format!("{name} = {}\n", inline(value)))
        .collect()
}

#[test]
fn files_of_earlier_versions_load_with_a_warning_for_each_retired_key() {
    let loaded = parse(
        r#"{"work_dir": "/var/lib/as", "policy_engine": "opa",
            "rvps_config": {"type": "BuiltIn", "storage": {"type": "LocalJson", "file_path": "/x"}},
            "attestation_token_broker": {"type": "Ear", "duration_min": 5, "policy_dir": "/p"}}"#,
    )
    .unwrap();
    assert_eq!(loaded.warnings.len(), 5, "{:?}", loaded.warnings);
    let simple = parse(r#"{"attestation_token_broker": {"type": "Simple"}}"#).unwrap();
    assert_eq!(simple.warnings.len(), 1);
    let older = parse(r#"{"attestation_token_config": {"duration_min": 7}}"#).unwrap();
    assert_eq!(older.warnings.len(), 1, "{:?}", older.warnings);
    assert_eq!(older.config.attestation_token_broker.duration_min, 7);
}

#[test]
fn a_directory_of_local_json_that_never_took_effect_is_not_opened() {
    let loaded = parse(
        r#"{"storage_backend": {"storage_type": "LocalJson", "backends": {"local_json": {"dir_path": "/elsewhere"}}}}"#,
    )
    .unwrap();
    let used = loaded
        .config
        .storage_backend
        .backends
        .local_json
        .unwrap()
        .file_dir_path;
    assert_eq!(
        used.to_str(),
        Some("/opt/confidential-containers/storage/local_json")
    );
    assert!(
        loaded.warnings[0].contains("local_json.dir_path"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn optional_keys_may_be_null_as_generated_files_have_them() {
    let default = parse("{}").unwrap().config;
    let loaded = parse(
        r#"{"verifier_config": {"dcap_verifier": null, "nvidia_verifier": {"type": "Remote", "verifier_url": null},
            "snp_verifier": {"vcek_sources": [{"type": "OfflineStore", "path": null}, {"type": "KDS", "base_url": null}]}}}"#,
    )
    .unwrap();
    assert_eq!(loaded.warnings.len(), 4, "{:?}", loaded.warnings);
    let without = parse(
        r#"{"verifier_config": {"nvidia_verifier": {"type": "Remote"},
            "snp_verifier": {"vcek_sources": [{"type": "OfflineStore"}, {"type": "KDS"}]}}}"#,
    );
    let shown = |config: &Config| format!("{config:?}");
    assert_eq!(shown(&loaded.config), shown(&without.unwrap().config));
    let none = parse(r#"{"verifier_config": null}"#).unwrap().config;
    assert_eq!(shown(&none), shown(&default));
}

#[test]
fn a_broker_that_is_a_name_and_a_remote_rvps_without_a_type_are_understood_as_a_kbs_does() {
    let loaded = parse(
        r#"{"attestation_token_broker": "Simple", "attestation_token_config": {"duration_min": 9},
            "rvps_config": {"store_type": "LocalFs", "remote_addr": "http://127.0.0.1:50003"}}"#,
    )
    .unwrap();
    assert_eq!(loaded.config.attestation_token_broker.duration_min, 9);
    let RvpsConfig::GrpcRemote { address, .. } = loaded.config.rvps_config else {
        panic!("not remote")
    };
    assert_eq!(address, "http://127.0.0.1:50003");
    for key in [
        "attestation_token_broker",
        "store_type",
        "remote_addr",
        "no `type`",
    ] {
        let told = loaded.warnings.iter().any(|warning| warning.contains(key));
        assert!(told, "{key}: {:?}", loaded.warnings);
    }
    let local = parse(r#"{"rvps_config": {"store_type": "LocalFs", "remote_addr": ""}}"#).unwrap();
    assert!(matches!(
        local.config.rvps_config,
        RvpsConfig::BuiltIn {
            storage_type: None,
            ..
        }
    ));
}

#[test]
fn the_seeds_way_of_naming_a_remote_rvps_loads() {
    let config = parse(r#"{"rvps_config": {"type": "GrpcRemote", "address": "http://127.0.0.1:50003"}}"#);
    let RvpsConfig::GrpcRemote { address, tls, .. } = config.unwrap().config.rvps_config else {
        panic!("not remote")
    };
    assert_eq!(
        (address.as_str(), tls.is_none()),
        ("http://127.0.0.1:50003", true)
    );
    let config = parse(r#"{"rvps_config": {"type": "GrpcRemote"}}"#)
        .unwrap()
        .config;
    let RvpsConfig::GrpcRemote { address, .. } = config.rvps_config else {
        panic!("not remote")
    };
    assert_eq!(address, "127.0.0.1:50003");
}

#[test]
fn an_unknown_key_is_an_error_wherever_it_is() {
    for text in [
        r#"{"storage_backnd": {}}"#,
        r#"{"rvps_config": {"type": "BuiltIn", "address": "x"}}"#,
        r#"{"attestation_token_broker": {"duration": 5}}"#,
        r#"{"attestation_token_broker": {"signer": {"key_path": "/k", "cert": "/c"}}}"#,
        r#"{"verifier_config": {"snp_verifier": {"crls": "off"}}}"#,
        r#"{"verifier_config": {"dcap_verifier": {"collateral_services": [{"url": "x", "timeout": 1}]}}}"#,
        r#"{"verifier_config": {"dcap_verifier": {"tcb_update_type": "late"}}}"#,
        r#"{"verifier_config": {"endorsement_cache": {"stale": 1}}}"#,
        r#"{"verifier_config": {"snp_verifier": {"vcek_sources": [{"type": "KDS", "url": "x"}]}}}"#,
        r#"{"verifier_config": {"snp_verifier": {"vcek_sources": [{"type": "kds"}]}}}"#,
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_unknown_key_comes_with_a_suggestion() {
    let error = parse(r#"{"attestation_token_broker": {"issuer_nam": "x"}}"#)
        .unwrap_err()
        .to_string();
    assert!(error.contains("issuer_name"), "{error}");
}

#[test]
fn nvidia_devices_are_judged_here_unless_the_operator_says_otherwise() {
    let nvidia = |text: &str| {
        let json = format!(r#"{{"verifier_config": {{"nvidia_verifier": {text}}}}}"#);
        parse(&json).map(|loaded| loaded.config.verifier_config.nvidia_verifier)
    };
    let default = parse("{}").unwrap().config.verifier_config.nvidia_verifier;
    assert!(matches!(default, NvidiaVerifierConfig::Local(_)));
    for name in ["Local", "local"] {
        let config = nvidia(&format!(r#"{{"type": "{name}"}}"#)).unwrap();
        assert!(matches!(config, NvidiaVerifierConfig::Local(_)));
    }
    for name in ["Remote", "remote"] {
        let NvidiaVerifierConfig::Remote(nras) = nvidia(&format!(r#"{{"type": "{name}"}}"#)).unwrap() else {
            panic!("{name}")
        };
        assert_eq!(nras.verifier_url, "https://nras.attestation.nvidia.com/v4/attest");
        assert_eq!(
            nras.jwks_url,
            "https://nras.attestation.nvidia.com/.well-known/jwks.json"
        );
    }
    for text in [
        r#"{"type": "Nobody"}"#,
        r#"{"type": "Local", "verifier_url": "https://nras"}"#,
        r#"{"type": "Remote", "insecure_extra_roots": []}"#,
        r#"{"type": "Remote", "url": "https://nras"}"#,
    ] {
        assert!(nvidia(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_not_for_a_remote_rvps_is_ignored_with_a_warning() {
    let loaded = parse(
        r#"{"rvps_config": {"type": "GrpcRemote", "address": "http://rvps:50003", "storage_type": "LocalFs",
            "extractors": {"swid_extractor": {}}}}"#,
    )
    .unwrap();
    for key in ["rvps_config.storage_type", "rvps_config.extractors"] {
        let told = loaded.warnings.iter().any(|warning| warning.contains(key));
        assert!(told, "{key}: {:?}", loaded.warnings);
    }
}
