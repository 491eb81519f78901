//! Which claims each verifier gives, so that a policy which reads another one is found when it is set.

mod devices;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use crate::Tee;

/// The paths of the claims of one TEE: `/` between members, `*` for the elements of a list, `**` for whatever is below,
/// `x-*` for every member that begins so.
#[derive(Debug, Clone, Copy)]
pub struct ClaimPaths {
    /// In every result.
    pub always: &'static [&'static str],
    /// In those of some platforms, or of some versions.
    pub sometimes: &'static [&'static str],
}

/// The paths of a TEE's claims. Those that have no verifier here (Hygon DCU, NVIDIA DPU, IBM Secure Execution) have the
/// claims that the existing ecosystem's verifiers give, for a policy may be written for several services.
pub fn of(tee: Tee) -> ClaimPaths {
    match tee {
        Tee::AzSnpVtpm => table::AZ_SNP_VTPM,
        Tee::AzTdxVtpm => table::AZ_TDX_VTPM,
        Tee::Cca => table::CCA,
        Tee::Csv => table::CSV,
        Tee::HygonDcu => devices::HYGON_DCU,
        Tee::Nvidia => devices::NVIDIA,
        Tee::NvidiaDpu => devices::NVIDIA_DPU,
        Tee::Sample => table::SAMPLE,
        Tee::SampleDevice => table::SAMPLE_DEVICE,
        Tee::Se => table::SE,
        Tee::Sgx => table::SGX,
        Tee::Snp => table::SNP,
        Tee::Tdx => table::TDX,
        Tee::Tpm => table::TPM,
    }
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
            Some(name)
                if name
                    .strip_suffix('*')
                    .is_some_and(|start| member.starts_with(start)) => {}
            _ => return false,
        }
    }
    true
}
