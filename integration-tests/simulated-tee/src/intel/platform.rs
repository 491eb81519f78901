//! The platform: a machine with a PCK certificate.

use super::authority::Key;
use super::documents::{QeIdentitySpec, QeLevel, TcbInfoSpec, TcbLevel, TdxModule, TdxModuleLevel};
use super::report::{Body, EnclaveBody, TdBody};
use super::{Collateral, CrlSpec, PckCa, PckSpec, Pki, QuoteSpec, Tee};
use crate::{SimulationError, pem};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use std::sync::Arc;

/// 2024-01-01.
const NOT_BEFORE: u64 = 1_704_067_200;
/// 2044-01-01.
const NOT_AFTER: u64 = 2_335_219_200;
/// 2024-03-13, a TCB level's date of Intel's.
const LEVEL_DATE: u64 = 1_710_288_000;
/// A kind of platform that Intel does not make.
const FMSPC: [u8; 6] = [0x51, 0x3d, 0x00, 0x00, 0x00, 0x00];
const CPU_SVN: [u8; 16] = [5; 16];
const PCE_SVN: u16 = 13;
const QE_SIGNER: [u8; 32] = [0x8c; 32];
const QE_VERSION: u16 = 8;

/// A simulated machine: fresh keys, a PCK certificate, and ids.
pub struct Platform {
    pki: Arc<Pki>,
    ca: PckCa,
    ids: Ids,
    pck: Key,
    pck_der: Vec<u8>,
}

struct Ids {
    serial: Vec<u8>,
    ppid: [u8; 16],
    instance: [u8; 16],
}

impl Platform {
    /// A new machine that this Intel knows.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(pki: Arc<Pki>, ca: PckCa) -> Result<Self, SimulationError> {
        let random = SystemRandom::new();
        let (mut serial, mut ppid, mut instance) = ([0; 12], [0; 16], [0; 16]);
        random.fill(&mut serial)?;
        random.fill(&mut ppid)?;
        random.fill(&mut instance)?;
        // Positive, and without leading zeros.
        if let Some(first) = serial.first_mut() {
            *first = 0x40 | (*first & 0x3f);
        }
        let mut platform = Self {
            pki,
            ca,
            ids: Ids {
                serial: serial.to_vec(),
                ppid,
                instance,
            },
            pck: Key::generate()?,
            pck_der: Vec::new(),
        };
        platform.pck_der = platform.issue_pck(&platform.pck_spec())?;
        Ok(platform)
    }

    /// Who vouches for it.
    pub fn pki(&self) -> &Arc<Pki> {
        &self.pki
    }

    /// Its kind.
    pub fn fmspc(&self) -> [u8; 6] {
        FMSPC
    }

    /// Which CA signed its PCK certificate.
    pub fn ca(&self) -> PckCa {
        self.ca
    }

    /// Its PCK certificate.
    pub fn pck_der(&self) -> &[u8] {
        &self.pck_der
    }

    /// The serial number of its PCK certificate.
    pub fn pck_serial(&self) -> &[u8] {
        &self.ids.serial
    }

    /// Its instance id, as its certificate has it, if it has several packages.
    pub fn instance_id(&self) -> Option<[u8; 16]> {
        (self.ca == PckCa::Platform).then_some(self.ids.instance)
    }

    /// Its provisioning id.
    pub fn ppid(&self) -> [u8; 16] {
        self.ids.ppid
    }

    /// What its PCK certificate says, to be changed and issued.
    pub fn pck_spec(&self) -> PckSpec {
        let several = self.ca == PckCa::Platform;
        PckSpec {
            common_name: "Intel SGX PCK Certificate".to_owned(),
            serial: self.ids.serial.clone(),
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            ppid: self.ids.ppid,
            cpu_svn: CPU_SVN,
            pce_svn: PCE_SVN,
            pce_id: [0; 2],
            fmspc: FMSPC,
            sgx_type: u8::from(several),
            platform_instance_id: self.instance_id().map(|id| id.to_vec()),
            configuration: several.then_some([true, false, true]),
            ca: false,
            unknown_critical: false,
            without_extension: false,
        }
    }

    /// A certificate of its PCK, signed by its CA.
    ///
    /// # Errors
    /// What `spec` says cannot be encoded.
    pub fn issue_pck(&self, spec: &PckSpec) -> Result<Vec<u8>, SimulationError> {
        spec.certificate(&self.pck, self.pki.ca(self.ca), self.pki.organization)
    }

    /// PCK certificate, CA and root, PEM.
    pub fn pck_chain(&self) -> String {
        self.pck_chain_of(&self.pck_der)
    }

    /// The same for another certificate of the PCK.
    pub fn pck_chain_of(&self, pck_der: &[u8]) -> String {
        [pck_der, self.pki.ca_der(self.ca), self.pki.root_der()]
            .map(pem::certificate)
            .concat()
    }

    /// A version 4 quote of a TD, to be changed and signed.
    pub fn td_quote(&self, body: TdBody) -> QuoteSpec {
        let qe = EnclaveBody {
            isv_prod_id: 2,
            ..Self::quoting_enclave()
        };
        QuoteSpec::new(4, 0x81, Body::Td(Box::new(body)), qe, self.pck_chain())
    }

    /// A version 3 quote of an enclave, to be changed and signed.
    pub fn enclave_quote(&self, body: EnclaveBody) -> QuoteSpec {
        let qe = Self::quoting_enclave();
        QuoteSpec::new(3, 0, Body::Enclave(Box::new(body)), qe, self.pck_chain())
    }

    fn quoting_enclave() -> EnclaveBody {
        EnclaveBody {
            cpu_svn: CPU_SVN,
            attributes: [0x11, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0],
            mr_signer: QE_SIGNER,
            isv_prod_id: 1,
            isv_svn: QE_VERSION,
            ..EnclaveBody::default()
        }
    }

    /// The quote's bytes, signed by this platform.
    ///
    /// # Errors
    /// There is no randomness, or a part is longer than its length can say.
    pub fn quote(&self, spec: &QuoteSpec) -> Result<Vec<u8>, SimulationError> {
        spec.sign(&self.pck)
    }

    /// A TCB info by which this platform is up to date, valid between these times (seconds since the Unix epoch).
    pub fn tcb_info(&self, tee: Tee, issue_date: u64, next_update: u64) -> TcbInfoSpec {
        let level = TcbLevel {
            sgx: CPU_SVN,
            tdx: [3, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            pce_svn: PCE_SVN,
            date: LEVEL_DATE,
            status: "UpToDate".to_owned(),
            advisories: Vec::new(),
        };
        let module = TdxModule {
            id: "TDX_01".to_owned(),
            mrsigner: [0; 48],
            attributes: [0; 8],
            attributes_mask: [0xff; 8],
            levels: vec![TdxModuleLevel {
                isvsvn: 4,
                date: LEVEL_DATE,
                status: "UpToDate".to_owned(),
                advisories: Vec::new(),
            }],
        };
        let id = match tee {
            Tee::Sgx => "SGX",
            Tee::Tdx => "TDX",
        };
        TcbInfoSpec {
            tee,
            id: id.to_owned(),
            version: 3,
            issue_date,
            next_update,
            fmspc: FMSPC,
            evaluation_number: 17,
            levels: vec![level],
            module: module.clone(),
            modules: vec![module],
        }
    }

    /// The identity of the platform's quoting enclave, valid between these times.
    pub fn qe_identity(&self, tee: Tee, issue_date: u64, next_update: u64) -> QeIdentitySpec {
        let (id, isvprodid) = match tee {
            Tee::Sgx => ("QE", 1),
            Tee::Tdx => ("TD_QE", 2),
        };
        let mut attributes = [0; 16];
        let mut attributes_mask = [0; 16];
        attributes.iter_mut().take(1).for_each(|byte| *byte = 0x11);
        attributes_mask.iter_mut().take(8).for_each(|byte| *byte = 0xff);
        attributes_mask.iter_mut().take(1).for_each(|byte| *byte = 0xfb);
        QeIdentitySpec {
            id: id.to_owned(),
            version: 2,
            issue_date,
            next_update,
            evaluation_number: 17,
            miscselect: [0; 4],
            miscselect_mask: [0xff; 4],
            attributes,
            attributes_mask,
            mrsigner: QE_SIGNER,
            isvprodid,
            levels: vec![QeLevel {
                isvsvn: QE_VERSION,
                date: LEVEL_DATE,
                status: "UpToDate".to_owned(),
                advisories: Vec::new(),
            }],
        }
    }

    /// Collateral by which this platform is up to date, valid between these times.
    ///
    /// # Errors
    /// There is no randomness, or a time is after 2049.
    pub fn collateral(&self, tee: Tee, from: u64, until: u64) -> Result<Collateral, SimulationError> {
        let list = CrlSpec::new(from, until);
        self.collateral_of(
            &self.tcb_info(tee, from, until),
            &self.qe_identity(tee, from, until),
            &list,
            &list,
        )
    }

    /// Signs what these say.
    ///
    /// # Errors
    /// As for [`collateral`](Self::collateral).
    pub fn collateral_of(
        &self,
        tcb_info: &TcbInfoSpec,
        qe_identity: &QeIdentitySpec,
        pck_crl: &CrlSpec,
        root_crl: &CrlSpec,
    ) -> Result<Collateral, SimulationError> {
        Ok(Collateral {
            tcb_info: self.pki.sign_tcb_info(&tcb_info.text()?)?,
            qe_identity: self.pki.sign_qe_identity(&qe_identity.text()?)?,
            pck_crl: self.pki.pck_crl(self.ca, pck_crl)?,
            ca: self.ca,
            pck_crl_issuer_chain: self.pki.ca_chain(self.ca),
            root_crl: self.pki.root_crl(root_crl)?,
        })
    }

    /// Evidence of a TD without debugging and without an event log: all that a client needs.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn quick_guest(
        &self,
        report_data: [u8; 64],
        mr_config_id: [u8; 48],
    ) -> Result<Value, SimulationError> {
        let body = TdBody {
            report_data,
            mr_config_id,
            ..TdBody::default()
        };
        Ok(evidence(&self.quote(&self.td_quote(body))?, None))
    }
}

/// TDX evidence in the wire form; SGX evidence too, without a log.
pub fn evidence(quote: &[u8], log: Option<&[u8]>) -> Value {
    match log {
        Some(log) => json!({"quote": STANDARD.encode(quote), "cc_eventlog": STANDARD.encode(log)}),
        None => json!({"quote": STANDARD.encode(quote)}),
    }
}
