//! A secret reaches the guest that the policy means, sealed to its key, and nobody else.

use jose::tee_key::TeeKeyKind;
use kbs_client::attester::simulated_snp::SimulatedSnpAttester;
use kbs_client::{ClientError, RcarClient, ResourceUri};
use simulated_tee::snp::{Generation, SigningKey, evidence};

use crate::guest::{Guest, assert_refused, claims, cpu_status};
use crate::owner::{AFFIRMING, ALLOW_ALL};
use crate::stack::{Setup, TestStack};

const PATH: &str = "default/key/one";
const SECRET: &[u8] = b"the secret of the owner";

async fn stack_of(generation: Generation, policy: &str) -> TestStack {
    let stack = TestStack::with(Setup {
        generation,
        ..Setup::default()
    })
    .await;
    stack.store(PATH, SECRET).await;
    stack.release_by(policy).await;
    stack
}

async fn stack(policy: &str) -> TestStack {
    stack_of(Generation::Genoa, policy).await
}

#[tokio::test]
async fn an_snp_guest_of_each_generation_opens_its_secret_once_it_is_vouched_for() {
    for generation in Generation::ALL {
        let stack = stack_of(generation, AFFIRMING).await;
        let guest = Guest::snp(&stack);

        let (session, token) = guest.handshake().await;
        assert_eq!(cpu_status(&token), "contraindicated", "{generation:?}");
        assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;

        stack.vouch_for_platform().await;
        // What was found before stays what it was.
        assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
        let (session, token) = guest.handshake().await;
        assert_eq!(cpu_status(&token), "affirming", "{generation:?}");
        assert_eq!(
            guest.open(guest.get(&session, PATH).await).await,
            SECRET,
            "{generation:?}"
        );
    }
}

#[tokio::test]
async fn a_sample_guest_opens_its_secret_once_it_is_vouched_for() {
    let stack = stack(AFFIRMING).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
    stack.vouch_for_sample().await;
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, SECRET);
}

#[tokio::test]
async fn a_guest_with_another_measurement_is_refused() {
    let stack = stack(AFFIRMING).await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let other = |digest: &[u8]| guest.snp_evidence_with(digest, |report| report.measurement([0x5b; 48]));
    let (session, token) = guest.handshake_with(&other).await;
    assert_eq!(
        claims(&token)["submods"]["cpu0"]["ear.trustworthiness-vector"]["executables"],
        33
    );
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn the_default_policy_refuses_sample_and_debug_guests_and_no_other_tee() {
    let stack = TestStack::start().await;
    stack.store(PATH, SECRET).await;

    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;

    let guest = Guest::snp(&stack);
    let (session, _) = guest.handshake().await;
    assert_eq!(guest.open(guest.get(&session, PATH).await).await, SECRET);

    let debug = |digest: &[u8]| {
        guest.snp_evidence_with(digest, |report| {
            report.with(|fields| fields.policy.set_debug_allowed(true))
        })
    };
    let (session, token) = guest.handshake_with(&debug).await;
    let evidence = &claims(&token)["submods"]["cpu0"]["ear.veraison.annotated-evidence"];
    assert_eq!(evidence["snp"]["policy_debug_allowed"], true);
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn a_debug_guest_is_never_affirming_however_well_it_is_vouched_for() {
    let stack = stack(AFFIRMING).await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    let debug = |digest: &[u8]| {
        guest.snp_evidence_with(digest, |report| {
            report.with(|fields| fields.policy.set_debug_allowed(true))
        })
    };
    let (session, token) = guest.handshake_with(&debug).await;
    assert_eq!(cpu_status(&token), "contraindicated");
    assert_refused(guest.get(&session, PATH).await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn every_kind_of_guest_key_opens_what_was_sealed_to_it() {
    let stack = stack(ALLOW_ALL).await;
    for kind in [TeeKeyKind::P256, TeeKeyKind::P521, TeeKeyKind::Rsa] {
        let guest = Guest::sample(&stack).with_key(kind);
        let (session, _) = guest.handshake().await;
        assert_eq!(
            guest.open(guest.get(&session, PATH).await).await,
            SECRET,
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn what_is_sealed_to_one_guest_is_closed_to_another() {
    let stack = stack(ALLOW_ALL).await;
    let (one, other) = (Guest::sample(&stack), Guest::sample(&stack));
    let (session, _) = one.handshake().await;
    let text = one.get(&session, PATH).await.text().await.unwrap();
    assert!(!text.contains("secret"));
    let sealed = serde_json::from_str(&text).unwrap();
    assert!(jose::jwe::open(&sealed, other.key()).is_err());
}

#[tokio::test]
async fn vcek_and_vlek_evidence_of_every_report_version_is_accepted() {
    let stack = stack(AFFIRMING).await;
    stack.vouch_for_platform().await;
    let guest = Guest::snp(&stack);
    for version in 2..=5 {
        let by_vcek = |digest: &[u8]| guest.snp_evidence_with(digest, |report| report.version(version));
        let by_vlek = |digest: &[u8]| {
            let report = stack
                .platform
                .report()
                .version(version)
                .signing_key(SigningKey::Vlek);
            let report = report.report_data(digest).sign().unwrap();
            evidence(&report, &stack.platform.vlek_chain()).unwrap()
        };
        let (session, _) = guest.handshake_with(&by_vcek).await;
        assert_eq!(
            guest.open(guest.get(&session, PATH).await).await,
            SECRET,
            "VCEK, version {version}"
        );
        let (session, _) = guest.handshake_with(&by_vlek).await;
        assert_eq!(
            guest.open(guest.get(&session, PATH).await).await,
            SECRET,
            "VLEK, version {version}"
        );
    }
}

#[tokio::test]
async fn a_platform_that_only_looks_like_amds_is_refused() {
    let stack = stack(ALLOW_ALL).await;
    let impostor = simulated_tee::snp::Platform::impostor(Generation::Genoa).unwrap();
    let guest = Guest::snp(&stack);
    let forged = |digest: &[u8]| {
        let report = impostor.report().report_data(digest).sign().unwrap();
        evidence(&report, &impostor.vcek_chain()).unwrap()
    };
    let challenge = guest.challenge().await;
    let answer = guest
        .attest(&challenge, &guest.attestation_with(&challenge.nonce, &forged))
        .await;
    assert_refused(answer, 401, "AttestationError").await;
    assert_refused(guest.get(&challenge, PATH).await, 401, "TokenNotFound").await;
}

#[tokio::test]
async fn a_missing_resource_is_not_found_and_a_malformed_name_is_a_mistake() {
    let stack = stack(ALLOW_ALL).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    assert_refused(
        guest.get(&session, "default/key/none").await,
        404,
        "ResourceNotFound",
    )
    .await;
    assert_refused(
        guest.get(&session, "default/key").await,
        400,
        "InvalidRequestPath",
    )
    .await;
}

#[tokio::test]
async fn a_file_put_there_by_hand_is_served_at_once() {
    let stack = stack(ALLOW_ALL).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    let folder = stack.resource_folder().join("by/hand");
    std::fs::create_dir_all(&folder).unwrap();
    for content in ["first", "second"] {
        std::fs::write(folder.join("file"), content).unwrap();
        assert_eq!(
            guest.open(guest.get(&session, "by/hand/file").await).await,
            content.as_bytes()
        );
    }
    std::fs::remove_file(folder.join("file")).unwrap();
    assert_refused(guest.get(&session, "by/hand/file").await, 404, "ResourceNotFound").await;
}

#[tokio::test]
async fn a_csi_mount_is_followed_through_its_swap_and_not_out_of_the_root() {
    use std::os::unix::fs::symlink;
    let stack = stack(ALLOW_ALL).await;
    let guest = Guest::sample(&stack);
    let (session, _) = guest.handshake().await;
    let mount = stack.resource_folder().join("csi/mount");
    for (version, content) in [("..v1", "one"), ("..v2", "two")] {
        std::fs::create_dir_all(mount.join(version)).unwrap();
        std::fs::write(mount.join(version).join("key"), content).unwrap();
    }
    symlink("..v1", mount.join("..data")).unwrap();
    symlink("..data/key", mount.join("key")).unwrap();
    assert_eq!(
        guest.open(guest.get(&session, "csi/mount/key").await).await,
        b"one"
    );
    symlink("..v2", mount.join("..data_tmp")).unwrap();
    std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    assert_eq!(
        guest.open(guest.get(&session, "csi/mount/key").await).await,
        b"two"
    );

    symlink("/etc/hostname", mount.join("outside")).unwrap();
    assert_refused(
        guest.get(&session, "csi/mount/outside").await,
        500,
        "PluginInternalError",
    )
    .await;
}

#[tokio::test]
async fn the_client_library_gets_a_secret_and_tells_a_denial_from_an_absence() {
    let stack = stack(AFFIRMING).await;
    let client = |debug| {
        let attester = SimulatedSnpAttester::new(Generation::Genoa).unwrap().debug(debug);
        RcarClient::builder(&stack.kbs)
            .attester(Box::new(attester))
            .build()
            .unwrap()
    };
    let uri = |name: &str| name.parse::<ResourceUri>().unwrap();
    let denied = client(false).get_resource(&uri("kbs:///default/key/one")).await;
    assert!(matches!(denied, Err(ClientError::Denied(_))), "{denied:?}");

    stack.vouch_for_platform().await;
    let mut guest = client(false);
    let secret = guest
        .get_resource(&uri("kbs://elsewhere:1/default/key/one"))
        .await
        .unwrap();
    assert_eq!(secret.expose(), SECRET);
    let absent = guest.get_resource(&uri("default/key/none")).await;
    assert!(matches!(absent, Err(ClientError::NotFound(_))), "{absent:?}");
    let denied = client(true).get_resource(&uri("default/key/one")).await;
    assert!(matches!(denied, Err(ClientError::Denied(_))), "{denied:?}");
}
