//! The platform: its keys, their certificates, and its evidence.

use super::certificate::{CaSpec, PlatformSpec, Usage};
use super::json;
use super::key::SigningKey;
use super::report::{ReportBuilder, Version, wrapped};
use crate::{SimulatedGuest, SimulationError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The root's key. It is in the repository: trusted by nobody but tests and demonstrations.
const HRK: &str = include_str!("../../keys/test-only-csv-hrk.hex");

/// A simulated machine: the root is always the same, all other keys are new.
pub struct Platform {
    /// The root.
    pub hrk: SigningKey,
    /// Signs chips' keys.
    pub hsk: SigningKey,
    /// The chip's.
    pub cek: SigningKey,
    /// The platform's: signs reports.
    pub pek: SigningKey,
}

/// The parts of evidence, to be changed and put together.
#[derive(Clone)]
pub struct Evidence {
    /// The version of the report.
    pub version: Version,
    /// The report as signed.
    pub report: Vec<u8>,
    /// 832 bytes, and 2084 bytes, or none.
    pub hsk_cek: Option<(Vec<u8>, Vec<u8>)>,
    /// 2084 bytes.
    pub pek: Vec<u8>,
    /// With zeros behind.
    pub serial_number: Vec<u8>,
    /// TCG log.
    pub event_log: Option<Vec<u8>>,
}

impl Platform {
    /// The launch measurement of its guest.
    pub const MEASURE: [u8; 32] = [0x3e; 32];
    /// The policy of its guest: no debugging, no key sharing, encrypted state, no sending; API 1.4.
    pub const POLICY: u32 = 0x0401_000f;
    /// Its chip.
    pub const SERIAL_NUMBER: &'static str = "SIM0000000001";

    /// A new machine under the committed root.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, SimulationError> {
        let scalar = hex::decode(HRK.trim()).map_err(|error| SimulationError::Key(error.to_string()))?;
        Self::under(SigningKey::from_scalar("HYGON-SSD-HRK", &scalar)?)
    }

    /// A new machine under a new root.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn impostor() -> Result<Self, SimulationError> {
        Self::under(SigningKey::generate("HYGON-SSD-HRK")?)
    }

    fn under(hrk: SigningKey) -> Result<Self, SimulationError> {
        Ok(Self {
            hrk,
            hsk: SigningKey::generate("HYGON-SSD-HSK")?,
            cek: SigningKey::generate("HYGON-SSD-CEK")?,
            pek: SigningKey::generate("HYGON-SSD-PEK")?,
        })
    }

    /// The root's certificate, as `insecure_extra_roots` takes it.
    pub fn hrk_certificate(&self) -> Vec<u8> {
        let spec = CaSpec {
            usage: Usage::Hrk,
            key: &self.hrk,
            issuer: &self.hrk,
        };
        spec.issue()
    }

    /// The certificate of the key that signs chips' keys.
    pub fn hsk_certificate(&self) -> Vec<u8> {
        let spec = CaSpec {
            usage: Usage::Hsk,
            key: &self.hsk,
            issuer: &self.hrk,
        };
        spec.issue()
    }

    /// What [`cek_certificate`](Self::cek_certificate) says, to be changed and issued.
    pub fn cek_spec(&self) -> PlatformSpec<'_> {
        PlatformSpec {
            usage: Usage::Cek,
            algorithm: 4,
            key: &self.cek,
            issuers: vec![(Usage::Hsk, 4, &self.hsk)],
        }
    }

    /// The chip's certificate.
    pub fn cek_certificate(&self) -> Vec<u8> {
        self.cek_spec().issue()
    }

    /// What [`pek_certificate`](Self::pek_certificate) says, to be changed and issued.
    pub fn pek_spec(&self) -> PlatformSpec<'_> {
        PlatformSpec {
            usage: Usage::Pek,
            algorithm: 4,
            key: &self.pek,
            issuers: vec![(Usage::Cek, 4, &self.cek)],
        }
    }

    /// The platform's certificate.
    pub fn pek_certificate(&self) -> Vec<u8> {
        self.pek_spec().issue()
    }

    /// HSK and CEK as Hygon's service gives them.
    pub fn hsk_cek(&self) -> Vec<u8> {
        [self.hsk_certificate(), self.cek_certificate()].concat()
    }

    /// Begins a report of a guest on this machine.
    pub fn report(&self, version: Version) -> ReportBuilder<'_> {
        ReportBuilder::new(&self.pek, version)
    }

    /// Evidence with this report and the whole chain.
    pub fn evidence(&self, report: &ReportBuilder<'_>) -> Evidence {
        let mut serial_number = Self::SERIAL_NUMBER.as_bytes().to_vec();
        serial_number.resize(64, 0);
        Evidence {
            version: report.version,
            report: report.sign(),
            hsk_cek: Some((self.hsk_certificate(), self.cek_certificate())),
            pek: self.pek_certificate(),
            serial_number,
            event_log: None,
        }
    }
}

impl Evidence {
    /// In the wire form.
    pub fn to_json(&self) -> Value {
        let mut chain = json!({"pek": json::platform_certificate(&self.pek)});
        if let (Some(members), Some((hsk, cek))) = (chain.as_object_mut(), &self.hsk_cek) {
            let certificates =
                json!({"hsk": json::ca_certificate(hsk), "cek": json::platform_certificate(cek)});
            members.insert("hsk_cek".to_owned(), certificates);
        }
        json!({
            "attestation_report": wrapped(self.version, self.report.clone()),
            "cert_chain": chain,
            "serial_number": self.serial_number,
            "cc_eventlog": self.event_log.as_ref().map(|log| STANDARD.encode(log)),
        })
    }
}

impl SimulatedGuest for Platform {
    fn tee(&self) -> &'static str {
        "csv"
    }

    /// CSV has no register for the init-data.
    fn evidence(&self, report_data: &[u8], _: Option<&[u8]>) -> Result<Value, SimulationError> {
        let report = self.report(Version::V1).report_data(report_data);
        Ok(self.evidence(&report).to_json())
    }
}
