use super::*;

fn members(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

const PATHS: ClaimPaths = ClaimPaths {
    always: &[
        "a/b",
        "logs/*/digests/*/digest",
        "open/**",
        "open/known-name",
        "x-maker-*/**",
    ],
    sometimes: &["c.d", "logs/*/index", "x-maker-version"],
    ..NONE
};

#[test]
fn a_path_is_known_as_a_whole_and_in_part_and_may_be_anything_below_what_is_open() {
    for (path, expected) in [
        ("a", Standing::Known),
        ("a/b", Standing::Known),
        ("c.d", Standing::Known),
        ("logs", Standing::Known),
        ("logs/*", Standing::Known),
        ("logs/0/digests/*/digest", Standing::Known),
        ("open", Standing::Known),
        ("open/known-name", Standing::Known),
        ("open/x/y", Standing::Open),
        ("x-maker-version", Standing::Known),
        ("x-maker-anything", Standing::Open),
        ("x-maker-anything/at/all", Standing::Open),
        ("*", Standing::Known),
        ("*/b", Standing::Known),
        ("b", Standing::Unknown),
        ("a/c", Standing::Unknown),
        ("a/b/c", Standing::Unknown),
        ("c", Standing::Unknown),
        ("logs/*/digest", Standing::Unknown),
        ("A", Standing::Unknown),
        ("x-other", Standing::Unknown),
        ("x-maker", Standing::Unknown),
    ] {
        assert_eq!(PATHS.standing(&members(path)), expected, "{path}");
    }
    assert_eq!(PATHS.standing(&[""; 0]), Standing::Known);
}

#[test]
fn the_nearest_path_is_no_longer_than_the_one_that_is_wrong() {
    for (tee, path, near) in [
        ("tdx", "uefi_event_log", Some("uefi_event_logs")),
        (
            "tdx",
            "uefi_event_logs/*/digest",
            Some("uefi_event_logs/*/digests"),
        ),
        (
            "tdx",
            "uefi_event_log/*/digests/*/algo",
            Some("uefi_event_logs/*/digests/*/alg"),
        ),
        (
            "csv",
            "uefi_event_logs/0/details/sting",
            Some("uefi_event_logs/*/details/string"),
        ),
        (
            "tdx",
            "uefi_event_logs/*/details/device_pats",
            Some("uefi_event_logs/*/details/device_paths"),
        ),
        ("tdx", "uefi_event_logs/*/details/elephants", None),
        ("tdx", "td_attribute/debugg", Some("td_attributes/debug")),
        ("tdx", "rtmr_1", Some("quote/body/rtmr_1")),
        ("tdx", "quote/rtmr_1", Some("quote/body/rtmr_1")),
        ("tdx", "td_attributes/rtmr_1", Some("quote/body/rtmr_1")),
        ("snp", "measurement/x", Some("measurement")),
        ("snp", "elephants", None),
        ("az-snp-vtpm", "tpm/pcr_11", Some("tpm/pcr11")),
    ] {
        let wrong = of(tee).unwrap().wrong(&members(path)).unwrap();
        assert!(!wrong.is_open, "{path}");
        assert_eq!(wrong.near.map(|near| near.join("/")).as_deref(), near, "{path}");
    }
}

#[test]
fn what_may_have_any_name_is_wrong_only_if_it_is_almost_a_known_one() {
    let chain = "x-nvidia-gpu-vbios-rim-cert-chain";
    for (tee, path, near) in [
        (
            "nvidia",
            "x-nvidia-gpu-vbios-versoin",
            "x-nvidia-gpu-vbios-version",
        ),
        ("nvidia", "x-nvidia-gpu-arch-chek", "x-nvidia-gpu-arch-check"),
        (
            "nvidia",
            &format!("{chain}/x-nvidia-cert-statos"),
            &format!("{chain}/x-nvidia-cert-status"),
        ),
        (
            "nvidia",
            "config/opaque_data_versoin",
            "config/opaque_data_version",
        ),
        (
            "az-snp-vtpm",
            "vm_configuration/secure-bot",
            "vm_configuration/secure-boot",
        ),
        (
            "az-tdx-vtpm",
            "vm_configuration/secure_boo",
            "vm_configuration/secure-boot",
        ),
    ] {
        let wrong = of(tee).unwrap().wrong(&members(path)).unwrap();
        assert!(wrong.is_open || path.starts_with(chain), "{path}");
        assert_eq!(wrong.near.unwrap().join("/"), near, "{path}");
    }
    for (tee, path) in [
        ("nvidia", "x-nvidia-future"),
        ("nvidia", "x-nvidia-gpu-fsp-version"),
        ("nvidia", "x-nvidia-attestation-detailed-result/anything"),
        ("nvidia", "config/opaque_35"),
        ("nvidia", "measurements/9"),
        ("az-snp-vtpm", "vm_configuration/secure-launch"),
        ("az-snp-vtpm", "vm_configuration"),
        ("tdx", "uefi_event_logs/*/details/data/content/any/thing"),
    ] {
        assert_eq!(of(tee).unwrap().wrong(&members(path)), None, "{path}");
    }
}

#[test]
fn no_path_is_in_the_table_twice_and_none_is_a_part_of_another() {
    for tee in tees() {
        let paths = of(tee).unwrap();
        let all: Vec<&str> = paths.iter().collect();
        for (at, path) in all.iter().enumerate() {
            assert_eq!(
                paths.wrong(&members(path.trim_end_matches("/**"))),
                None,
                "{tee}: {path}"
            );
            for other in all.iter().skip(at + 1) {
                assert_ne!(path, other, "{tee}");
                assert!(!other.starts_with(&format!("{path}/")), "{tee}: {path} {other}");
                assert!(!path.starts_with(&format!("{other}/")), "{tee}: {path} {other}");
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn a_path_that_is_suggested_is_a_right_one(
        tee in proptest::sample::select(tees().collect::<Vec<_>>()),
        path in proptest::collection::vec("[a-z_]{0,8}|[*]|uefi_event_log|details|quote|body|vm_configuratoin", 0..5),
    ) {
        let paths = of(tee).unwrap();
        if let Some(near) = paths.wrong(&path).and_then(|wrong| wrong.near) {
            proptest::prop_assert_ne!(&near, &path);
            proptest::prop_assert_ne!(paths.standing(&near), Standing::Unknown);
        }
    }
}
