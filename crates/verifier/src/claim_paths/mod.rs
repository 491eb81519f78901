//! Which claims each verifier gives, so that a policy which reads another one is found when it is set.

mod table;
#[cfg(test)]
pub(crate) mod tests;

use crate::Tee;

/// The paths of the claims of one TEE: `/` between members, `*` for the elements of a list, `**` for whatever is below.
#[derive(Debug, Clone, Copy)]
pub struct ClaimPaths {
    /// In every result.
    pub always: &'static [&'static str],
    /// In those of some platforms, or of some versions.
    pub sometimes: &'static [&'static str],
}

/// The paths of a TEE's claims. `None` where what they are is not known here: there is no verifier, or another party
/// makes them, as NVIDIA's service does.
pub fn of(tee: Tee) -> Option<ClaimPaths> {
    Some(match tee {
        Tee::AzSnpVtpm => table::AZ_SNP_VTPM,
        Tee::AzTdxVtpm => table::AZ_TDX_VTPM,
        Tee::Cca => table::CCA,
        Tee::Csv => table::CSV,
        Tee::Sample => table::SAMPLE,
        Tee::SampleDevice => table::SAMPLE_DEVICE,
        Tee::Sgx => table::SGX,
        Tee::Snp => table::SNP,
        Tee::Tdx => table::TDX,
        Tee::Tpm => table::TPM,
        Tee::HygonDcu | Tee::Nvidia | Tee::NvidiaDpu | Tee::Se => return None,
    })
}

impl ClaimPaths {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.always.iter().chain(self.sometimes).copied()
    }

    /// Whether there is something at this path below the TEE's claims. The member `*` is any member.
    pub fn has(&self, path: &[impl AsRef<str>]) -> bool {
        self.iter().any(|known| leads_there(known, path))
    }
}

/// Whether `path` is `known`, a part of it, or in what is open in it.
fn leads_there(known: &str, path: &[impl AsRef<str>]) -> bool {
    let mut known = known.split('/');
    for member in path.iter().map(AsRef::as_ref) {
        match known.next() {
            Some("**") => return true,
            Some("*") => {}
            Some(name) if name == member || member == "*" => {}
            _ => return false,
        }
    }
    true
}
