//! The names of the TEEs, as the RCAR protocol and the Attestation Service spell them.

use std::fmt;
use std::str::FromStr;

/// A kind of trusted execution environment, or of attested device.
///
/// Every name of the wire is here, so that a request for a TEE without a verifier in this build is answered
/// with "not supported" and not with "malformed".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tee {
    /// AMD SEV-SNP behind an Azure vTPM.
    AzSnpVtpm,
    /// Intel TDX behind an Azure vTPM.
    AzTdxVtpm,
    /// Arm Confidential Compute Architecture.
    Cca,
    /// Hygon CSV.
    Csv,
    /// Hygon DCU accelerator.
    HygonDcu,
    /// NVIDIA GPU or switch.
    Nvidia,
    /// NVIDIA BlueField DPU.
    NvidiaDpu,
    /// No hardware behind it: for development.
    Sample,
    /// A device without hardware behind it: for development.
    SampleDevice,
    /// IBM Secure Execution.
    Se,
    /// Intel SGX.
    Sgx,
    /// AMD SEV-SNP.
    Snp,
    /// Intel TDX.
    Tdx,
    /// A bare TPM.
    Tpm,
}

impl Tee {
    /// All of them, in the order of their names in the code.
    pub const ALL: [Tee; 14] = [
        Tee::AzSnpVtpm,
        Tee::AzTdxVtpm,
        Tee::Cca,
        Tee::Csv,
        Tee::HygonDcu,
        Tee::Nvidia,
        Tee::NvidiaDpu,
        Tee::Sample,
        Tee::SampleDevice,
        Tee::Se,
        Tee::Sgx,
        Tee::Snp,
        Tee::Tdx,
        Tee::Tpm,
    ];

    /// The class of claims that its evidence makes, or most of it.
    pub fn usual_class(self) -> TeeClass {
        match self {
            Tee::AzSnpVtpm
            | Tee::AzTdxVtpm
            | Tee::Cca
            | Tee::Csv
            | Tee::Sample
            | Tee::Se
            | Tee::Sgx
            | Tee::Snp
            | Tee::Tdx
            | Tee::Tpm => TeeClass::Cpu,
            Tee::HygonDcu => TeeClass::Dcu,
            Tee::Nvidia | Tee::SampleDevice => TeeClass::Gpu,
            Tee::NvidiaDpu => TeeClass::NvidiaDpu,
        }
    }

    /// The name on the wire, also the key under which its claims reach a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Tee::AzSnpVtpm => "az-snp-vtpm",
            Tee::AzTdxVtpm => "az-tdx-vtpm",
            Tee::Cca => "cca",
            Tee::Csv => "csv",
            Tee::HygonDcu => "hygondcu",
            Tee::Nvidia => "nvidia",
            Tee::NvidiaDpu => "nvidia-dpu",
            Tee::Sample => "sample",
            Tee::SampleDevice => "sampledevice",
            Tee::Se => "se",
            Tee::Sgx => "sgx",
            Tee::Snp => "snp",
            Tee::Tdx => "tdx",
            Tee::Tpm => "tpm",
        }
    }
}

impl fmt::Display for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tee {
    type Err = UnknownTee;

    fn from_str(name: &str) -> Result<Self, UnknownTee> {
        if name == "nvidiadpu" {
            return Ok(Tee::NvidiaDpu);
        }
        Tee::ALL
            .into_iter()
            .find(|tee| tee.as_str() == name)
            .ok_or(UnknownTee)
    }
}

/// The name is of no TEE of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown TEE")]
pub struct UnknownTee;

/// The class of submodule that a TEE's claims make in the token, followed there by an index (`cpu0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TeeClass {
    /// The machine itself.
    Cpu,
    /// A graphics processor.
    Gpu,
    /// A switch between graphics processors.
    Switch,
    /// A whole NVIDIA protected-PCIe system.
    Ppcie,
    /// A Hygon DCU accelerator.
    Dcu,
    /// An NVIDIA DPU.
    NvidiaDpu,
}

impl TeeClass {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Cpu,
        Self::Gpu,
        Self::Switch,
        Self::Ppcie,
        Self::Dcu,
        Self::NvidiaDpu,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            TeeClass::Cpu => "cpu",
            TeeClass::Gpu => "gpu",
            TeeClass::Switch => "switch",
            TeeClass::Ppcie => "ppcie",
            TeeClass::Dcu => "dcu",
            TeeClass::NvidiaDpu => "nvidia-dpu",
        }
    }
}

impl fmt::Display for TeeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_tee() {
        for tee in Tee::ALL {
            assert_eq!(tee.as_str().parse(), Ok(tee));
        }
        assert_eq!("nvidiadpu".parse(), Ok(Tee::NvidiaDpu));
    }

    #[test]
    fn a_name_in_another_case_is_unknown() {
        for name in ["SNP", "Snp", "", "snp ", "sev"] {
            assert_eq!(name.parse::<Tee>(), Err(UnknownTee), "{name}");
        }
    }
}
