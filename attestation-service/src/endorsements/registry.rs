//! The list of sources. Adding one is a file, a line here, and its settings in `config`.

use super::kds::Kds;
use super::offline::OfflineStore;
use super::source::EndorsementSource;
use crate::config::{VcekSource, VerifierConfig};
use crate::error::StartError;

/// Every source that `config` names. For each id, those that serve it are asked in this order.
pub(super) fn sources(config: &VerifierConfig) -> Result<Vec<Box<dyn EndorsementSource>>, StartError> {
    let mut sources: Vec<Box<dyn EndorsementSource>> = Vec::new();
    for source in &config.snp_verifier.vcek_sources {
        sources.push(match source {
            VcekSource::Kds(config) => Box::new(Kds::new(config)?),
            VcekSource::OfflineStore(config) => Box::new(OfflineStore::new(&config.path)),
        });
    }
    Ok(sources)
}
