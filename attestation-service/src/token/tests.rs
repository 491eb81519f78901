use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::{SigningKey, UnverifiedToken, Validation};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use tempfile::TempDir;
use verifier::{Tee, UnverifiedEvidence, Verifiers};

use super::*;
use crate::appraisal::AnnotatedEvidence;
use crate::binding::Binding;
use crate::config::SignerConfig;
use crate::policies::ReadyPolicy;
use crate::reference_values::View;
use crate::request::{HashAlgorithm, IndividualRequest, InitData, RuntimeData};

const NOW: i64 = 1_795_309_052;

const POLICY: &str = r#"
package policy
import rego.v1
trust_claims := {"sourced-data": 0, "hardware": 2, "configuration": 36}
extensions := [
    {"name": "z.first", "key": -1, "value": {"b": 1, "a": [true]}},
    {"name": "nothing", "key": -2, "value": null},
    {"name": "a.second", "key": -3, "value": "x"},
]
"#;

/// SHA-384 of that text.
const DIGEST: &str =
    "e5bb791070900eff216c5d1d07e8807180c0d8d50ba69b886ed58feb768b8545d781cfb3b894222ba4c2e7c28123256b";

/// Submodules of sample evidence: a CPU, and one GPU for each further TEE.
fn submodules(tees: &[Tee]) -> Vec<Submodule> {
    let verifiers = Verifiers::new(verifier::VerifierOptions::default()).unwrap();
    let policy = ReadyPolicy::compile(POLICY).unwrap();
    let binding = Binding::of(
        &IndividualRequest {
            tee: Tee::Sample,
            evidence: Vec::new(),
            runtime_data: RuntimeData::Structured(r#"{"nonce":"n","additional-evidence":""}"#.to_owned()),
            init_data: InitData::None,
            hash: HashAlgorithm::Sha384,
        },
        true,
    );
    let binding = Arc::new(binding.unwrap());
    let report_data = STANDARD.encode(binding.expected.report_data.as_ref().unwrap());
    let evidence = format!(r#"{{"svn":"1","report_data":"{report_data}"}}"#);
    tees.iter()
        .map(|tee| {
            let parsed = verifiers
                .get(*tee)
                .unwrap()
                .parse(UnverifiedEvidence::new(evidence.as_bytes()))
                .unwrap();
            let claims = parsed
                .verify(&binding.expected, &Default::default(), NOW)
                .unwrap();
            let annotated = AnnotatedEvidence::of(claims[0].clone(), Arc::clone(&binding)).unwrap();
            annotated.appraise("default", &policy, &View::default()).unwrap()
        })
        .collect()
}

fn decode(part: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn members_come_in_the_order_that_the_ecosystem_emits() {
    let issuer = EarIssuer::new(&TokenConfig::default()).unwrap();
    let submodules = submodules(&[Tee::Sample]);
    let token = issuer.issue(&submodules, NOW).unwrap();
    let report_data: serde_json::Value =
        serde_json::from_str(&decode(token.as_str().split('.').nth(1).unwrap())).unwrap();
    let report_data = &report_data["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["report_data"];
    let expected = format!(
        concat!(
            r#"{{"eat_profile":"tag:github.com,2024:confidential-containers/Trustee","iat":1795309052,"#,
            r#""ear.verifier-id":{{"developer":"https://confidentialcontainers.org","#,
            r#""build":"attestation-service 0.1.0"}},"submods":{{"cpu0":{{"ear.status":"warning","#,
            r#""ear.trustworthiness-vector":{{"configuration":36,"hardware":2,"sourced-data":0}},"#,
            r#""ear.appraisal-policy-id":"default","ear.veraison.annotated-evidence":{{"report_data":{},"#,
            r#""runtime_data_claims":{{"additional-evidence":"","nonce":"n"}},"sample":{{"debug":false,"#,
            r#""launch_digest":"abcde","platform_version":{{"major":1,"minor":4}},"svn":"1"}}}},"#,
            r#""z.first":{{"a":[true],"b":1}},"a.second":"x","ear.trustee.policy-digest":"{}"}}}},"#,
            r#""exp":1795309352,"#,
            r#""iss":"CoCo-Attestation-Service"}}"#
        ),
        report_data, DIGEST
    );
    assert_eq!(decode(token.as_str().split('.').nth(1).unwrap()), expected);
}

#[test]
fn a_token_names_whom_it_is_meant_for_only_where_that_is_configured() {
    let audience = |audiences: &[&str]| {
        let config = TokenConfig {
            audiences: audiences.iter().map(ToString::to_string).collect(),
            ..TokenConfig::default()
        };
        let token = EarIssuer::new(&config)
            .unwrap()
            .issue(&submodules(&[Tee::Sample]), NOW)
            .unwrap();
        let claims: serde_json::Value =
            serde_json::from_str(&decode(token.as_str().split('.').nth(1).unwrap())).unwrap();
        claims.get("aud").cloned()
    };
    assert_eq!(audience(&[]), None);
    assert_eq!(audience(&["one"]), Some("one".into()));
    assert_eq!(audience(&["one", "two"]), Some(vec!["one", "two"].into()));
}

#[test]
fn submodules_are_counted_for_each_class() {
    let submodules = submodules(&[Tee::SampleDevice, Tee::Sample, Tee::SampleDevice]);
    let names: Vec<String> = named(&submodules).into_keys().collect();
    assert_eq!(names, ["cpu0", "gpu0", "gpu1"]);
}

#[test]
fn the_header_holds_the_key_that_verifies_and_no_key_id() {
    let issuer = EarIssuer::new(&TokenConfig::default()).unwrap();
    let token = issuer.issue(&submodules(&[Tee::Sample]), NOW).unwrap();
    let header = decode(token.as_str().split('.').next().unwrap());
    let start = r#"{"typ":"JWT","alg":"ES256","jwk":{"alg":"ES256","kty":"EC","crv":"P-256","x":""#;
    assert!(header.starts_with(start), "{header}");

    let unverified = UnverifiedToken::parse(token.as_str()).unwrap();
    let key = unverified.jwk().unwrap().verification_key().unwrap();
    let validation = Validation {
        now: NOW,
        leeway: 0,
        issuer: Some("CoCo-Attestation-Service"),
        audience: None,
    };
    let claims = unverified.verify(&key).unwrap().validate(&validation).unwrap();
    assert_eq!(claims.expires_at(), NOW + 300);
}

#[test]
fn the_jwk_set_holds_the_key_of_the_header() {
    let issuer = EarIssuer::new(&TokenConfig::default()).unwrap();
    let token = issuer.issue(&submodules(&[Tee::Sample]), NOW).unwrap();
    let header: serde_json::Value =
        serde_json::from_str(&decode(token.as_str().split('.').next().unwrap())).unwrap();
    let jwks: serde_json::Value = serde_json::from_str(issuer.jwks()).unwrap();
    assert_eq!(jwks, serde_json::json!({"keys": [header["jwk"]]}));
}

#[test]
fn every_start_without_a_signer_makes_another_key() {
    let jwks = || EarIssuer::new(&TokenConfig::default()).unwrap().jwks().to_owned();
    assert_ne!(jwks(), jwks());
}

/// A key, and a certificate for it, in files.
struct Files {
    directory: TempDir,
    key: KeyPair,
}

impl Files {
    fn new() -> Self {
        let (directory, key) = (
            TempDir::new().unwrap(),
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
        );
        std::fs::write(directory.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { directory, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a certificate for `key` and gives back its DER.
    fn certify(&self, name: &str, key: &KeyPair) -> Vec<u8> {
        let certificate = CertificateParams::new(vec!["as".to_owned()])
            .unwrap()
            .self_signed(key)
            .unwrap();
        std::fs::write(self.path(name), certificate.pem()).unwrap();
        certificate.der().to_vec()
    }

    fn issuer(&self, cert_path: Option<&str>, cert_url: Option<&str>) -> Result<EarIssuer, StartError> {
        EarIssuer::new(&TokenConfig {
            signer: Some(SignerConfig {
                key_path: self.path("key.pem"),
                cert_url: cert_url.map(str::to_owned),
                cert_path: cert_path.map(|name| self.path(name)),
            }),
            ..TokenConfig::default()
        })
    }
}

#[test]
fn a_configured_chain_and_url_are_in_the_header_in_order() {
    let files = Files::new();
    let leaf = files.certify("leaf.pem", &files.key);
    let root = files.certify("root.pem", &KeyPair::generate().unwrap());
    let chain = [
        std::fs::read(files.path("leaf.pem")).unwrap(),
        std::fs::read(files.path("root.pem")).unwrap(),
    ];
    std::fs::write(files.path("chain.pem"), chain.concat()).unwrap();
    let issuer = files.issuer(Some("chain.pem"), Some("https://as/chain")).unwrap();
    let token = issuer.issue(&submodules(&[Tee::Sample]), NOW).unwrap();
    let header = decode(token.as_str().split('.').next().unwrap());
    let start = format!(
        r#"{{"typ":"JWT","alg":"ES256","jwk":{{"alg":"ES256","x5u":"https://as/chain","x5c":["{}","{}"],"kty":"EC","crv":"P-256","x":""#,
        STANDARD.encode(leaf),
        STANDARD.encode(root)
    );
    assert!(header.starts_with(&start), "{header}");
}

#[test]
fn a_certificate_for_another_key_stops_the_start() {
    let files = Files::new();
    files.certify("other.pem", &KeyPair::generate().unwrap());
    let error = files.issuer(Some("other.pem"), None).err().unwrap().to_string();
    assert!(error.contains("not for the key"), "{error}");
}

#[test]
fn a_key_that_is_missing_or_of_another_curve_stops_the_start() {
    let files = Files::new();
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    std::fs::write(files.path("key.pem"), p384.serialize_pem()).unwrap();
    let error = files.issuer(None, None).err().unwrap().to_string();
    assert!(
        error.contains("Only P-256 attestation token signing keys are supported"),
        "{error}"
    );
    std::fs::write(files.path("key.pem"), "no key").unwrap();
    assert!(files.issuer(None, None).is_err());
    std::fs::remove_file(files.path("key.pem")).unwrap();
    assert!(files.issuer(None, None).is_err());
}

#[test]
fn a_token_that_is_never_good_stops_the_start() {
    assert!(
        EarIssuer::new(&TokenConfig {
            duration_min: 0,
            ..TokenConfig::default()
        })
        .is_err()
    );
}

#[test]
fn a_generated_key_can_be_configured_and_read_back() {
    let files = Files::new();
    let key = SigningKey::generate_p256().unwrap();
    std::fs::write(files.path("key.pem"), key.private_key_pem().unwrap().as_bytes()).unwrap();
    let issuer = files.issuer(None, None).unwrap();
    let jwk = serde_json::to_value(key.public_jwk()).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(issuer.jwks()).unwrap()["keys"][0],
        jwk
    );
}
