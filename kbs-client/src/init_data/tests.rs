use sha2::{Sha384, Sha512};

use super::*;

const TEXT: &str = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"aa.toml\" = \"x\"\n";

fn value(tee: &str, digest: &[u8]) -> Vec<u8> {
    Register::of(tee).unwrap().value(digest).unwrap()
}

#[test]
fn a_digest_that_fits_is_the_value() {
    let digest = Sha256::digest(TEXT).to_vec();
    assert_eq!(value("snp", &digest), digest);
    let digest = Sha384::digest(TEXT).to_vec();
    assert_eq!(value("tdx", &digest), digest);
    let digest = Sha512::digest(TEXT).to_vec();
    assert_eq!(value("sgx", &digest), digest);
    assert_eq!(value("cca", &digest), digest);
}

#[test]
fn a_shorter_digest_is_followed_by_zeros() {
    let digest = Sha256::digest(TEXT);
    for (tee, zeros) in [("tdx", 16), ("sgx", 32), ("cca", 32)] {
        let expected = [digest.to_vec(), vec![0; zeros]].concat();
        assert_eq!(value(tee, &digest), expected, "{tee}");
    }
}

#[test]
fn of_a_longer_digest_the_first_bytes_count() {
    let digest = Sha512::digest(TEXT);
    assert_eq!(value("snp", &digest), digest[..32]);
    assert_eq!(value("tdx", &digest), digest[..48]);
    assert_eq!(value("snp", &Sha384::digest(TEXT)), Sha384::digest(TEXT)[..32]);
}

/// Computed with another tool: SHA-256 over 32 zero bytes and the bytes 00 to 1f.
#[test]
fn a_pcr_is_extended_once_from_zero() {
    let digest: Vec<u8> = (0..32).collect();
    let expected = "bb2275c49f28ad52cae6d55e34a974a58c7a3ba26f976e8ecbbe7a536918dc73";
    for tee in ["tpm", "az-snp-vtpm", "az-tdx-vtpm"] {
        assert_eq!(hex::encode(value(tee, &digest)), expected, "{tee}");
    }
}

#[test]
fn a_pcr_takes_no_digest_of_another_length() {
    for length in [0, 31, 33, 48, 64] {
        for tee in ["tpm", "az-snp-vtpm", "az-tdx-vtpm"] {
            let value = Register::of(tee).unwrap().value(&vec![1; length]);
            assert_eq!(value, Err(RegisterError::NotExtendable), "{tee} {length}");
        }
    }
}

#[test]
fn what_is_said_of_a_value_is_how_it_is_made() {
    let rule = |tee, length| Register::of(tee).unwrap().rule(length);
    assert_eq!(rule("snp", 32), "the digest");
    assert_eq!(rule("snp", 48), "the first 32 bytes");
    assert_eq!(rule("tdx", 32), "followed by zeros to 48 bytes");
    assert_eq!(rule("tpm", 32), "SHA-256 of 32 zero bytes and the digest");
}

#[test]
fn platforms_without_a_register_have_none() {
    for tee in [
        "sample",
        "sampledevice",
        "nvidia",
        "csv",
        "se",
        "hygondcu",
        "SNP",
        "",
    ] {
        assert_eq!(Register::of(tee), None, "{tee}");
    }
}

/// A guest of each simulated TEE shows the value that is computed here for its digest. That the verifiers accept
/// such guests, and no others, is in the end-to-end tests.
#[cfg(feature = "simulated-tees")]
#[test]
fn a_guest_that_was_started_with_init_data_shows_this_value() {
    let digest = Sha256::digest(TEXT).to_vec();
    let mut compared = Vec::new();
    for tee in simulated_tee::TEES {
        let guest = simulated_tee::guest(tee).unwrap().unwrap();
        let evidence = guest.evidence(&[7; 48], Some(&digest)).unwrap();
        let shown = match tee {
            "snp" => evidence["attestation_report"]["host_data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap())
                .collect(),
            "tpm" | "az-snp-vtpm" | "az-tdx-vtpm" => {
                hex::decode(evidence["tpm_quote"]["pcrs"][8].as_str().unwrap()).unwrap()
            }
            "tdx" => quote(&evidence)[48 + 184..][..48].to_vec(),
            _ => continue,
        };
        assert_eq!(shown, value(tee, &digest), "{tee}");
        compared.push(tee);
    }
    assert!(
        compared.contains(&"snp") && compared.contains(&"tpm"),
        "{compared:?}"
    );
}

/// A TD quote of version 4: the header's 48 bytes, then the body.
#[cfg(feature = "simulated-tees")]
fn quote(evidence: &serde_json::Value) -> Vec<u8> {
    use base64::Engine;
    let text = evidence["quote"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
