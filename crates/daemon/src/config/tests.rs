use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    http: Http,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    plugins: Vec<Plugin>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    sockets: Vec<std::net::SocketAddr>,
    #[serde(default)]
    insecure_http: bool,
    #[serde(default)]
    kind: Kind,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
enum Kind {
    #[default]
    Memory,
    #[serde(alias = "local_fs")]
    LocalFs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plugin {
    name: String,
}

const RETIRED: &[Retired] = &[
    Retired {
        path: "http.worker",
        note: "use `http.worker_count`",
    },
    Retired {
        path: "plugins.tls_mode",
        note: "remove it",
    },
    Retired {
        path: "*.engine",
        note: "remove it",
    },
];

fn toml(text: &str) -> Result<Loaded<Example>, ConfigError> {
    load_str(text, "toml", RETIRED)
}

fn refusal(text: &str) -> String {
    toml(text).unwrap_err().to_string()
}

#[test]
fn the_three_formats_say_the_same() {
    let cases = [
        (
            "toml",
            "[http]\nsockets = [\"127.0.0.1:0\"]\nkind = \"local_fs\"\n[[plugins]]\nname = \"x\"\n",
        ),
        (
            "json",
            r#"{"http":{"sockets":["127.0.0.1:0"],"kind":"LocalFs"},"plugins":[{"name":"x"}]}"#,
        ),
        (
            "yaml",
            "http:\n  sockets: ['127.0.0.1:0']\n  kind: LocalFs\nplugins:\n- name: x\n",
        ),
    ];
    for (extension, text) in cases {
        let loaded: Loaded<Example> = load_str(text, extension, &[]).unwrap();
        assert_eq!(loaded.config.http.sockets.len(), 1, "{extension}");
        assert_eq!(loaded.config.http.kind, Kind::LocalFs, "{extension}");
        assert_eq!(loaded.config.plugins[0].name, "x", "{extension}");
        assert!(!loaded.config.http.insecure_http);
        assert!(loaded.warnings.is_empty());
    }
}

#[test]
fn the_case_of_map_keys_is_kept() {
    let loaded = toml("http.sockets = []\n[labels]\n\"Some.Key\" = \"V\"\n").unwrap();
    assert_eq!(
        loaded.config.labels.get("Some.Key").map(String::as_str),
        Some("V")
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_a_suggestion() {
    let message = refusal("[http]\nsockets = []\ninsecure_htp = true\n");
    assert!(message.contains("`http.insecure_htp`"), "{message}");
    assert!(message.contains("did you mean `insecure_http`?"), "{message}");
}

#[test]
fn an_unknown_value_is_refused_with_a_suggestion() {
    let message = refusal("[http]\nsockets = []\nkind = \"memory\"\n");
    assert!(message.contains("http.kind"), "{message}");
    assert!(message.contains("did you mean `Memory`?"), "{message}");
}

#[test]
fn a_wrong_type_is_refused_with_its_place() {
    let message = refusal("[http]\nsockets = [\"localhost\"]\n");
    assert!(message.contains("`http.sockets[0]`"), "{message}");
    let message = refusal("[http]\nsockets = []\ninsecure_http = \"true\"\n");
    assert!(message.contains("http.insecure_http"), "{message}");
}

#[test]
fn retired_keys_are_dropped_and_named() {
    let text = "[http]\nsockets = []\nworker = 4\nengine = 1\n\
                [[plugins]]\nname = \"a\"\ntls_mode = \"x\"\n[[plugins]]\nname = \"b\"\ntls_mode = \"y\"\n";
    let warnings = toml(text).unwrap().warnings;
    assert_eq!(warnings.len(), 3);
    assert!(warnings[0].contains("`http.worker`") && warnings[0].contains("`http.worker_count`"));
}

#[test]
fn a_retired_key_elsewhere_is_still_unknown() {
    assert!(refusal("worker = 1\n[http]\nsockets = []\n").contains("unknown field `worker`"));
}

#[test]
fn a_file_is_found_without_its_extension() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("kbs.json"), r#"{"http":{"sockets":[]}}"#).unwrap();
    load::<Example>(&dir.path().join("kbs"), &[]).unwrap();
    load::<Example>(&dir.path().join("kbs.json"), &[]).unwrap();
}

#[test]
fn a_missing_file_a_foreign_extension_and_broken_text_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.conf"), "x").unwrap();
    std::fs::write(dir.path().join("b.toml"), "x = [").unwrap();
    for name in ["missing.toml", "a.conf", "b.toml"] {
        let message = load::<Example>(&dir.path().join(name), &[])
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with("failed to load configuration file "),
            "{message}"
        );
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn a_key_that_is_null_is_as_if_it_was_left_out_with_a_warning() {
    let json = r#"{"http": {"sockets": [], "insecure_http": null, "kind": null}, "labels": null,
                   "plugins": [{"name": "x", "tls_mode": null}]}"#;
    let yaml =
        "http:\n  sockets: []\n  insecure_http:\n  kind: ~\nlabels:\nplugins:\n- name: x\n  tls_mode:\n";
    for (extension, text) in [("json", json), ("yaml", yaml)] {
        let loaded: Loaded<Example> = load_str(text, extension, &[]).unwrap();
        assert_eq!(loaded.config.http.kind, Kind::Memory, "{extension}");
        assert!(!loaded.config.http.insecure_http && loaded.config.labels.is_empty());
        for key in [
            "`http.insecure_http`",
            "`http.kind`",
            "`labels`",
            "`plugins[0].tls_mode`",
        ] {
            let told = loaded.warnings.iter().any(|warning| warning.contains(key));
            assert!(told, "{extension} {key}: {:?}", loaded.warnings);
        }
        assert_eq!(loaded.warnings.len(), 4, "{extension}");
    }
}

#[test]
fn a_null_is_neither_a_needed_key_nor_an_element_of_a_list() {
    assert!(load_str::<Example>(r#"{"http": {"sockets": null}}"#, "json", &[]).is_err());
    assert!(load_str::<Example>(r#"{"http": null}"#, "json", &[]).is_err());
    assert!(load_str::<Example>(r#"{"http": {"sockets": [null]}}"#, "json", &[]).is_err());
}

#[test]
fn a_file_of_another_format_is_refused_with_the_formats_there_are() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["kbs.ini", "kbs.ron", "kbs.json5"] {
        std::fs::write(dir.path().join(name), "{}").unwrap();
        let message = load::<Example>(&dir.path().join(name), &[])
            .unwrap_err()
            .to_string();
        assert!(message.contains(name) && message.contains(".yaml"), "{message}");
    }
}
