//! The platform: a chip with its keys and certificates.

use super::authority::{Authorities, Role};
use super::report::{ReportBuilder, SigningKey};
use super::vek::{Vek, VekSpec};
use super::{AttestationReport, Generation, SimulationError, TcbVersion};
use crate::pem;
use der::Decode;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use sev::certs::snp::ecdsa::Signature;
use x509_cert::{Certificate, TbsCertificate};

/// The name in AMD's own certificates, for evidence that pretends.
const AMD: &str = "Advanced Micro Devices";

/// A simulated machine: chip id, TCB, fresh endorsement keys, and the certificates of its generation.
pub struct Platform {
    generation: Generation,
    organization: Option<&'static str>,
    authorities: Authorities,
    chip_id: [u8; 64],
    tcb: TcbVersion,
    vcek: Vek,
    vlek: Vek,
    vcek_der: Vec<u8>,
    vlek_der: Vec<u8>,
}

/// An entry of the certificate table that a host gives to its guest: the type's name, and DER or PEM.
pub type TableEntry<'a> = (&'a str, &'a [u8]);

impl Platform {
    /// A new chip of this generation.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(generation: Generation) -> Result<Self, SimulationError> {
        Self::with_organization(generation, None)
    }

    /// One whose certificates have AMD's names to the letter, and other keys.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn impostor(generation: Generation) -> Result<Self, SimulationError> {
        Self::with_organization(generation, Some(AMD))
    }

    fn with_organization(
        generation: Generation,
        organization: Option<&'static str>,
    ) -> Result<Self, SimulationError> {
        let mut chip_id = [0; 64];
        let (hwid, _) = chip_id.split_at_mut(generation.hwid_length());
        SystemRandom::new().fill(hwid)?;
        let mut platform = Self {
            generation,
            organization,
            authorities: Authorities::new(generation, organization)?,
            chip_id,
            tcb: tcb(generation),
            vcek: Vek::generate()?,
            vlek: Vek::generate()?,
            vcek_der: Vec::new(),
            vlek_der: Vec::new(),
        };
        platform.vcek_der = platform.issue_vcek(&platform.vcek_spec())?;
        platform.vlek_der = platform.issue_vlek(&platform.vlek_spec())?;
        Ok(platform)
    }

    /// Its generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Its id, as reports carry it: Turin's has 8 bytes, then zeros.
    pub fn chip_id(&self) -> [u8; 64] {
        self.chip_id
    }

    /// Its TCB, all of current, reported, committed and launch.
    pub fn tcb(&self) -> TcbVersion {
        self.tcb
    }

    /// The root's certificate.
    pub fn ark_der(&self) -> &[u8] {
        &self.authorities.ark.der
    }

    /// The certificate that signs VCEKs.
    pub fn ask_der(&self) -> &[u8] {
        &self.authorities.ask.der
    }

    /// The certificate that signs VLEKs.
    pub fn asvk_der(&self) -> &[u8] {
        &self.authorities.asvk.der
    }

    /// Another certificate of the same key, signed by the root, DER: what the usual one says, changed.
    ///
    /// # Errors
    /// There is no randomness, or what it says cannot be encoded.
    pub fn reissue(
        &self,
        role: Role,
        change: impl FnOnce(&mut TbsCertificate),
    ) -> Result<Vec<u8>, SimulationError> {
        let Authorities { ark, ask, asvk } = &self.authorities;
        let of = match role {
            Role::Ark => ark,
            Role::Ask => ask,
            Role::Asvk => asvk,
        };
        let mut tbs = Certificate::from_der(&of.der)?.tbs_certificate;
        change(&mut tbs);
        ark.issue(tbs)
    }

    /// ARK, ASK and ASVK of its generation in one PEM text, as `insecure_extra_roots` takes it.
    pub fn roots_pem(&self) -> String {
        [self.ark_der(), self.ask_der(), self.asvk_der()]
            .map(pem::certificate)
            .concat()
    }

    /// The chip's endorsement key's certificate.
    pub fn vcek_der(&self) -> &[u8] {
        &self.vcek_der
    }

    /// The provider's endorsement key's certificate.
    pub fn vlek_der(&self) -> &[u8] {
        &self.vlek_der
    }

    /// What [`vcek_der`](Self::vcek_der) says, to be changed and issued.
    pub fn vcek_spec(&self) -> VekSpec {
        let hwid = self
            .chip_id
            .get(..self.generation.hwid_length())
            .map(<[u8]>::to_vec);
        VekSpec {
            hwid,
            ..VekSpec::new(self.generation, "SEV-VCEK", self.tcb)
        }
    }

    /// What [`vlek_der`](Self::vlek_der) says, to be changed and issued.
    pub fn vlek_spec(&self) -> VekSpec {
        let csp_id = Some("CN=cloud.example".to_owned());
        VekSpec {
            csp_id,
            ..VekSpec::new(self.generation, "SEV-VLEK", self.tcb)
        }
    }

    /// A certificate of the platform's VCEK, signed by its ASK.
    ///
    /// # Errors
    /// What `spec` says cannot be encoded.
    pub fn issue_vcek(&self, spec: &VekSpec) -> Result<Vec<u8>, SimulationError> {
        self.vcek
            .certificate(spec, &self.authorities.ask, self.organization)
    }

    /// A certificate of the platform's VLEK, signed by its ASVK.
    ///
    /// # Errors
    /// What `spec` says cannot be encoded.
    pub fn issue_vlek(&self, spec: &VekSpec) -> Result<Vec<u8>, SimulationError> {
        self.vlek
            .certificate(spec, &self.authorities.asvk, self.organization)
    }

    /// Begins a report of a guest on this platform.
    pub fn report(&self) -> ReportBuilder<'_> {
        ReportBuilder::new(self)
    }

    /// The whole chain of the VCEK.
    pub fn vcek_chain(&self) -> [TableEntry<'_>; 3] {
        [
            ("ARK", self.ark_der()),
            ("ASK", self.ask_der()),
            ("VCEK", self.vcek_der()),
        ]
    }

    /// The whole chain of the VLEK.
    pub fn vlek_chain(&self) -> [TableEntry<'_>; 3] {
        [
            ("ARK", self.ark_der()),
            ("ASVK", self.asvk_der()),
            ("VLEK", self.vlek_der()),
        ]
    }

    /// Evidence of a guest without debugging, with the whole chain: all that a client needs.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn quick_guest(&self, report_data: [u8; 64], host_data: [u8; 32]) -> Result<Value, SimulationError> {
        let report = self
            .report()
            .report_data(&report_data)
            .host_data(&host_data)
            .sign()?;
        evidence(&report, &self.vcek_chain())
    }

    pub(super) fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    pub(super) fn sign(&self, key: SigningKey, message: &[u8]) -> Result<Signature, SimulationError> {
        match key {
            SigningKey::Vcek => self.vcek.sign(message),
            SigningKey::Vlek => self.vlek.sign(message),
        }
    }
}

/// Evidence in the wire form. An empty table becomes `null`, as guests send it.
///
/// # Errors
/// Never in practice.
pub fn evidence(report: &AttestationReport, table: &[TableEntry<'_>]) -> Result<Value, SimulationError> {
    let report =
        serde_json::to_value(report).map_err(|error| SimulationError::Encoding(error.to_string()))?;
    let entries = table
        .iter()
        .map(|(cert_type, data)| json!({"cert_type": cert_type, "data": data}));
    let chain: Value = if table.is_empty() {
        Value::Null
    } else {
        entries.collect()
    };
    Ok(json!({"attestation_report": report, "cert_chain": chain}))
}

fn tcb(generation: Generation) -> TcbVersion {
    let fmc = (generation == Generation::Turin).then_some(1);
    TcbVersion {
        fmc,
        bootloader: 9,
        tee: 0,
        snp: 23,
        microcode: 213,
    }
}
