//! TCB versions and chip ids.

use sev::firmware::host::TcbVersion;
use std::fmt;

/// The security version of each firmware component (AMD 56860, table 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SnpTcb {
    /// The FMC firmware. Turin and later.
    pub fmc: Option<u8>,
    /// The bootloader.
    pub bootloader: u8,
    /// The operating system of the secure processor.
    pub tee: u8,
    /// The SNP firmware.
    pub snp: u8,
    /// The microcode, lowest of all cores.
    pub microcode: u8,
}

impl SnpTcb {
    /// The eight bytes in the report: from Turin on `fmc, bootloader, tee, snp, 0, 0, 0, microcode`, before
    /// `bootloader, tee, 0, 0, 0, 0, snp, microcode`.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        match self.fmc {
            Some(fmc) => [fmc, self.bootloader, self.tee, self.snp, 0, 0, 0, self.microcode],
            None => [self.bootloader, self.tee, 0, 0, 0, 0, self.snp, self.microcode],
        }
    }
}

impl From<TcbVersion> for SnpTcb {
    fn from(tcb: TcbVersion) -> Self {
        let TcbVersion {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        } = tcb;
        Self {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        }
    }
}

impl fmt::Display for SnpTcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fmc) = self.fmc {
            write!(f, "fmc {fmc}, ")?;
        }
        let Self {
            bootloader,
            tee,
            snp,
            microcode,
            ..
        } = self;
        write!(
            f,
            "bootloader {bootloader}, tee {tee}, snp {snp}, microcode {microcode}"
        )
    }
}

/// A chip's id, as the VCEK certificate and the KDS's addresses have it. Displays as lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HwId {
    /// Milan and Genoa.
    Full([u8; 64]),
    /// Turin: the first 8 bytes of the report's field, whose other bytes are zero.
    Short([u8; 8]),
}

impl HwId {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            HwId::Full(bytes) => bytes,
            HwId::Short(bytes) => bytes,
        }
    }

    /// From the bytes in a certificate.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let short = bytes.try_into().ok().map(HwId::Short);
        short.or_else(|| bytes.try_into().ok().map(HwId::Full))
    }

    /// From the report's field, whose form the layout of the TCB decides. `None` if it is masked (all zero),
    /// or if a short one has anything behind it.
    pub(crate) fn from_report(chip_id: &[u8; 64], short: bool) -> Option<Self> {
        if chip_id.iter().all(|byte| *byte == 0) {
            return None;
        }
        if !short {
            return Some(HwId::Full(*chip_id));
        }
        let (head, rest) = chip_id.split_first_chunk::<8>()?;
        rest.iter().all(|byte| *byte == 0).then_some(HwId::Short(*head))
    }
}

impl fmt::Display for HwId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::digits::hex(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_ids_have_64_bytes_or_8_by_generation() {
        let mut chip_id = [0; 64];
        assert_eq!(HwId::from_report(&chip_id, true), None);
        assert_eq!(HwId::from_report(&chip_id, false), None);
        chip_id[..8].fill(0xab);
        assert_eq!(HwId::from_report(&chip_id, true), Some(HwId::Short([0xab; 8])));
        assert_eq!(HwId::from_report(&chip_id, false), Some(HwId::Full(chip_id)));
        chip_id[63] = 1;
        assert_eq!(HwId::from_report(&chip_id, true), None);
        assert_eq!(HwId::Short([0xab; 8]).to_string(), "abababababababab");
    }
}
