//! Endorsements in a directory filled beforehand, for places without a way out.
//!
//! ```text
//! <path>/vcek/<hwid>/bl03_tee00_snp22_ucode72_vcek.der        one TCB; Turin adds _fmc00 before _vcek
//! <path>/vcek/<hwid>/vcek.der                                 any TCB, if the above is not there
//! <path>/vlek/<product>.pem                                   what signs VLEKs
//! <path>/vlek/<product>.crl                                   revocation list for reports by VLEKs, DER
//! <path>/crl/<product>.crl                                    revocation list for reports by VCEKs, DER
//! ```

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use verifier::EndorsementId;
use verifier::snp::SnpTcb;

use super::files;
use super::source::{EndorsementError, EndorsementSource, Fetched};

/// A directory of endorsements. It may change while the service runs.
pub(crate) struct OfflineStore {
    path: PathBuf,
    name: String,
}

/// No certificate or list is longer, in bytes.
const MAX_FILE: usize = 256 * 1024;

impl OfflineStore {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: path.display().to_string(),
        }
    }

    async fn read(&self, path: &Path) -> Result<Option<Fetched>, EndorsementError> {
        match files::read(path, MAX_FILE).await {
            Ok(found) => Ok(found),
            Err(error) => Err(EndorsementError::unavailable(&self.name, error.to_string())),
        }
    }
}

#[async_trait]
impl EndorsementSource for OfflineStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        matches!(
            id,
            EndorsementId::SnpVcek { .. }
                | EndorsementId::SnpAsvk { .. }
                | EndorsementId::SnpCrl { .. }
                | EndorsementId::SnpVlekCrl { .. }
        )
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        match id {
            EndorsementId::SnpVcek { hwid, tcb, .. } => {
                // A chip id prints as hex and so cannot lead out of the directory.
                let chip = self.path.join("vcek").join(hwid.to_string());
                match self.read(&chip.join(file_name(tcb))).await? {
                    Some(bytes) => Ok(Some(bytes)),
                    None => self.read(&chip.join("vcek.der")).await,
                }
            }
            EndorsementId::SnpAsvk { product } => {
                self.read(&self.path.join("vlek").join(format!("{product}.pem")))
                    .await
            }
            EndorsementId::SnpCrl { product } => {
                self.read(&self.path.join("crl").join(format!("{product}.crl")))
                    .await
            }
            EndorsementId::SnpVlekCrl { product } => {
                self.read(&self.path.join("vlek").join(format!("{product}.crl")))
                    .await
            }
            _ => Ok(None),
        }
    }
}

fn file_name(tcb: &SnpTcb) -> String {
    let SnpTcb {
        bootloader,
        tee,
        snp,
        microcode,
        ..
    } = tcb;
    let fmc = tcb.fmc.map(|fmc| format!("_fmc{fmc:02}")).unwrap_or_default();
    format!("bl{bootloader:02}_tee{tee:02}_snp{snp:02}_ucode{microcode:02}{fmc}_vcek.der")
}

#[cfg(test)]
mod tests {
    use verifier::snp::SnpTcb;

    use super::*;

    const TCB: SnpTcb = SnpTcb {
        fmc: None,
        bootloader: 3,
        tee: 0,
        snp: 22,
        microcode: 213,
    };

    #[test]
    fn a_file_is_named_after_its_tcb() {
        assert_eq!(file_name(&TCB), "bl03_tee00_snp22_ucode213_vcek.der");
        assert_eq!(
            file_name(&SnpTcb { fmc: Some(1), ..TCB }),
            "bl03_tee00_snp22_ucode213_fmc01_vcek.der"
        );
    }
}
