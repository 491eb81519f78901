//! Certificates of Hygon's signing key and of a chip: from Hygon's service, or a directory filled beforehand.
//!
//! The service answers `GET /hsk_cek?snumber=<serial number>` with both, one behind the other, in Hygon's binary
//! form; the directory has the same in `hsk_cek/<serial number>/hsk_cek.cert`. A serial number is of letters and
//! digits, so it leads neither out of the directory nor into another part of the URL.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use verifier::EndorsementId;

use super::files;
use super::http::{HttpClient, HttpSettings};
use super::source::{EndorsementError, EndorsementSource, Fetched};
use crate::config::HygonConfig;
use crate::error::StartError;

/// Both certificates have 2916 bytes.
const MAX_LENGTH: usize = 16 * 1024;

/// A client of Hygon's service.
pub(crate) struct Hygon {
    base_url: String,
    client: HttpClient,
}

impl Hygon {
    pub(crate) fn new(config: &HygonConfig) -> Result<Self, StartError> {
        let client = HttpClient::new(&HttpSettings {
            url: &config.base_url,
            timeout: Duration::from_secs(config.timeout_seconds.into()),
            ca: config.ca.as_deref(),
            max_answer: MAX_LENGTH,
        })?;
        let base_url = config.base_url.trim_end_matches('/').to_owned();
        Ok(Self { base_url, client })
    }
}

#[async_trait]
impl EndorsementSource for Hygon {
    fn name(&self) -> &str {
        self.client.name()
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        matches!(id, EndorsementId::CsvHskCek { .. })
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        let EndorsementId::CsvHskCek { chip } = id else {
            return Ok(None);
        };
        let url = format!("{}/hsk_cek?snumber={chip}", self.base_url);
        let answer = self.client.get(&url).await?;
        Ok(answer.map(|answer| answer.body.into()))
    }
}

/// The directory. It may change while the service runs.
pub(crate) struct HygonFiles {
    path: PathBuf,
    name: String,
}

impl HygonFiles {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: path.display().to_string(),
        }
    }
}

#[async_trait]
impl EndorsementSource for HygonFiles {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, id: &EndorsementId) -> bool {
        matches!(id, EndorsementId::CsvHskCek { .. })
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn fetch(&self, id: &EndorsementId) -> Result<Option<Fetched>, EndorsementError> {
        let EndorsementId::CsvHskCek { chip } = id else {
            return Ok(None);
        };
        let file = self.path.join("hsk_cek").join(chip.as_str()).join("hsk_cek.cert");
        files::read(&file, MAX_LENGTH)
            .await
            .map_err(|error| EndorsementError::unavailable(&self.name, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Server;
    use axum::http::{StatusCode, Uri};
    use verifier::csv::CsvChipId;

    fn id() -> EndorsementId {
        EndorsementId::CsvHskCek {
            chip: CsvChipId::new("NZA9T01021905").unwrap(),
        }
    }

    #[tokio::test]
    async fn the_service_is_asked_for_the_serial_number() {
        daemon::init();
        let router = axum::Router::new().fallback(|uri: Uri| async move {
            match uri.to_string().as_str() {
                "/hsk_cek?snumber=NZA9T01021905" => (StatusCode::OK, "both"),
                _ => (StatusCode::NOT_FOUND, ""),
            }
        });
        let server = Server::start(router, None).await;
        let source = |path: &str| {
            let config = HygonConfig {
                base_url: format!("{}{path}", server.url()),
                ..HygonConfig::default()
            };
            Hygon::new(&config).unwrap()
        };
        let found = source("/").fetch(&id()).await.unwrap().unwrap();
        assert_eq!(found.bytes, b"both");
        assert_eq!(source("/elsewhere").fetch(&id()).await.unwrap(), None);
        assert!(source("").serves(&id()) && !source("").serves(&EndorsementId::DcapRootCrl));
    }

    #[tokio::test]
    async fn the_directory_has_a_folder_for_each_chip() {
        let directory = tempfile::tempdir().unwrap();
        let source = HygonFiles::new(directory.path());
        assert_eq!(source.fetch(&id()).await.unwrap(), None);
        let folder = directory.path().join("hsk_cek/NZA9T01021905");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("hsk_cek.cert"), "both").unwrap();
        assert_eq!(source.fetch(&id()).await.unwrap().unwrap().bytes, b"both");
        std::fs::write(folder.join("hsk_cek.cert"), vec![0; 20_000]).unwrap();
        assert!(source.fetch(&id()).await.is_err());
    }
}
