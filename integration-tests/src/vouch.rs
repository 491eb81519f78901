//! Reference values that describe exactly the machine behind an attestation result.
//!
//! Whoever builds a guest computes them from what it is built from. Demonstrations and tests, which simulate the
//! whole machine, read them off its claims.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Id of a reference value, and where the claim is that it is compared with, as a JSON pointer below the TEE's
/// claims.
type Row = (&'static str, &'static str);

const SNP: &[Row] = &[
    ("snp_launch_measurement", "/measurement"),
    ("snp_bootloader", "/reported_tcb_bootloader"),
    ("snp_microcode", "/reported_tcb_microcode"),
    ("snp_snp_svn", "/reported_tcb_snp"),
    ("snp_tee_svn", "/reported_tcb_tee"),
];

const TDX: &[Row] = &[
    ("mr_td", "/quote/body/mr_td"),
    ("rtmr_1", "/quote/body/rtmr_1"),
    ("rtmr_2", "/quote/body/rtmr_2"),
    ("xfam", "/quote/body/xfam"),
    ("tdvfkernel", "/uefi_event_logs/1/digests/0/digest"),
    ("tdvfkernelparams", "/uefi_event_logs/2/digests/0/digest"),
];

const AZ_SNP_VTPM: &[Row] = &[
    ("measurement", "/measurement"),
    ("snp_pcr04", "/tpm/pcr04"),
    ("snp_pcr11", "/tpm/pcr11"),
    ("tcb_bootloader", "/reported_tcb_bootloader"),
    ("tcb_microcode", "/reported_tcb_microcode"),
    ("tcb_snp", "/reported_tcb_snp"),
    ("tcb_tee", "/reported_tcb_tee"),
    ("smt_enabled", "/platform_smt_enabled"),
    ("tsme_enabled", "/platform_tsme_enabled"),
    ("abi_major", "/policy_abi_major"),
    ("abi_minor", "/policy_abi_minor"),
    ("single_socket", "/policy_single_socket"),
    ("smt_allowed", "/policy_smt_allowed"),
];

const AZ_TDX_VTPM: &[Row] = &[
    ("tdx_pcr04", "/tpm/pcr04"),
    ("tdx_pcr11", "/tpm/pcr11"),
    ("mr_td", "/quote/body/mr_td"),
    ("xfam", "/quote/body/xfam"),
];

const CCA: &[Row] = &[
    (
        "cca_realm_initial_measurement",
        "/realm/cca-realm-initial-measurement",
    ),
    (
        "cca_platform_implementation_id",
        "/platform/cca-platform-implementation-id",
    ),
    ("cca_platform_config", "/platform/cca-platform-config"),
];

const CSV: &[Row] = &[("csv_launch_measurement", "/measure")];

const SGX: &[Row] = &[
    ("sgx_mr_enclave", "/body/mr_enclave"),
    ("sgx_xfrm", "/body/attributes.xfrm"),
];

const TPM: &[Row] = &[
    ("trusted_aks", "/ak_public"),
    ("tpm_pcr00", "/pcr00"),
    ("tpm_pcr04", "/pcr04"),
    ("tpm_pcr11", "/pcr11"),
];

/// Besides the measurements, of which each has an id of its own.
const NVIDIA: &[Row] = &[
    ("allowed_driver_versions", "/config/driver_version"),
    ("allowed_vbios_versions", "/config/vbios_version"),
];

const SAMPLE: &[Row] = &[
    ("launch_digest", "/launch_digest"),
    ("svn", "/svn"),
    ("major_version", "/platform_version/major"),
    ("minimum_minor_version", "/platform_version/minor"),
];

/// The rows of a TEE; none for one that the built-in policies know no reference values for.
fn rows(tee: &str) -> &'static [Row] {
    match tee {
        "snp" => SNP,
        "sgx" => SGX,
        "tdx" => TDX,
        "az-snp-vtpm" => AZ_SNP_VTPM,
        "az-tdx-vtpm" => AZ_TDX_VTPM,
        "cca" => CCA,
        "csv" => CSV,
        "nvidia" => NVIDIA,
        "tpm" => TPM,
        "sample" => SAMPLE,
        _ => &[],
    }
}

/// The reference values, each a list of one, for annotated evidence (the token's
/// `ear.veraison.annotated-evidence`).
///
/// # Errors
/// The evidence is of another TEE, or lacks a claim.
pub fn reference_values(tee: &str, annotated: &Value) -> anyhow::Result<Value> {
    let claims = annotated
        .get(tee)
        .with_context(|| format!("the token has no claims about TEE {tee}"))?;
    let mut values = Map::new();
    for (id, pointer) in rows(tee) {
        let claim = claims
            .pointer(pointer)
            .with_context(|| format!("the token has no {tee} claim {pointer}"))?;
        values.insert((*id).to_owned(), json!([claim]));
    }
    let measurements = claims.get("measurements").and_then(Value::as_object);
    for (index, digest) in measurements.into_iter().flatten() {
        // NVIDIA's manifests count from 0, and reports from 1.
        let number = index.parse::<u8>().ok().and_then(|index| index.checked_sub(1));
        let number = number.with_context(|| format!("a measurement has the index {index}"))?;
        values.insert(
            format!("NVIDIA_Corporation.GPU.measurement_{number}"),
            json!([digest]),
        );
    }
    anyhow::ensure!(!values.is_empty(), "no reference values are known for TEE {tee}");
    Ok(Value::Object(values))
}

/// The envelope that reference values are registered in.
pub fn register_message(values: &Value) -> String {
    json!({"version": "0.1.0", "type": "sample", "payload": STANDARD.encode(values.to_string())}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_becomes_the_reference_value_it_is_compared_with() {
        let annotated = json!({"csv": {"measure": "00", "version": "2"}});
        let values = reference_values("csv", &annotated).unwrap();
        assert_eq!(values, json!({"csv_launch_measurement": ["00"]}));
    }

    #[test]
    fn a_missing_claim_is_an_error_that_names_it() {
        let error = reference_values("tpm", &json!({"tpm": {"pcr11": "00"}})).unwrap_err();
        assert!(error.to_string().contains("/ak_public"), "{error}");
        assert!(reference_values("snp", &json!({"tpm": {}})).is_err());
        assert!(reference_values("abacus", &json!({"abacus": {}})).is_err());
    }
}
