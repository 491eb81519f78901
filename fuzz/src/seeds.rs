//! Well-formed inputs to begin with: each target's own, and the texts that are of use to many.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{INIT_DATA, REPORT_DATA};

/// Those of one target. Few targets have none.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let seeds = match target {
        "snp_evidence" => evidence("snp"),
        "tpm_evidence" => evidence("tpm"),
        "csv_evidence" => evidence("csv"),
        "azure_evidence" => [evidence("az-snp-vtpm"), evidence("az-tdx-vtpm")].concat(),
        "hcl_report" => [
            parts("az-snp-vtpm", "/hcl_report"),
            parts("az-tdx-vtpm", "/hcl_report"),
        ]
        .concat(),
        "tpm_quote" => [
            parts("tpm", "/tpm_quote/message"),
            parts("tpm", "/tpm_quote/signature"),
        ]
        .concat(),
        "tdx_quote" => [
            evidence("tdx"),
            parts("tdx", "/quote"),
            parts("tdx", "/cc_eventlog"),
        ]
        .concat(),
        "sgx_quote" => [evidence("sgx"), parts("sgx", "/quote")].concat(),
        "event_log" => parts("tdx", "/cc_eventlog"),
        "cca_token" => [evidence("cca"), parts("cca", "/token")].concat(),
        "nvidia_evidence" => devices().into_iter().map(text).collect(),
        "spdm_report" => devices()
            .iter()
            .flat_map(|devices| part(devices, "/device_evidence_list/0/evidence"))
            .collect(),
        "certificate_table" => parts("snp", "/cert_chain/0/data"),
        _ => return Vec::new(),
    };
    assert!(
        !seeds.is_empty() && seeds.iter().all(|seed| !seed.is_empty()),
        "{target} has no seeds any more"
    );
    seeds
}

/// Evidence of a simulated guest, that carries what the targets expect it to.
fn evidence(tee: &str) -> Vec<Vec<u8>> {
    guest(tee).into_iter().map(text).collect()
}

fn guest(tee: &str) -> Option<Value> {
    let guest = simulated_tee::guest(tee).ok()??;
    let init_data = (tee != "csv").then_some(&INIT_DATA[..]);
    guest.evidence(&REPORT_DATA, init_data).ok()
}

fn devices() -> Option<Value> {
    simulated_tee::device("nvidia", 2)
        .ok()??
        .evidence(&REPORT_DATA, None)
        .ok()
}

fn text(value: Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn parts(tee: &str, pointer: &str) -> Vec<Vec<u8>> {
    guest(tee)
        .iter()
        .filter_map(|evidence| part(evidence, pointer))
        .collect()
}

/// Bytes that are a member of evidence, in whichever form it has them.
fn part(evidence: &Value, pointer: &str) -> Option<Vec<u8>> {
    match evidence.pointer(pointer)? {
        Value::Array(bytes) => bytes.iter().map(|byte| byte.as_u64()?.try_into().ok()).collect(),
        Value::String(text) => hex(text)
            .or_else(|| STANDARD.decode(text).ok())
            .or_else(|| URL_SAFE.decode(text).ok())
            .or_else(|| URL_SAFE_NO_PAD.decode(text).ok()),
        _ => None,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// What many targets take something of.
pub const TEXTS: &[&str] = &[
    r#"{"version":"0.4.0","tee":"snp","extra-params":{"supported-hash-algorithms":["sha384"]}}"#,
    r#"{"init-data":null,"runtime-data":{"nonce":"AA==","tee-pubkey":{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"NERNydz2sUdLFER6QR4zdyP_kCPUsI4L9AD1ONgppUk","y":"3SwWswbpDLU0A43p33DVQkxZxg8zF6P5E1RmQ9AwCWk"}},"tee-evidence":{"primary_evidence":{"svn":"1","report_data":"AA=="},"additional_evidence":""}}"#,
    r#"{"attestation_report":{"version":3,"guest_svn":0,"policy":196608,"chip_id":[0,1]},"cert_chain":[{"cert_type":"VCEK","data":[48,130,1,0]}]}"#,
    r#"{"device_evidence_list":[{"arch":"HOPPER","uuid":"GPU-1","evidence":"11e001ff","certificate":"AAAA"}]}"#,
    r#"[["JWT","eyJhbGciOiJFUzM4NCIsImtpZCI6ImEifQ.eyJleHAiOjF9.c2ln"],{"GPU-0":"eyJhbGciOiJFUzM4NCIsImtpZCI6ImEifQ.e30.c2ln"}]"#,
    "/kbs/v0/resource/default/key/one%2F..%2f%00?x=y",
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjF9.c2ln",
    r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","alg":"ES256","x":"NERNydz2sUdLFER6QR4zdyP_kCPUsI4L9AD1ONgppUk","y":"3SwWswbpDLU0A43p33DVQkxZxg8zF6P5E1RmQ9AwCWk"}]}"#,
    r#"{"protected":"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyJ9","encrypted_key":"AA","iv":"AA","ciphertext":"AA","tag":"AA"}"#,
    "package policy\nimport rego.v1\ndefault allow := false\nallow if {\n  data.plugin == \"resource\"\n  some x in input.submods\n  x[\"ear.status\"] == \"affirming\"\n}\n",
    r#"{"tpm_quote":{"signature":"ABgACwABAQABAQ==","message":"/1RDR4AYAAAAAAAAAAA=","pcrs":["00"]},"ak_public":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="}"#,
    r#"{"version":2,"tpm_quote":{"signature":"00","message":"ff544347","pcrs":["00"]},"hcl_report":"SENMQQEAAAA=","vcek":"MIIB","td_quote":"BAACAIEAAAA="}"#,
    "HCLA\u{1}\0\0\0\u{2}\0\0\0\u{2}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    r#"{"tcbInfo":{"id":"TDX","version":3,"issueDate":"2026-01-01T00:00:00Z","nextUpdate":"2026-01-31T00:00:00Z","fmspc":"000000000000"},"signature":"00"}"#,
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    r#"<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384" xmlns:r="https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/"><Meta edition="GPU" r:PlatformManufacturerStr="A"/><Payload><Resource type="Measurement" index="1" h:Hash0="ab" h:Hash1="&amp;"/></Payload></SoftwareIdentity>"#,
    r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"MAYCAQECAQE=","cert":"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"}]}"#,
    r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"kernel","digest":{"sha256":"ab"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"runDetails":{"metadata":{"finishedOn":"2026-11-22T00:00:00Z"}}}}"#,
    r#"[{"name":"svn","expiration":"2036-01-01T00:00:00Z","hash-value":[{"alg":"sha256","value":"1"}]}]"#,
    r#"{"version":"0.1.0","type":"sample","payload":"eyJzdm4iOlsiMSJdfQ=="}"#,
    "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"aa.toml\" = '''x = 1'''\n\"policy.rego\" = '''policy_data := {\"a\": 1}'''\n",
    "default/key/one",
    r#"{"audit":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","time":"2026-11-22T08:19:01Z","event":"x","hash":"0000000000000000000000000000000000000000000000000000000000000000"}"#,
    r#"{"collaterals":{"tcbinfos":[{"fmspc":"00806F050000","tdx_tcbinfo":{"tcbInfo":{},"signature":"00"}}],"rootcacrl":"3000","certificates":{"TCB-Info-Issuer-Chain":"-----BEGIN%20CERTIFICATE-----%0AMIIB%0A-----END%20CERTIFICATE-----%0A"}}}"#,
];
