//! Rules of ARCHITECTURE.md that a reader should be able to rely on, held by a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file, without its tests, beyond which it must be split.
const LONGEST_FILE: usize = 600;

/// Crate folder -> (workspace crates that it may import, crates it must never have).
fn imports() -> BTreeMap<&'static str, (&'static [&'static str], &'static [&'static str])> {
    BTreeMap::from([
        ("protos", (&[][..], &[][..])),
        (
            "crates/audit",
            (&[][..], &["tokio", "axum", "tonic", "reqwest"][..]),
        ),
        ("crates/jose", (&[][..], &["tokio", "axum", "tonic"][..])),
        (
            "crates/eventlog",
            (&[][..], &["tokio", "reqwest", "axum", "tonic"][..]),
        ),
        (
            "crates/measure",
            (&[][..], &["tokio", "axum", "tonic", "reqwest"][..]),
        ),
        (
            "crates/names",
            (&[][..], &["tokio", "axum", "tonic", "reqwest", "serde_json"][..]),
        ),
        ("crates/storage", (&[][..], &["axum", "tonic"][..])),
        (
            "crates/pinning",
            (&[][..], &["tokio", "axum", "tonic", "reqwest"][..]),
        ),
        ("crates/daemon", (&["audit", "names", "pinning"][..], &[][..])),
        (
            "crates/verifier",
            (
                &["eventlog"][..],
                &["tokio", "reqwest", "storage", "axum", "tonic"][..],
            ),
        ),
        (
            "crates/policy",
            (&[][..], &["tokio", "reqwest", "tonic", "axum"][..]),
        ),
        (
            "rvps",
            (&["protos", "jose", "measure", "storage", "daemon"][..], &[][..]),
        ),
        (
            "attestation-service",
            (
                &[
                    "protos", "jose", "names", "policy", "storage", "verifier", "daemon", "rvps",
                ][..],
                &["kbs"][..],
            ),
        ),
        (
            "kbs",
            (
                &[
                    "protos",
                    "audit",
                    "jose",
                    "names",
                    "policy",
                    "storage",
                    "daemon",
                    "attestation-service",
                ][..],
                &["verifier", "rvps"][..],
            ),
        ),
        (
            "kbs-client",
            (
                &["audit", "jose", "pinning", "simulated-tee"][..],
                &["kbs", "attestation-service", "rvps"][..],
            ),
        ),
        (
            "integration-tests/simulated-tee",
            (&[][..], &["kbs", "attestation-service", "rvps"][..]),
        ),
    ])
}

#[test]
fn crates_import_only_what_the_architecture_allows() {
    let root = root();
    let ours: BTreeSet<String> = members(&root)
        .iter()
        .map(|dir| package_name(&root.join(dir)))
        .collect();
    for (dir, (allowed, forbidden)) in imports() {
        for dependency in dependencies(&root.join(dir)) {
            assert!(
                !forbidden.contains(&dependency.as_str()),
                "{dir} must not depend on {dependency}"
            );
            if ours.contains(&dependency) {
                assert!(
                    allowed.contains(&dependency.as_str()),
                    "{dir} may not import {dependency}"
                );
            }
        }
    }
}

#[test]
fn every_member_has_its_row_in_the_import_table() {
    let known = imports();
    for member in members(&root()) {
        assert!(
            known.contains_key(member.as_str()) || member == "integration-tests",
            "{member} has no row"
        );
    }
}

#[test]
fn only_the_built_in_adapters_reach_into_another_service() {
    let root = root();
    for (dir, other) in [
        ("kbs/src", "attestation_service::"),
        ("attestation-service/src", "rvps::"),
    ] {
        for file in sources(&root.join(dir)) {
            let text = without_tests(&read(&file));
            let names_it = text.lines().any(|line| {
                let code = line.trim_start();
                !code.starts_with("//") && code.split(other).nth(1).is_some() && {
                    let before = code.split(other).next().unwrap_or_default();
                    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                }
            });
            let name = file
                .strip_prefix(&root)
                .unwrap_or(&file)
                .to_string_lossy()
                .into_owned();
            let adapter = ["built_in", "config"].iter().any(|part| name.contains(part));
            assert!(
                !names_it || adapter,
                "{name} names {other} outside the built-in adapter and the config"
            );
        }
    }
}

#[test]
fn no_source_file_outgrows_a_sitting() {
    for file in all_sources(&root()) {
        let lines = without_tests(&read(&file)).lines().count();
        assert!(
            lines <= LONGEST_FILE,
            "{} has {lines} lines without its tests",
            file.display()
        );
    }
}

#[test]
fn every_tee_we_verify_has_its_page_and_its_vectors() {
    let root = root();
    let verifier = root.join("crates/verifier/src");
    for tee in ["sample", "snp"] {
        let page = root.join(format!("docs/tees/{tee}.md"));
        assert!(page.is_file(), "{} is missing", page.display());
        let folder = verifier.join(tee);
        let tests = if folder.is_dir() {
            sources(&folder)
                .iter()
                .any(|file| file.to_string_lossy().contains("tests"))
        } else {
            read(&verifier.join(format!("{tee}.rs"))).contains("#[cfg(test)]")
        };
        assert!(tests, "the verifier for {tee} has no tests");
    }
    let folders: BTreeSet<String> = fs::read_dir(&verifier)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for folder in folders
        .iter()
        .filter(|name| verifier.join(name).join("evidence.rs").is_file())
    {
        assert!(
            root.join(format!("docs/tees/{folder}.md")).is_file(),
            "docs/tees/{folder}.md is missing"
        );
    }
}

#[test]
fn documentation_links_lead_somewhere() {
    let root = root();
    let mut pages: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is(path, "md"))
        .collect();
    pages.extend(
        files(&root.join("docs"))
            .into_iter()
            .filter(|path| is(path, "md")),
    );
    for page in pages {
        for link in read(&page)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let file = page.parent().unwrap().join(target);
            assert!(
                file.exists(),
                "{} links to {target}, which is not there",
                page.display()
            );
        }
    }
}

#[test]
fn nothing_committed_names_a_machine_or_leaves_work_undone() {
    // Spelled in two parts so that this file does not find itself.
    let banned = [
        ["/wo", "rk/"],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["todo", "!("],
        ["unimplemented", "!("],
    ];
    for file in all_sources(&root()) {
        let text = read(&file);
        for word in banned.map(|parts| parts.concat()) {
            assert!(!text.contains(&word), "{} contains {word}", file.display());
        }
    }
}

#[test]
fn the_ecosystems_build_commands_build_what_is_here() {
    let planned = |folder: &str, arguments: &[&str]| {
        let make = std::process::Command::new("make")
            .args(["-n", "--no-print-directory"])
            .args(arguments)
            // Those of the make that may run this.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .current_dir(root().join(folder))
            .output()
            .unwrap();
        assert!(make.status.success(), "{folder}: {make:?}");
        String::from_utf8(make.stdout).unwrap()
    };
    let cli = planned("kbs", &["CLI_FEATURES=sample_only", "cli"]);
    assert_eq!(cli, "cargo build --locked --release -p kbs-client\n");
    assert!(planned("kbs", &["install-cli"]).contains("release/kbs-client /usr/local/bin/kbs-client"));
    assert_eq!(
        planned("rvps", &[]),
        "cargo build --locked --release -p rvps --bins\n"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn manifest(dir: &Path) -> toml::Table {
    read(&dir.join("Cargo.toml")).parse().unwrap()
}

fn members(root: &Path) -> Vec<String> {
    let manifest = manifest(root);
    let members = manifest["workspace"]["members"].as_array().unwrap();
    members
        .iter()
        .map(|member| member.as_str().unwrap().to_owned())
        .collect()
}

fn package_name(dir: &Path) -> String {
    manifest(dir)["package"]["name"].as_str().unwrap().to_owned()
}

fn dependencies(dir: &Path) -> Vec<String> {
    let manifest = manifest(dir);
    let table = manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .cloned()
        .unwrap_or_default();
    table.keys().cloned().collect()
}

fn all_sources(root: &Path) -> Vec<PathBuf> {
    members(root)
        .iter()
        .flat_map(|member| sources(&root.join(member)))
        .collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|path| is(path, "rs")).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text up to the tests at its bottom.
fn without_tests(text: &str) -> String {
    text.split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned()
}
