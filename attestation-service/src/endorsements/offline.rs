//! Endorsements in a directory filled beforehand, for places without a way out.
//!
//! ```text
//! <path>/vcek/<hwid>/bl03_tee00_snp22_ucode72_vcek.der        one TCB; Turin adds _fmc00 before _vcek
//! <path>/vcek/<hwid>/vcek.der                                 any TCB, if the above is not there
//! <path>/vlek/<product>.pem                                   what signs VLEKs
//! <path>/crl/<product>.crl                                    revocation list, DER
//! ```

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use verifier::EndorsementId;
use verifier::snp::SnpTcb;

use super::{EndorsementError, EndorsementSource};

/// A directory of endorsements. It may change while the service runs.
pub(crate) struct OfflineStore {
    path: PathBuf,
}

impl OfflineStore {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    async fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, EndorsementError> {
        match tokio::fs::read(path).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(EndorsementError::Unavailable {
                source_name: self.path.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }
}

#[async_trait]
impl EndorsementSource for OfflineStore {
    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Vec<u8>>, EndorsementError> {
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
