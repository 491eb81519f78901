//! Product lines: who has the same roots and the same layout of TCB.

use super::SnpError;
use sev::Generation;
use std::fmt;

/// A product line of AMD EPYC with SEV-SNP, by the name its certificates and the KDS give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnpProduct {
    /// Third generation.
    Milan,
    /// Fourth generation, Bergamo and Siena among it.
    Genoa,
    /// Fifth generation.
    Turin,
}

impl SnpProduct {
    /// All of them.
    pub const ALL: [SnpProduct; 3] = [SnpProduct::Milan, SnpProduct::Genoa, SnpProduct::Turin];

    /// The name in the KDS's addresses and in the certificates' common names.
    pub fn as_str(self) -> &'static str {
        match self {
            SnpProduct::Milan => "Milan",
            SnpProduct::Genoa => "Genoa",
            SnpProduct::Turin => "Turin",
        }
    }

    /// By combined CPUID family and model, which reports carry from version 3 on.
    ///
    /// # Errors
    /// [`SnpError::UnknownProcessor`] for one that has no SEV-SNP, or whose roots we have not.
    pub(crate) fn from_cpuid(family: u8, model: u8) -> Result<Self, SnpError> {
        match Generation::identify_cpu(family, model) {
            Ok(Generation::Milan) => Ok(SnpProduct::Milan),
            Ok(Generation::Genoa) => Ok(SnpProduct::Genoa),
            Ok(Generation::Turin) => Ok(SnpProduct::Turin),
            Ok(_) | Err(_) => Err(SnpError::UnknownProcessor { family, model }),
        }
    }

    /// The product line whose root, or signing certificate, has the common name `prefix` + name.
    pub(crate) fn from_common_name(common_name: &str, prefix: &str) -> Option<Self> {
        let name = common_name.strip_prefix(prefix)?;
        SnpProduct::ALL
            .into_iter()
            .find(|product| product.as_str() == name)
    }

    /// Since Turin the TCB has a component `fmc`, in the first byte, and chip ids have 8 bytes.
    pub(crate) fn has_fmc(self) -> bool {
        self == SnpProduct::Turin
    }
}

impl fmt::Display for SnpProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_its_product_line() {
        let cases = [
            (0x19, 0x00, SnpProduct::Milan),
            (0x19, 0x0f, SnpProduct::Milan),
            (0x19, 0x10, SnpProduct::Genoa),
            (0x19, 0x1f, SnpProduct::Genoa),
            (0x19, 0xa0, SnpProduct::Genoa),
            (0x19, 0xaf, SnpProduct::Genoa),
            (0x1a, 0x00, SnpProduct::Turin),
            (0x1a, 0x11, SnpProduct::Turin),
        ];
        for (family, model, product) in cases {
            assert_eq!(
                SnpProduct::from_cpuid(family, model),
                Ok(product),
                "{family:#x} {model:#x}"
            );
        }
    }

    #[test]
    fn a_processor_without_roots_here_is_an_error_and_not_a_panic() {
        for family in 0..=u8::MAX {
            for model in 0..=u8::MAX {
                if let Err(error) = SnpProduct::from_cpuid(family, model) {
                    assert_eq!(error, SnpError::UnknownProcessor { family, model });
                } else {
                    assert!(family == 0x19 || family == 0x1a);
                }
            }
        }
        // The sixth generation, which the parser knows but has no roots for.
        assert!(SnpProduct::from_cpuid(0x1a, 0x50).is_err());
    }
}
