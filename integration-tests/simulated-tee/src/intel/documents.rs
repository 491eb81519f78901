//! TCB info and quoting enclave identity (Provisioning Certification Service, API version 4), unsigned.

use super::Tee;
use crate::SimulationError;
use der::DateTime;
use serde_json::{Value, json};
use std::time::Duration;

/// What a TCB info says. Start from [`Platform::tcb_info`](super::Platform::tcb_info).
#[derive(Clone, Debug)]
pub struct TcbInfoSpec {
    /// Whose.
    pub tee: Tee,
    /// `SGX` or `TDX`.
    pub id: String,
    /// Of the format: 3.
    pub version: u8,
    /// Seconds since the Unix epoch.
    pub issue_date: u64,
    /// Seconds since the Unix epoch.
    pub next_update: u64,
    /// Kind of platform.
    pub fmspc: [u8; 6],
    /// Grows with every recovery.
    pub evaluation_number: u32,
    /// The levels, the newest first.
    pub levels: Vec<TcbLevel>,
    /// TDX only: the signer and attributes of modules of version 0.
    pub module: TdxModule,
    /// TDX only: of modules of other versions, `TDX_01` and so on.
    pub modules: Vec<TdxModule>,
}

/// A TCB level.
#[derive(Clone, Debug)]
pub struct TcbLevel {
    /// Least versions of the processor's components.
    pub sgx: [u8; 16],
    /// Least versions of the TDX components.
    pub tdx: [u8; 16],
    /// Least version of the provisioning certification enclave.
    pub pce_svn: u16,
    /// Seconds since the Unix epoch.
    pub date: u64,
    /// `UpToDate` and so on.
    pub status: String,
    /// Ids of advisories.
    pub advisories: Vec<String>,
}

/// A TDX module.
#[derive(Clone, Debug)]
pub struct TdxModule {
    /// `TDX_01` and so on.
    pub id: String,
    /// Its signer.
    pub mrsigner: [u8; 48],
    /// Expected attributes.
    pub attributes: [u8; 8],
    /// Which of them count.
    pub attributes_mask: [u8; 8],
    /// Its levels, the newest first.
    pub levels: Vec<TdxModuleLevel>,
}

/// A level of a TDX module.
#[derive(Clone, Debug)]
pub struct TdxModuleLevel {
    /// Least version.
    pub isvsvn: u8,
    /// Seconds since the Unix epoch.
    pub date: u64,
    /// `UpToDate`, `OutOfDate` or `Revoked`.
    pub status: String,
    /// Ids of advisories.
    pub advisories: Vec<String>,
}

/// What an identity says. Start from [`Platform::qe_identity`](super::Platform::qe_identity).
#[derive(Clone, Debug)]
pub struct QeIdentitySpec {
    /// `QE` or `TD_QE`.
    pub id: String,
    /// Of the format: 2.
    pub version: u8,
    /// Seconds since the Unix epoch.
    pub issue_date: u64,
    /// Seconds since the Unix epoch.
    pub next_update: u64,
    /// Grows with every recovery.
    pub evaluation_number: u32,
    /// Expected MISCSELECT.
    pub miscselect: [u8; 4],
    /// Which of its bits count.
    pub miscselect_mask: [u8; 4],
    /// Expected attributes.
    pub attributes: [u8; 16],
    /// Which of their bits count.
    pub attributes_mask: [u8; 16],
    /// The enclave's signer.
    pub mrsigner: [u8; 32],
    /// The enclave's product.
    pub isvprodid: u16,
    /// Its levels, the newest first.
    pub levels: Vec<QeLevel>,
}

/// A level of the quoting enclave.
#[derive(Clone, Debug)]
pub struct QeLevel {
    /// Least version.
    pub isvsvn: u16,
    /// Seconds since the Unix epoch.
    pub date: u64,
    /// `UpToDate` and so on.
    pub status: String,
    /// Ids of advisories.
    pub advisories: Vec<String>,
}

impl TcbInfoSpec {
    /// The JSON text to be signed.
    ///
    /// # Errors
    /// A date beyond all calendars.
    pub fn text(&self) -> Result<String, SimulationError> {
        let components = |svns: &[u8; 16]| svns.iter().map(|svn| json!({"svn": svn})).collect::<Vec<_>>();
        let mut levels = Vec::new();
        for level in &self.levels {
            let mut tcb = json!({"sgxtcbcomponents": components(&level.sgx), "pcesvn": level.pce_svn});
            if self.tee == Tee::Tdx {
                put(&mut tcb, "tdxtcbcomponents", components(&level.tdx).into());
            }
            levels.push(described(tcb, level.date, &level.status, &level.advisories)?);
        }
        let mut info = json!({
            "id": self.id,
            "version": self.version,
            "issueDate": date(self.issue_date)?,
            "nextUpdate": date(self.next_update)?,
            "fmspc": hex::encode_upper(self.fmspc),
            "pceId": "0000",
            "tcbType": 0,
            "tcbEvaluationDataNumber": self.evaluation_number,
            "tcbLevels": levels,
        });
        if self.tee == Tee::Tdx {
            put(&mut info, "tdxModule", self.module.base());
            let modules: Result<Vec<Value>, _> = self.modules.iter().map(TdxModule::identity).collect();
            put(&mut info, "tdxModuleIdentities", modules?.into());
        }
        Ok(info.to_string())
    }
}

impl TdxModule {
    fn base(&self) -> Value {
        json!({
            "mrsigner": hex::encode_upper(self.mrsigner),
            "attributes": hex::encode_upper(self.attributes),
            "attributesMask": hex::encode_upper(self.attributes_mask),
        })
    }

    fn identity(&self) -> Result<Value, SimulationError> {
        let mut levels = Vec::new();
        for level in &self.levels {
            let tcb = json!({"isvsvn": level.isvsvn});
            levels.push(described(tcb, level.date, &level.status, &level.advisories)?);
        }
        let mut identity = self.base();
        put(&mut identity, "id", self.id.as_str().into());
        put(&mut identity, "tcbLevels", levels.into());
        Ok(identity)
    }
}

impl QeIdentitySpec {
    /// The JSON text to be signed.
    ///
    /// # Errors
    /// A date beyond all calendars.
    pub fn text(&self) -> Result<String, SimulationError> {
        let mut levels = Vec::new();
        for level in &self.levels {
            let tcb = json!({"isvsvn": level.isvsvn});
            levels.push(described(tcb, level.date, &level.status, &level.advisories)?);
        }
        let identity = json!({
            "id": self.id,
            "version": self.version,
            "issueDate": date(self.issue_date)?,
            "nextUpdate": date(self.next_update)?,
            "tcbEvaluationDataNumber": self.evaluation_number,
            "miscselect": hex::encode_upper(self.miscselect),
            "miscselectMask": hex::encode_upper(self.miscselect_mask),
            "attributes": hex::encode_upper(self.attributes),
            "attributesMask": hex::encode_upper(self.attributes_mask),
            "mrsigner": hex::encode_upper(self.mrsigner),
            "isvprodid": self.isvprodid,
            "tcbLevels": levels,
        });
        Ok(identity.to_string())
    }
}

fn described(
    tcb: Value,
    level_date: u64,
    status: &str,
    advisories: &[String],
) -> Result<Value, SimulationError> {
    let mut level = json!({"tcb": tcb, "tcbDate": date(level_date)?, "tcbStatus": status});
    if !advisories.is_empty() {
        put(&mut level, "advisoryIDs", advisories.into());
    }
    Ok(level)
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// RFC 3339 in UTC.
fn date(seconds: u64) -> Result<String, SimulationError> {
    Ok(DateTime::from_unix_duration(Duration::from_secs(seconds))?.to_string())
}
