//! Runs every target for a moment on mutations of seeds. Bounded in time and repeatable: the seed of the
//! random numbers is fixed, or the first argument.

use std::time::{Duration, Instant};

const EACH: Duration = Duration::from_secs(3);

fn main() {
    let seed = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0x5eed);
    for (name, target) in trustee_fuzz::TARGETS {
        let mut random = Random(seed);
        let (started, mut runs) = (Instant::now(), 0_u64);
        while started.elapsed() < EACH {
            target(&random.input());
            runs += 1;
        }
        println!("fuzz {name}: {runs} inputs, no panic");
    }
    println!("{} passed, 0 failed", trustee_fuzz::TARGETS.len());
}

/// Well-formed inputs of every target, to be mutated.
const SEEDS: &[&str] = &[
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

/// xorshift64*: small, fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A seed with a few mutations, or plain noise.
    fn input(&mut self) -> Vec<u8> {
        let mut bytes = match self.below(8) {
            0 => (0..self.below(300)).map(|_| self.next() as u8).collect(),
            _ => SEEDS[self.below(SEEDS.len())].as_bytes().to_vec(),
        };
        for _ in 0..self.below(6) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let part: Vec<u8> = bytes[at..(at + self.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let other = SEEDS[self.below(SEEDS.len())].as_bytes();
                let from = self.below(other.len());
                bytes.splice(at..at, other[from..].iter().copied().take(60));
            }
        }
    }
}
