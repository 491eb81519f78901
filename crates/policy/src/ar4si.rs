//! Trustworthiness claims, vectors and tiers: "Attestation Results for Secure Interactions",
//! draft-ietf-rats-ar4si-08, section 2.3; their JSON names: draft-ietf-rats-ear.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// One of the eight trustworthiness claims, in the order in which a token lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrustClaim {
    /// `instance-identity`
    InstanceIdentity,
    /// `configuration`
    Configuration,
    /// `executables`
    Executables,
    /// `file-system`
    FileSystem,
    /// `hardware`
    Hardware,
    /// `runtime-opaque`
    RuntimeOpaque,
    /// `storage-opaque`
    StorageOpaque,
    /// `sourced-data`
    SourcedData,
}

impl TrustClaim {
    /// All claims, in token order.
    pub const ALL: [Self; 8] = [
        Self::InstanceIdentity,
        Self::Configuration,
        Self::Executables,
        Self::FileSystem,
        Self::Hardware,
        Self::RuntimeOpaque,
        Self::StorageOpaque,
        Self::SourcedData,
    ];

    /// The JSON name, as in `instance-identity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstanceIdentity => "instance-identity",
            Self::Configuration => "configuration",
            Self::Executables => "executables",
            Self::FileSystem => "file-system",
            Self::Hardware => "hardware",
            Self::RuntimeOpaque => "runtime-opaque",
            Self::StorageOpaque => "storage-opaque",
            Self::SourcedData => "sourced-data",
        }
    }

    /// The claim of that JSON name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.as_str() == name)
    }
}

/// A trustworthiness vector: a value for each claim that was set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustVector([Option<i8>; 8]);

impl TrustVector {
    /// The vector that makes no claim about anything: all eight set to 0.
    pub const NO_CLAIMS: Self = Self([Some(0); 8]);

    /// Sets a claim.
    pub fn set(&mut self, claim: TrustClaim, value: i8) {
        for (known, slot) in TrustClaim::ALL.into_iter().zip(&mut self.0) {
            if known == claim {
                *slot = Some(value);
            }
        }
    }

    /// The value of a claim, if it is set.
    pub fn get(&self, claim: TrustClaim) -> Option<i8> {
        self.iter()
            .find(|(known, _)| *known == claim)
            .map(|(_, value)| value)
    }

    /// The claims that are set, in token order.
    pub fn iter(&self) -> impl Iterator<Item = (TrustClaim, i8)> + '_ {
        TrustClaim::ALL
            .into_iter()
            .zip(&self.0)
            .filter_map(|(claim, value)| Some((claim, (*value)?)))
    }

    /// The tier of the whole vector: the worst one of its claims; `none` if none is set.
    pub fn status(&self) -> TrustTier {
        self.iter()
            .map(|(_, value)| TrustTier::of(value))
            .max()
            .unwrap_or(TrustTier::None)
    }
}

impl Serialize for TrustVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (claim, value) in self.iter() {
            map.serialize_entry(claim.as_str(), &value)?;
        }
        map.end()
    }
}

impl Serialize for TrustClaim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A trustworthiness tier, from the least to the most alarming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrustTier {
    /// Nothing is known.
    None,
    /// As it should be.
    Affirming,
    /// Something is not as it should be.
    Warning,
    /// It must not be trusted.
    Contraindicated,
}

impl TrustTier {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Affirming, Self::Warning, Self::Contraindicated];

    /// The tier of one value: -1 to 1 none, -32 to 31 affirming, -96 to 95 warning, all others
    /// contraindicated (AR4SI section 2.3.2).
    pub const fn of(value: i8) -> Self {
        match value {
            -1..=1 => Self::None,
            -32..=31 => Self::Affirming,
            -96..=95 => Self::Warning,
            _ => Self::Contraindicated,
        }
    }

    /// The JSON name, as in `affirming`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Affirming => "affirming",
            Self::Warning => "warning",
            Self::Contraindicated => "contraindicated",
        }
    }
}

impl std::fmt::Display for TrustTier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TrustTier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tier_borders_are_those_of_ar4si() {
        for (value, tier) in [
            (-128, TrustTier::Contraindicated),
            (-97, TrustTier::Contraindicated),
            (-96, TrustTier::Warning),
            (-33, TrustTier::Warning),
            (-32, TrustTier::Affirming),
            (-2, TrustTier::Affirming),
            (-1, TrustTier::None),
            (0, TrustTier::None),
            (1, TrustTier::None),
            (2, TrustTier::Affirming),
            (31, TrustTier::Affirming),
            (32, TrustTier::Warning),
            (95, TrustTier::Warning),
            (96, TrustTier::Contraindicated),
            (127, TrustTier::Contraindicated),
        ] {
            assert_eq!(TrustTier::of(value), tier, "value {value}");
        }
    }

    #[test]
    fn status_is_the_worst_tier_of_the_vector() {
        let mut vector = TrustVector::default();
        assert_eq!(vector.status(), TrustTier::None);
        vector.set(TrustClaim::Hardware, 2);
        assert_eq!(vector.status(), TrustTier::Affirming);
        vector.set(TrustClaim::Executables, 33);
        assert_eq!(vector.status(), TrustTier::Warning);
        vector.set(TrustClaim::Configuration, 96);
        assert_eq!(vector.status(), TrustTier::Contraindicated);
        assert_eq!(TrustVector::NO_CLAIMS.status(), TrustTier::None);
    }

    #[test]
    fn vector_lists_only_what_is_set_in_token_order() {
        let mut vector = TrustVector::default();
        vector.set(TrustClaim::SourcedData, -7);
        vector.set(TrustClaim::InstanceIdentity, 0);
        vector.set(TrustClaim::Hardware, 97);
        assert_eq!(
            serde_json::to_string(&vector).unwrap(),
            r#"{"instance-identity":0,"hardware":97,"sourced-data":-7}"#
        );
        assert_eq!(
            serde_json::to_string(&TrustVector::NO_CLAIMS).unwrap(),
            r#"{"instance-identity":0,"configuration":0,"executables":0,"file-system":0,"hardware":0,"runtime-opaque":0,"storage-opaque":0,"sourced-data":0}"#
        );
    }

    #[test]
    fn claim_names_are_exact() {
        assert_eq!(TrustClaim::from_name("file-system"), Some(TrustClaim::FileSystem));
        assert_eq!(TrustClaim::from_name("file_system"), None);
        assert_eq!(TrustClaim::from_name("Hardware"), None);
    }
}
