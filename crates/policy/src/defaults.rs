//! The policies that come with the product, as text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::Reads;

/// Attestation policies by their storage id, `default_<class>`. A class that is not here has no default.
pub const ATTESTATION: [(&str, &str); 4] = [
    ("default_cpu", include_str!("../policies/default_cpu.rego")),
    ("default_gpu", include_str!("../policies/default_gpu.rego")),
    ("default_switch", include_str!("../policies/default_switch.rego")),
    ("default_ppcie", include_str!("../policies/default_ppcie.rego")),
];

/// The ids of the reference values that they ask for: names that are right, whether or not anything is registered.
pub fn reference_ids() -> &'static BTreeSet<String> {
    static IDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let ids = ATTESTATION
            .into_iter()
            .flat_map(|(_, rego)| Reads::of(rego).reference_ids);
        ids.map(|id| id.name).collect()
    });
    &IDS
}

/// Releases resources to any TEE but `sample`, and never to one in debug mode.
pub const DEFAULT: &str = include_str!("../policies/release_default.rego");

/// Releases to results in which every submodule is affirming.
pub const AFFIRMING: &str = include_str!("../policies/release_affirming.rego");

/// Releases every resource to every attested guest. For tests.
pub const ALLOW_ALL: &str = include_str!("../policies/release_allow_all.rego");

/// Releases nothing.
pub const DENY_ALL: &str = include_str!("../policies/release_deny_all.rego");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppraisalPolicy, ReleasePolicy};

    #[test]
    fn every_default_policy_compiles() {
        for (id, rego) in ATTESTATION {
            AppraisalPolicy::compile(rego).unwrap_or_else(|e| panic!("{id}: {e}"));
        }
        for rego in [DEFAULT, AFFIRMING, ALLOW_ALL, DENY_ALL] {
            let policy = ReleasePolicy::compile(rego).unwrap_or_else(|e| panic!("{rego}: {e}"));
            assert_eq!(
                policy.dialect().to_string(),
                "Rego v1, rule allow, resource path as an array, CPU at submods.cpu0"
            );
        }
    }

    #[test]
    fn only_the_affirming_policy_asks_for_an_affirming_result() {
        for (rego, asks) in [
            (DEFAULT, false),
            (AFFIRMING, true),
            (ALLOW_ALL, false),
            (DENY_ALL, false),
        ] {
            assert_eq!(
                ReleasePolicy::compile(rego).unwrap().asks_for_affirming(),
                asks,
                "{rego}"
            );
        }
    }

    #[test]
    fn policies_in_the_documentation_compile() {
        let text = include_str!("../../../docs/policy.md");
        let mut blocks = text
            .split("```rego")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        AppraisalPolicy::compile(blocks.next().unwrap()).unwrap();
        assert!(
            ReleasePolicy::compile(blocks.next().unwrap())
                .unwrap()
                .asks_for_affirming()
        );
        assert_eq!(blocks.next(), None);
    }
}
