//! A report of a real AMD machine: a Milan guest's, which the published `sev` package carries with its VCEK.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use serde_json::{Value, json};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

/// The evidence as a guest would send it.
pub(super) fn evidence() -> anyhow::Result<Value> {
    let data = package_folder("sev")?.join("tests/certs_data");
    let text = std::fs::read_to_string(data.join("report_milan.hex"))?;
    let raw: [u8; 1184] = hex::decode(text.trim())?
        .try_into()
        .ok()
        .context("the report is not 1184 bytes")?;
    let vcek = std::fs::read(data.join("vcek_milan.der"))?;
    Ok(json!({
        "attestation_report": AttestationReport::from_bytes(&raw).context("the report does not parse")?,
        "cert_chain": [{"cert_type": "VCEK", "data": vcek}],
    }))
}

/// Where cargo keeps the source of a package that this project is built with.
fn package_folder(name: &str) -> anyhow::Result<PathBuf> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            manifest,
        ])
        // Only this platform's packages: those of others are not on the machine after a build.
        .args(["--filter-platform", &host()?])
        .output()
        .context("cannot run cargo")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata has no packages")?;
    let named = packages
        .iter()
        .find(|package| package.get("name").and_then(Value::as_str) == Some(name));
    let path = named
        .and_then(|package| package.get("manifest_path"))
        .and_then(Value::as_str);
    let path = PathBuf::from(path.with_context(|| format!("cargo knows no package {name}"))?);
    Ok(path.parent().context("a manifest without folder")?.to_owned())
}

/// The platform that the compiler builds for, such as `x86_64-unknown-linux-gnu`.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("cannot run rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names no host")?.to_owned())
}
