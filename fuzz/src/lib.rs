//! One function a parser of what strangers send. It must return, whatever the bytes are.
//!
//! `smoke` runs each for a moment on mutated seeds, on stable Rust and in CI; `fuzz_targets` wraps each for
//! the coverage-guided fuzzer.

mod documents;
mod nvidia;
mod records;
pub mod seeds;

use std::sync::LazyLock;

use verifier::{Endorsements, ExpectedBinding, SnpRoot, Tee, UnverifiedEvidence, VerifierOptions, Verifiers};

pub use self::documents::{collateral_file, endorsement_bundle, init_data};
pub use self::nvidia::{nras_answer, nvidia_evidence, spdm_report};
pub use self::records::{audit_log, resource_scope};

/// A target: a name and the function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("snp_evidence", snp_evidence),
    ("snp_report", snp_report),
    ("certificate_table", certificate_table),
    ("nvidia_evidence", nvidia_evidence),
    ("spdm_report", spdm_report),
    ("nras_answer", nras_answer),
    ("cca_token", cca_token),
    ("csv_evidence", csv_evidence),
    ("endorsement", endorsement),
    ("rcar_request", rcar_request),
    ("rcar_attestation", rcar_attestation),
    ("resource_path", resource_path),
    ("token", token),
    ("sealed", sealed),
    ("release_policy", release_policy),
    ("tpm_evidence", tpm_evidence),
    ("tpm_quote", tpm_quote),
    ("azure_evidence", azure_evidence),
    ("hcl_report", hcl_report),
    ("tdx_quote", tdx_quote),
    ("sgx_quote", sgx_quote),
    ("event_log", event_log),
    ("swid", swid),
    ("corim", corim),
    ("dsse", dsse),
    ("register_message", register_message),
    ("firmware", firmware),
    ("init_data", init_data),
    ("endorsement_bundle", endorsement_bundle),
    ("collateral_file", collateral_file),
    ("audit_log", audit_log),
    ("resource_scope", resource_scope),
];

/// SNP evidence as JSON: report and certificates, through every check.
pub fn snp_evidence(data: &[u8]) {
    verify(data);
}

/// The bytes as the raw values of a report's arrays, in evidence that is otherwise well formed.
pub fn snp_report(data: &[u8]) {
    let byte = |index: usize| data.get(index % data.len().max(1)).copied().unwrap_or(0);
    let array = |from: usize, length: usize| (from..from + length).map(byte).collect::<Vec<u8>>();
    let tcb = |from: usize| {
        serde_json::json!({"fmc": null, "bootloader": byte(from), "tee": byte(from + 1),
            "snp": byte(from + 2), "microcode": byte(from + 3)})
    };
    let version = serde_json::json!({"major": byte(4), "minor": byte(5), "build": byte(6)});
    let report = serde_json::json!({
        "version": byte(0) % 8, "guest_svn": 0, "policy": u64::from(byte(1)) << 16, "family_id": array(1, 16),
        "image_id": array(2, 16), "vmpl": byte(2) % 4, "sig_algo": byte(3) % 3, "current_tcb": tcb(7),
        "plat_info": byte(8), "key_info": byte(9), "report_data": array(10, 64), "measurement": array(11, 48),
        "host_data": array(12, 32), "id_key_digest": array(13, 48), "author_key_digest": array(14, 48),
        "report_id": array(15, 32), "report_id_ma": array(16, 32), "reported_tcb": tcb(17),
        "cpuid_fam_id": byte(18), "cpuid_mod_id": byte(19), "cpuid_step": byte(20), "chip_id": array(21, 64),
        "committed_tcb": tcb(22), "current": version.clone(), "committed": version, "launch_tcb": tcb(23),
        "signature": {"r": array(24, 72), "s": array(25, 72)},
        "launch_mit_vector": null, "current_mit_vector": null,
    });
    let evidence = serde_json::json!({"attestation_report": report, "cert_chain": null});
    verify(evidence.to_string().as_bytes());
}

/// The bytes as certificates of every kind.
pub fn certificate_table(data: &[u8]) {
    let kinds = ["ARK", "ASK", "VCEK", "VLEK"];
    let chain: Vec<_> = kinds
        .iter()
        .map(|kind| serde_json::json!({"cert_type": kind, "data": data}))
        .collect();
    let evidence = serde_json::json!({"attestation_report": {}, "cert_chain": chain});
    verify(evidence.to_string().as_bytes());
    let pem = jose::x5c::TrustAnchors::from_pem(data);
    if let Ok(anchors) = pem {
        let _ = anchors.verify(&[String::from_utf8_lossy(data).into_owned()], 0);
    }
}

/// Evidence of a bare TPM as JSON, through every check.
pub fn tpm_evidence(data: &[u8]) {
    verify_as(Tee::Tpm, data);
}

/// The bytes as quote, signature, key and certificate in evidence that is otherwise well formed.
pub fn tpm_quote(data: &[u8]) {
    let base64 = base64(data);
    let quote =
        serde_json::json!({"signature": base64, "message": base64, "pcrs": vec!["00".repeat(32); 24]});
    let mut evidence =
        serde_json::json!({"tpm_quote": quote, "ak_public": base64, "ak_certificates": [base64, base64]});
    verify_as(Tee::Tpm, evidence.to_string().as_bytes());
    // With a key that can be used, the signature is looked at; with a signature as well, the quote.
    evidence["ak_public"] = P256_KEY.into();
    verify_as(Tee::Tpm, evidence.to_string().as_bytes());
    evidence["tpm_quote"]["signature"] = "ABgACwABAQABAQ==".into();
    verify_as(Tee::Tpm, evidence.to_string().as_bytes());
}

/// A point of P-256 (the generator) as a key.
const P256_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li\
                        /hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";

/// Evidence of an Azure guest as JSON, through every check.
pub fn azure_evidence(data: &[u8]) {
    verify_as(Tee::AzSnpVtpm, data);
    verify_as(Tee::AzTdxVtpm, data);
}

/// The bytes as an HCL report, alone and behind what one begins with, and as everything else in the evidence.
pub fn hcl_report(data: &[u8]) {
    let begun = [b"HCLA", data].concat();
    for hcl_report in [data, &begun] {
        for (tee, member) in [(Tee::AzSnpVtpm, "vcek"), (Tee::AzTdxVtpm, "td_quote")] {
            let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
            let quote =
                serde_json::json!({"signature": hex, "message": hex, "pcrs": vec!["00".repeat(32); 24]});
            let url = |bytes: &[u8]| base64(bytes).replace('+', "-").replace('/', "_");
            let evidence = serde_json::json!({
                "version": 2, "tpm_quote": quote, "hcl_report": url(hcl_report), member: url(data),
            });
            verify_as(tee, evidence.to_string().as_bytes());
        }
    }
}

/// The bytes as a CCA token, as each of its two messages and as the claims of each. No platform is trusted, so a
/// well-formed one ends at the trust anchors.
pub fn cca_token(data: &[u8]) {
    let bytes = |data: &[u8]| [&[0x59][..], &(data.len() as u16).to_be_bytes(), data].concat();
    let message = |payload: &[u8]| {
        let header = [0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0];
        [&[0xd2, 0x84][..], &header, &bytes(payload), &bytes(&[0; 96])].concat()
    };
    let collection = |platform: &[u8], realm: &[u8]| {
        let labels = [[0x19, 0xac, 0xca], [0x19, 0xac, 0xd1]];
        [
            &[0xd9, 0x01, 0x8f, 0xa2][..],
            &labels[0],
            &bytes(platform),
            &labels[1],
            &bytes(realm),
        ]
        .concat()
    };
    let data = &data[..data.len().min(16_000)];
    let tokens = [
        data.to_vec(),
        collection(data, data),
        collection(&message(data), &message(data)),
    ];
    for token in tokens {
        verify_as(
            Tee::Cca,
            serde_json::json!({"token": token}).to_string().as_bytes(),
        );
    }
}

/// CSV evidence as JSON, and the bytes as a report in evidence that is otherwise well formed.
pub fn csv_evidence(data: &[u8]) {
    verify_as(Tee::Csv, data);
    let fill = |from: usize, length: usize| -> Vec<u8> {
        let byte = |at: usize| data.get((from + at) % data.len().max(1)).copied().unwrap_or(0);
        (0..length).map(byte).collect()
    };
    let point = serde_json::json!({"g": 3, "x": fill(0, 72), "y": fill(1, 72)});
    let signature = serde_json::json!({"r": fill(2, 72), "s": fill(3, 72)});
    let block = serde_json::json!({"usage": 0x1004, "algo": 4, "signature": signature.clone(), "_reserved": fill(4, 368)});
    let pek = serde_json::json!({
        "body": {"ver": 1, "data": {
            "firmware": {"major": 1, "minor": 4}, "reserved1": 0, "uid_size": data.len() as u16 % 300,
            "pubkey": {"usage": 0x1002, "algo": 4, "key": point}, "user_id": fill(5, 254),
            "sid": fill(6, 16), "reserved2": fill(7, 608),
        }},
        "sigs": [block.clone(), block],
    });
    let magic: &[u8; 16] = b"ATTESTATION_EXT\0";
    let evidence = serde_json::json!({
        "attestation_report": {"magic": magic, "flags": data.len() % 3, "data": fill(8, 4096)},
        "cert_chain": {"pek": pek}, "serial_number": fill(9, data.len() % 70),
        "cc_eventlog": String::from_utf8_lossy(data),
    });
    verify_as(Tee::Csv, evidence.to_string().as_bytes());
}

/// What a source gives for an endorsement of every kind.
pub fn endorsement(data: &[u8]) {
    use verifier::EndorsementId::{
        DcapPckCrl, DcapQeIdentity, DcapRootCrl, DcapTcbInfo, NrasKeys, SnpAsvk, SnpCrl, SnpVlekCrl,
    };
    use verifier::dcap::{DcapTee, Fmspc, PckCa};
    let (product, tee) = (verifier::SnpProduct::Milan, DcapTee::Tdx);
    let ids = [
        SnpAsvk { product },
        SnpCrl { product },
        SnpVlekCrl { product },
        DcapTcbInfo {
            tee,
            fmspc: Fmspc([0; 6]),
        },
        DcapQeIdentity { tee },
        DcapPckCrl { ca: PckCa::Platform },
        DcapRootCrl,
        NrasKeys,
    ];
    for id in ids {
        let _ = id.validity_of(data);
    }
}

/// What evidence is to carry.
pub(crate) const REPORT_DATA: [u8; 48] = [1; 48];
pub(crate) const INIT_DATA: [u8; 32] = [2; 32];

/// Made once. They trust simulated machines, whose evidence gets as far as it can without endorsements.
static VERIFIERS: LazyLock<Option<Verifiers>> = LazyLock::new(|| {
    let mut options = VerifierOptions::default();
    let milan = simulated_tee::snp::Platform::new(simulated_tee::snp::Generation::Milan).ok()?;
    options.snp.extra_roots = SnpRoot::from_pem(milan.roots_pem().as_bytes()).ok()?;
    let authority = simulated_tee::tpm::Authority::known().ok()?;
    options.tpm.ak_roots = vec![authority.der().to_vec()];
    Verifiers::new(options).ok()
});

fn verify(evidence: &[u8]) {
    verify_as(Tee::Snp, evidence);
}

fn verify_as(tee: Tee, evidence: &[u8]) {
    let verifier = VERIFIERS.as_ref().and_then(|verifiers| verifiers.get(tee));
    let Some(verifier) = verifier else {
        return;
    };
    if let Ok(parsed) = verifier.parse(UnverifiedEvidence::new(evidence)) {
        let binding = ExpectedBinding {
            report_data: Some(REPORT_DATA.to_vec()),
            init_data: (tee != Tee::Csv).then(|| INIT_DATA.to_vec()),
        };
        let _ = parsed.endorsements_for();
        let _ = parsed.verify(&binding, &Endorsements::new(), 1_800_000_000);
    }
}

/// The body of `POST /kbs/v0/auth`.
pub fn rcar_request(data: &[u8]) {
    if let Ok(request) = kbs::rcar::Request::parse(data) {
        let _ = request.offered_hashes();
    }
}

/// The body of `POST /kbs/v0/attest`.
pub fn rcar_attestation(data: &[u8]) {
    if let Ok(attestation) = kbs::rcar::Attestation::parse(data) {
        let _ = attestation.nonce();
        let _ = attestation.tee_pubkey();
    }
}

/// A request path, and the resource that it names.
pub fn resource_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(path) = kbs::path::RequestPath::parse(text) {
        let segments = path.segments();
        if let Ok(resource) = kbs::resource::ResourcePath::from_segments(&segments) {
            assert!(
                resource
                    .segments()
                    .all(|part| !part.starts_with('.') && !part.contains(['/', '\\', '\0']))
            );
        }
    }
}

/// A compact token, and the key set that it may come with.
pub fn token(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(token) = jose::jwt::UnverifiedToken::parse(text) {
            let _ = (token.alg(), token.kid(), token.jwk());
        }
        let _ = policy::text::Pointers::new(["/a/b", "/a", "/0"])
            .find(text)
            .map(Iterator::count);
    }
    let _ = jose::jwk::JwkSet::from_json(data);
}

/// A sealed secret, as a client gets it.
pub fn sealed(data: &[u8]) {
    let _ = serde_json::from_slice::<jose::jwe::Jwe>(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = jose::tee_key::TeePublicKey::from_json(text);
    }
}

/// Claims in which a policy may see the same or not.
const CLAIMS: [&str; 6] = [
    r#"{"submods":{"cpu0":{"ear.status":"none"}},"sample":{"svn":1}}"#,
    r#"{"submods":{"cpu0":{"ear.status":"affirming"}},"sample":{"svn":1},"iat":1}"#,
    r#"{"submods":{"cpu0":{"ear.status":"none"},"gpu0":{}},"sample":{"svn":"1"},"iat":2}"#,
    r#"{"submods":[{"ear.status":"affirming"}],"sample":false}"#,
    r#"{"submods":null,"sample":{"svn":[1,{"a":false}]}}"#,
    r#"{"submods":{"cpu0":7},"sample":"svn"}"#,
];

/// A policy that an admin uploads; and if it is one, that it remembers its answers as they were, and why it refuses
/// what it refuses.
pub fn release_policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = policy::Reads::of(text);
    let claims = serde_json::json!({"submods": {"cpu0": {"ear.status": "none"}}, "sample": {"svn": 1}});
    let Ok(claims) = policy::PolicyInput::from_value(claims) else {
        return;
    };
    let limits = policy::Limits {
        time: std::time::Duration::from_millis(5),
        ..policy::Limits::DEFAULT
    };
    if let Ok(policy) = policy::ReleasePolicy::compile(text) {
        let request = policy::ReleaseRequest {
            plugin: "resource",
            path: &[],
            query: &Default::default(),
        };
        let _ = policy.explain(&claims, &request, &limits);
        for json in CLAIMS.iter().chain(&CLAIMS) {
            let parse = || policy::PolicyInput::from_json(json);
            let decided = policy.decide(json, parse, &request, &limits);
            let evaluated = parse().and_then(|input| policy.evaluate(&input, &request, &limits));
            // What takes too long may be remembered from a quicker moment; and time is no function of the claims.
            if let (Ok(decided), Ok(evaluated), false) = (
                decided,
                evaluated,
                text.contains("now_ns") || text.contains("intn"),
            ) {
                assert_eq!(decided, evaluated, "{json}");
            }
        }
    }
    if let Ok(policy) = policy::AppraisalPolicy::compile(text) {
        let reference = policy::ReferenceValueSnapshot::default();
        if let Ok(appraisal) = policy.evaluate(&claims, &reference, &limits) {
            let explanation = policy.explain(
                &appraisal,
                &claims,
                &reference,
                &limits,
                policy::Depth::Everything,
            );
            assert_eq!(explanation.claims.len(), appraisal.vector.iter().count());
        }
    }
}

/// The bytes as a TDX quote; as the body, the signatures and the chain of one that is otherwise well formed; and as
/// its event log.
pub fn tdx_quote(data: &[u8]) {
    let byte = |index: usize| data.get(index % data.len().max(1)).copied().unwrap_or(0);
    let (version, body_type, size) =
        [(4, 0, 584), (5, 2, 584), (5, 3, 648), (5, 4, 885)][usize::from(byte(0) % 4)];
    let mut quote = quote_header(version, 0x81);
    if version == 5 {
        quote.extend(u16::to_le_bytes(body_type));
        quote.extend(u32::to_le_bytes(size));
    }
    quote.extend((0..size as usize).map(byte));
    let inner = qe_certification(data);
    let mut authentication: Vec<u8> = (0..128).map(byte).collect();
    authentication.extend(6_u16.to_le_bytes());
    authentication.extend((inner.len() as u32).to_le_bytes());
    authentication.extend(inner);
    quote.extend((authentication.len() as u32).to_le_bytes());
    quote.extend(authentication);
    for quote in [data, &quote] {
        let evidence = serde_json::json!({"quote": base64(quote), "cc_eventlog": base64(data)});
        verify_as(Tee::Tdx, evidence.to_string().as_bytes());
        let evidence = serde_json::json!({"quote": base64(quote)});
        verify_as(Tee::Tdx, evidence.to_string().as_bytes());
    }
    verify_as(Tee::Tdx, data);
}

/// The bytes as an SGX quote, and as the parts of one that is otherwise well formed.
pub fn sgx_quote(data: &[u8]) {
    let byte = |index: usize| data.get(index % data.len().max(1)).copied().unwrap_or(0);
    let mut quote = quote_header(3, 0);
    quote.extend((0..384).map(byte));
    let mut authentication: Vec<u8> = (0..128).map(byte).collect();
    authentication.extend(qe_certification(data));
    quote.extend((authentication.len() as u32).to_le_bytes());
    quote.extend(authentication);
    for quote in [data, &quote] {
        verify_as(
            Tee::Sgx,
            serde_json::json!({"quote": base64(quote)}).to_string().as_bytes(),
        );
    }
    verify_as(Tee::Sgx, data);
}

fn quote_header(version: u16, tee_type: u32) -> Vec<u8> {
    let mut header = version.to_le_bytes().to_vec();
    header.extend(2_u16.to_le_bytes());
    header.extend(tee_type.to_le_bytes());
    header.extend([0; 4]);
    header.extend([
        0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
    ]);
    header.extend([0; 20]);
    header
}

/// A quoting enclave's part, with the bytes as the certificate chain.
fn qe_certification(data: &[u8]) -> Vec<u8> {
    let mut part = vec![7; 384 + 64];
    part.extend(32_u16.to_le_bytes());
    part.extend([0; 32]);
    part.extend(5_u16.to_le_bytes());
    part.extend((data.len() as u32).to_le_bytes());
    part.extend(data);
    part
}

/// The bytes as an event log, and as the records behind a good header.
pub fn event_log(data: &[u8]) {
    let mut header = vec![0; 4];
    header.extend(3_u32.to_le_bytes());
    header.extend([0; 20]);
    header.extend(37_u32.to_le_bytes());
    header.extend(b"Spec ID Event03\0");
    header.extend([
        0, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0, 0x0c, 0, 48, 0, 0x12, 0, 32, 0, 0,
    ]);
    assert!(eventlog::EventLog::parse(&header).is_ok());
    let one_record = |event_type: u32| {
        let mut record = 1_u32.to_le_bytes().to_vec();
        record.extend(event_type.to_le_bytes());
        record.extend(0_u32.to_le_bytes());
        record.extend((data.len() as u32).to_le_bytes());
        [&record[..], data].concat()
    };
    let first = u32::from(data.first().copied().unwrap_or(0));
    for records in [
        data.to_vec(),
        one_record(first % 0x14),
        one_record(0x8000_0000 | first),
    ] {
        let Ok(log) = eventlog::EventLog::parse(&[&header[..], &records].concat()) else {
            continue;
        };
        let _ = log.claims();
        let _ = log.replay(eventlog::Algorithm::Sha384);
        let _ = log.replay_pcrs(eventlog::Algorithm::Sm3);
    }
    let _ = eventlog::EventLog::parse(data);
}

/// A SWID tag.
pub fn swid(data: &[u8]) {
    register("swid", None, data);
}

/// A CoRIM, signed or not: the bytes as they are, and laid over a well-formed one.
pub fn corim(data: &[u8]) {
    register("corim", None, data);
    // 501({0: 1, 1: [506(<<{1: {0: "t"}, 4: {0: [[{0: {1: "v"}}, [{0: 3, 1: {2: [[1, h'ab']]}}]]]}}>>)]})
    const COMID: &[u8] = b"\xa2\x01\xa1\x00at\x04\xa1\x00\x81\x82\xa1\x00\xa1\x01av\x81\xa2\x00\x03\x01\xa1\x02\x81\x82\x01\x41\xab";
    let mut manifest = b"\xd9\x01\xf5\xa2\x00\x01\x01\x81\xd9\x01\xfa\x58".to_vec();
    manifest.push(COMID.len() as u8);
    manifest.extend_from_slice(COMID);
    let place = data
        .first()
        .map_or(0, |first| usize::from(*first) % manifest.len());
    for (byte, other) in manifest.iter_mut().skip(place).zip(data.iter().skip(1).take(4)) {
        *byte ^= other;
    }
    register("corim", None, &manifest);
    // COSE_Sign1 around it.
    let signed = [
        b"\xd2\x84\x43\xa1\x01\x26\xa0\x58",
        &[manifest.len() as u8][..],
        &manifest,
        b"\x41\x00",
    ]
    .concat();
    register("corim", None, &signed);
}

/// An in-toto statement in a DSSE envelope: the bytes as the envelope, and as the statement.
pub fn dsse(data: &[u8]) {
    register("in-toto", None, data);
    register("sample", Some("dsse"), data);
    let envelope = serde_json::json!({
        "payload": base64(data),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": base64(data), "cert": String::from_utf8_lossy(data)}],
    });
    register("in-toto", None, envelope.to_string().as_bytes());
}

/// A register message, and each type of payload in it that is text.
pub fn register_message(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = rvps::contents(text);
    }
    register("sample", None, data);
    register("list", None, data);
    register("sample", Some("jws"), data);
}

/// A firmware image, and a kernel.
pub fn firmware(data: &[u8]) {
    use measure::{snp, tdx};
    let mut image = vec![0; 4096];
    let end = image.len() - data.len().min(4096);
    image[end..].copy_from_slice(&data[..data.len().min(4096)]);
    let launch = snp::Launch {
        firmware: &image,
        boot: None,
        vcpus: 1,
        vcpu_signature: 0,
        guest_features: 1,
        hypervisor: snp::Hypervisor::Qemu,
    };
    let _ = snp::launch_digest(&launch);
    let _ = tdx::mrtd(&image, tdx::PageOrder::PageByPage);
    let _ = tdx::rtmr1(data, tdx::Separator::Rtmr0);
    let _ = tdx::as_loaded_by_qemu(data, 1, 1 << 30);
}

/// Rules that trust one key: the signatures of strangers are verified, too.
static RULES: LazyLock<Option<rvps::Rules>> = LazyLock::new(|| {
    let key = jose::SigningKey::generate_p256().ok()?.public_key_pem().ok()?;
    let path = std::env::temp_dir().join(format!("trustee-fuzz-{}.pub", std::process::id()));
    std::fs::write(&path, key).ok()?;
    let anchor = rvps::TrustAnchorConfig {
        name: "anchor".to_owned(),
        key: Some(path.clone()),
        ..rvps::TrustAnchorConfig::default()
    };
    let rules = rvps::Rules::built_in(&[anchor], Some(&rvps::AllowUnsigned::All(true)), None);
    let _ = std::fs::remove_file(&path);
    rules.ok()
});

fn register(kind: &str, signed: Option<&str>, payload: &[u8]) {
    let message = serde_json::json!({"type": kind, "payload": base64(payload), "signed": signed}).to_string();
    let _ = rvps::contents(&message);
    if let Some(rules) = &*RULES {
        let _ = rvps::check(&message, rules, 1_800_000_000);
    }
}

/// Standard base64.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
