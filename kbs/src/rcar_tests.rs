use proptest::prelude::*;

use super::*;

const KEY: &str = r#"{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"a","y":"b"}"#;

fn request(version: &str, tee: &str, extra: &str) -> Result<Request, AuthRequestError> {
    let text = format!(r#"{{"version":"{version}","tee":"{tee}","extra-params":{extra}}}"#);
    Request::parse(text.as_bytes())
}

fn attestation(init_data: &str, additional: &str) -> String {
    format!(
        r#"{{"init-data":{init_data},"runtime-data":{{"nonce":"n","tee-pubkey":{KEY}}},
           "tee-evidence":{{"primary_evidence":{{"svn":"1" , "b":[1,2]}},"additional_evidence":{additional}}}}}"#
    )
}

fn evaluation(body: &str) -> Result<Evaluation, KbsError> {
    Attestation::parse(body.as_bytes())?.evaluation(Tee::Snp, None)
}

#[test]
fn only_version_0_4_0_is_spoken() {
    assert!(request("0.4.0", "sample", "{}").is_ok());
    assert!(request("0.4.0+build.7", "snp", "null").is_ok());
    for version in ["0.1.0", "0.4.1", "0.4.0-alpha", "1.0.0"] {
        let error = request(version, "sample", "{}").unwrap_err();
        assert_eq!(error, AuthRequestError::VersionMismatch(version.into()));
    }
    for version in ["", "0.4", "00.4.0", "0.4.0.0", "v0.4.0", "0.4.x"] {
        let error = request(version, "sample", "{}").unwrap_err();
        assert_eq!(error, AuthRequestError::BadVersion, "{version}");
    }
}

#[test]
fn a_request_needs_its_members_and_a_known_tee() {
    for body in [
        "{",
        r#"{"version":"0.4.0","tee":"xyz","extra-params":{}}"#,
        r#"{"version":"0.4.0","tee":"SNP","extra-params":{}}"#,
        r#"{"version":"0.4.0","tee":"snp"}"#,
    ] {
        let error = Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error, AuthRequestError::Malformed, "{body}");
    }
}

#[test]
fn a_challenge_names_the_hash_only_where_one_was_chosen() {
    let params = |hash| Challenge::new("n", hash).extra_params;
    assert_eq!(params(HashChoice::Unsaid), "");
    assert_eq!(
        params(HashChoice::Selected("sha512"))["selected-hash-algorithm"],
        "sha512"
    );
    let offer = r#"{"supported-hash-algorithms":["sha512"]}"#;
    assert!(request("0.4.0", "se", offer).unwrap().offered_hashes().is_some());
    for extra in ["null", "\"\"", "{}", "[]"] {
        assert_eq!(request("0.4.0", "se", extra).unwrap().offered_hashes(), None);
    }
}

#[test]
fn the_primary_evidence_is_bound_to_the_devices_and_they_to_nonce_and_key() {
    let devices = r#""{\"nvidia\":{\"d\":1},\"sampledevice\":{}}""#;
    let evaluation = evaluation(&attestation(r#"{"format":"toml","body":"x"}"#, devices)).unwrap();
    let [cpu, gpu, device] = &evaluation.items[..] else {
        panic!("three items")
    };
    assert_eq!(
        (cpu.tee, gpu.tee, device.tee),
        (Tee::Snp, Tee::Nvidia, Tee::SampleDevice)
    );
    assert_eq!(cpu.evidence, r#"{"svn":"1" , "b":[1,2]}"#);
    assert_eq!(cpu.init_data_toml.as_deref(), Some("x"));
    assert_eq!(gpu.init_data_toml, None);
    let bound: Value = serde_json::from_str(&cpu.runtime_data).unwrap();
    assert_eq!(
        bound["additional-evidence"],
        r#"{"nvidia":{"d":1},"sampledevice":{}}"#
    );
    assert_eq!(gpu.runtime_data, format!(r#"{{"nonce":"n","tee-pubkey":{KEY}}}"#));
}

#[test]
fn a_guest_without_devices_binds_an_empty_text() {
    let evaluation = evaluation(&attestation("null", "\"\"")).unwrap();
    let bound: Value = serde_json::from_str(&evaluation.items[0].runtime_data).unwrap();
    assert_eq!(bound["additional-evidence"], "");
    assert_eq!(evaluation.items.len(), 1);
}

#[test]
fn init_data_in_another_format_and_unknown_devices_are_refused() {
    assert!(evaluation(&attestation(r#"{"format":"json","body":"x"}"#, "\"\"")).is_err());
    assert!(evaluation(&attestation("null", r#""{\"toaster\":{}}""#)).is_err());
    assert!(evaluation(&attestation("null", r#""[1]""#)).is_err());
}

#[test]
fn se_is_hashed_with_sha_512() {
    assert_eq!(hash_algorithm(Tee::Se), HashAlgorithm::Sha512);
    assert_eq!(hash_algorithm(Tee::Snp), HashAlgorithm::Sha384);
}

proptest! {
    #[test]
    fn no_message_makes_the_parsers_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&body);
        let _ = Attestation::parse(&body);
    }

    #[test]
    fn no_additional_evidence_makes_the_parser_panic(text in ".{0,60}") {
        let text = serde_json::to_string(&text).unwrap();
        let _ = evaluation(&attestation("null", &text));
    }
}
