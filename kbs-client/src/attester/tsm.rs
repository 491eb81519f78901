//! Evidence of a real guest, by the report interface that Linux has for all TEEs: configfs-tsm
//! (`Documentation/ABI/testing/configfs-tsm-report` of the kernel, since 6.7).
//!
//! An entry is a folder below `/sys/kernel/config/tsm/report`: 64 bytes are written to `inblob`, and `outblob` is the
//! report of whatever TEE `provider` names. Making an entry takes the rights of root; who has not got them can be
//! given an entry that is there already ([`TsmAttester::at`]).
//!
//! This was tested on a folder tree that looks like the kernel's, not on hardware.

mod certificates;
mod entry;
mod snp;
mod tdx;

use std::path::PathBuf;

use serde_json::Value;

use super::{Attester, AttesterError, EvidenceBinding};
use entry::Entry;
pub use entry::TsmError;

/// Makes evidence on SEV-SNP and TDX.
#[derive(Debug, Clone)]
pub struct TsmAttester {
    root: PathBuf,
    /// An entry made by somebody else, to be used instead of one of our own.
    entry: Option<String>,
    event_log: PathBuf,
    provider: Provider,
}

/// What the kernel says makes the reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Snp,
    Tdx,
}

/// Bytes that a guest may have put into its report.
type ReportData = [u8; 64];

impl TsmAttester {
    /// Where Linux mounts the interface.
    pub const ROOT: &'static str = "/sys/kernel/config/tsm/report";

    /// Where Linux shows the event log of a measured boot (ACPI table CCEL).
    pub const EVENT_LOG: &'static str = "/sys/firmware/acpi/tables/data/CCEL";

    /// The TEE behind the interface at `root`. `None` if the folder is not there, or no TEE is behind it.
    ///
    /// # Errors
    /// No entry can be made, or the TEE is none that is known here.
    pub fn open(root: impl Into<PathBuf>) -> Result<Option<Self>, TsmError> {
        let root = root.into();
        if !root.is_dir() {
            return Ok(None);
        }
        let Some(entry) = Entry::make(&root)? else {
            return Ok(None);
        };
        let provider = Provider::of(&entry.provider()?)?;
        Ok(Some(Self::new(root, None, provider)))
    }

    /// The same with the entry `name`, which somebody with the rights to do so has made.
    ///
    /// # Errors
    /// The entry is not there, cannot be read, or its TEE is none that is known here.
    pub fn at(root: impl Into<PathBuf>, name: impl Into<String>) -> Result<Self, TsmError> {
        let (root, name) = (root.into(), name.into());
        let provider = Provider::of(&Entry::existing(&root, &name).provider()?)?;
        Ok(Self::new(root, Some(name), provider))
    }

    /// Reads the event log from another file. One that is not there is left out of the evidence.
    #[must_use]
    pub fn event_log(self, path: impl Into<PathBuf>) -> Self {
        Self {
            event_log: path.into(),
            ..self
        }
    }

    fn new(root: PathBuf, entry: Option<String>, provider: Provider) -> Self {
        Self {
            root,
            entry,
            event_log: PathBuf::from(Self::EVENT_LOG),
            provider,
        }
    }

    fn make(&self, binding: &EvidenceBinding<'_>) -> Result<Value, TsmError> {
        let report_data = report_data(binding.report_data)?;
        let entry = match &self.entry {
            Some(name) => Entry::existing(&self.root, name),
            None => Entry::make(&self.root)?.ok_or(TsmError::NoTee)?,
        };
        let found = Provider::of(&entry.provider()?)?;
        if found != self.provider {
            return Err(TsmError::OtherTee);
        }
        let report = entry.report(&report_data)?;
        match self.provider {
            Provider::Snp => snp::evidence(&report, &report_data, binding.init_data),
            Provider::Tdx => tdx::evidence(&report, &report_data, binding.init_data, &self.event_log),
        }
    }
}

impl Attester for TsmAttester {
    fn tee(&self) -> &'static str {
        match self.provider {
            Provider::Snp => "snp",
            Provider::Tdx => "tdx",
        }
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        self.make(binding)
            .map_err(|error| AttesterError(error.to_string()))
    }
}

impl Provider {
    fn of(name: &str) -> Result<Self, TsmError> {
        match name {
            "sev_guest" => Ok(Self::Snp),
            "tdx_guest" => Ok(Self::Tdx),
            _ => Err(TsmError::UnknownProvider(name.to_owned())),
        }
    }
}

/// The digest with zeros behind it, which is what the verifiers expect.
fn report_data(digest: &[u8]) -> Result<ReportData, TsmError> {
    let mut data = [0; 64];
    let head = data
        .get_mut(..digest.len())
        .ok_or(TsmError::ReportDataLength(digest.len()))?;
    head.copy_from_slice(digest);
    Ok(data)
}

/// Whether the host started this guest with that init-data: a message here is clearer than a refusal by the server.
fn check_init_data(tee: &str, digest: Option<&[u8]>, shown: &[u8]) -> Result<(), TsmError> {
    let (Some(digest), Some(register)) = (digest, crate::init_data::Register::of(tee)) else {
        return Ok(());
    };
    match register.value(digest) {
        Ok(value) if value == shown => Ok(()),
        _ => Err(TsmError::OtherInitData(register.name)),
    }
}

#[cfg(test)]
mod tests;
