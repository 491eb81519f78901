//! Quotes of an emulated TPM: `swtpm`, driven by `tpm2-tools`, as Debian has them. Where they are not installed
//! the tests say so and pass.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running emulator with a folder of its own. Ends with the test.
struct Emulator {
    process: Child,
    folder: tempfile::TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Emulator {
    /// Starts one on a socket in its folder, if the programs are there.
    fn start() -> Option<Self> {
        let missing = ["swtpm", "tpm2_quote"]
            .into_iter()
            .find(|program| Command::new(program).arg("--version").output().is_err());
        if let Some(program) = missing {
            eprintln!("skipped: {program} is not installed (Debian: swtpm, tpm2-tools)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", folder.path().display())])
            // The tools look for the control channel beside the socket, under this name.
            .args(["--server", &format!("type=unixio,path={}", path("tpm.sock"))])
            .args(["--ctrl", &format!("type=unixio,path={}", path("tpm.sock.ctrl"))])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let emulator = Self { process, folder };
        let started = Instant::now();
        while !emulator.folder.path().join("tpm.sock").exists() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "swtpm does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(emulator)
    }

    /// Runs one of the tools. Relative paths are in the emulator's folder.
    fn run(&self, tool: &str, arguments: &[&str]) {
        let output = Command::new(tool)
            .args(arguments)
            .current_dir(self.folder.path())
            .env(
                "TPM2TOOLS_TCTI",
                format!("swtpm:path={}", self.folder.path().join("tpm.sock").display()),
            )
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool} {arguments:?}: {text}");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(Path::new(self.folder.path()).join(name)).unwrap()
    }

    /// An endorsement key, and an attestation key of this algorithm below it.
    fn make_keys(&self, algorithm: &str, scheme: &str) {
        self.run("tpm2_createek", &["-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub"]);
        let key = ["-G", algorithm, "-g", "sha256", "-s", scheme];
        let files = ["-C", "ek.ctx", "-c", "ak.ctx", "-u", "ak.pub", "-n", "ak.name"];
        self.run("tpm2_createak", &[&key[..], &files].concat());
        self.flush();
        self.run("tpm2_readpublic", &["-c", "ak.ctx", "-f", "der", "-o", "ak.der"]);
        self.flush();
    }

    /// No resource manager sits between the tools and the emulator.
    fn flush(&self) {
        self.run("tpm2_flushcontext", &["-t"]);
    }

    /// A quote over what `selection` names, as evidence with all registers.
    fn evidence(&self, nonce: &[u8], selection: &str) -> Value {
        let nonce = hex::encode(nonce);
        let what = ["-c", "ak.ctx", "-l", selection, "-q", &nonce, "-g", "sha256"];
        let files = ["-m", "quote.msg", "-s", "quote.sig"];
        self.run("tpm2_quote", &[&what[..], &files].concat());
        self.flush();
        self.run("tpm2_pcrread", &["sha256:all", "-o", "pcrs.bin"]);
        let pcrs = self.read("pcrs.bin");
        json!({
            "tpm_quote": {
                "signature": STANDARD.encode(self.read("quote.sig")),
                "message": STANDARD.encode(self.read("quote.msg")),
                "pcrs": pcrs.chunks(32).map(hex::encode).collect::<Vec<_>>(),
            },
            "ak_public": STANDARD.encode(self.read("ak.der")),
        })
    }

    fn extend(&self, register: usize, digest: &[u8]) {
        let extension = format!("{register}:sha256={}", hex::encode(digest));
        self.run("tpm2_pcrextend", &[&extension]);
    }
}

const ALL: &str = "sha256:all";

#[test]
fn a_quote_of_the_emulator_verifies_and_no_changed_one_does() {
    let Some(tpm) = Emulator::start() else { return };
    tpm.make_keys("rsa", "rsassa");
    tpm.extend(8, &INIT_DATA);
    tpm.extend(11, &[0x42; 32]);
    let good = tpm.evidence(&Tpm::bare_nonce(&REPORT_DATA), ALL);
    let claims = Attempt::new(&good).run().unwrap();
    assert_eq!(claims.report_data(), Some("a7".repeat(32).as_str()));
    assert_eq!(claims.claims().get("pcr11"), Some(&good["tpm_quote"]["pcrs"][11]));
    assert_ne!(good["tpm_quote"]["pcrs"][11], json!("00".repeat(32)));

    // Another nonce, other init-data.
    let mut stale = Attempt::new(&good);
    stale.expected.report_data = Some(vec![0xa8; 48]);
    assert_eq!(stale.run(), Err(VerifyError::ReportDataMismatch));
    let mut other = Attempt::new(&good);
    other.expected.init_data = Some(vec![0x1e; 32]);
    assert_eq!(other.run(), Err(VerifyError::InitDataMismatch));

    // Registers that moved on, and flipped bits.
    let mut moved = good.clone();
    moved["tpm_quote"]["pcrs"][16] = json!("01".repeat(32));
    assert_eq!(Attempt::new(&moved).run(), refused(TpmError::PcrDigest));
    for member in ["message", "signature"] {
        let bytes = STANDARD
            .decode(good["tpm_quote"][member].as_str().unwrap())
            .unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x20;
            let mut changed = good.clone();
            changed["tpm_quote"][member] = json!(STANDARD.encode(bytes));
            let outcome = Attempt::new(&changed).run();
            assert!(
                matches!(outcome, Err(VerifyError::Tpm(_))),
                "{member} {at}: {outcome:?}"
            );
        }
    }
}

#[test]
fn an_ecdsa_key_of_the_emulator_quotes_too() {
    let Some(tpm) = Emulator::start() else { return };
    tpm.make_keys("ecc", "ecdsa");
    tpm.extend(8, &INIT_DATA);
    let good = tpm.evidence(&Tpm::bare_nonce(&REPORT_DATA), ALL);
    assert!(Attempt::new(&good).run().is_ok());
    let mut fresh_key = good.clone();
    fresh_key["ak_public"] = json!(STANDARD.encode(ECDSA.ak_spki()));
    assert_eq!(Attempt::new(&fresh_key).run(), refused(TpmError::Signature));
}

#[test]
fn quotes_of_the_emulator_over_fewer_registers_or_other_banks_are_refused() {
    let Some(tpm) = Emulator::start() else { return };
    tpm.make_keys("rsa", "rsassa");
    let nonce = Tpm::bare_nonce(&REPORT_DATA);
    for (selection, error) in [
        ("sha256:0,1,2,3,4,5,6,7,8,11", TpmError::PcrSelection),
        ("sha1:all", TpmError::PcrBank(0x0004)),
        ("sha384:all", TpmError::PcrBank(0x000c)),
        ("sha1:all+sha256:all", TpmError::PcrBanks(2)),
    ] {
        let evidence = tpm.evidence(&nonce, selection);
        assert_eq!(Attempt::new(&evidence).run(), refused(error), "{selection}");
    }
}

#[test]
fn other_attestations_of_the_emulator_are_no_quotes() {
    let Some(tpm) = Emulator::start() else { return };
    tpm.make_keys("rsa", "rsassa");
    let mut evidence = tpm.evidence(&Tpm::bare_nonce(&REPORT_DATA), ALL);
    tpm.run(
        "tpm2_gettime",
        &[
            "-c",
            "ak.ctx",
            "-q",
            "a7",
            "-g",
            "sha256",
            "--attestation",
            "time.msg",
            "-o",
            "time.sig",
        ],
    );
    evidence["tpm_quote"]["message"] = json!(STANDARD.encode(tpm.read("time.msg")));
    evidence["tpm_quote"]["signature"] = json!(STANDARD.encode(tpm.read("time.sig")));
    assert_eq!(
        Attempt::new(&evidence).run(),
        refused(TpmError::NotAQuote(0x8019))
    );
}
