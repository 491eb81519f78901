use super::*;

fn values(platform: &Platform) -> Value {
    let tcb = platform.tcb();
    json!({
        "snp_launch_measurement": ["5a".repeat(48)],
        "snp_bootloader": [tcb.bootloader],
        "snp_microcode": [tcb.microcode],
        "snp_snp_svn": [tcb.snp],
        "snp_tee_svn": [tcb.tee],
    })
}

pub(super) fn init_digest() -> [u8; 32] {
    HashAlgorithm::Sha256
        .digest(INIT_DATA.as_bytes())
        .try_into()
        .unwrap()
}

/// Evidence bound to [`RUNTIME_DATA`] and [`INIT_DATA`], with the certificates of `chain`.
pub(super) fn guest(platform: &Platform, chain: &[(&str, &[u8])]) -> Value {
    let report = platform
        .report()
        .report_data(&report_data())
        .host_data(&init_digest())
        .sign()
        .unwrap();
    evidence(&report, chain).unwrap()
}

pub(super) fn snp(evidence: &Value) -> Vec<IndividualRequest> {
    let init_data = InitData::Toml(INIT_DATA.to_owned());
    vec![IndividualRequest {
        init_data,
        ..request(Tee::Snp, evidence)
    }]
}

/// Where the directory keeps the VCEK of a platform.
fn shelf(fixture: &Fixture, platform: &Platform) -> PathBuf {
    let hwid = platform.chip_id()[..platform.generation().hwid_length()].to_vec();
    let chip = fixture.directory.path().join("vcek").join(hex::encode(hwid));
    std::fs::create_dir_all(&chip).unwrap();
    chip
}

#[tokio::test]
async fn a_simulated_guest_is_refused_by_whoever_does_not_trust_its_root() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = Fixture::new().await;
    let error = fixture
        .evaluate(snp(&guest(&platform, &platform.vcek_chain())))
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Attester);
}

#[tokio::test]
async fn a_trusted_guest_is_affirmed_once_its_values_are_registered() {
    for generation in Generation::ALL {
        let platform = Platform::new(generation).unwrap();
        let fixture = Fixture::trusting(Some(&platform)).await;
        for chain in [&platform.vcek_chain()[..], &platform.vcek_chain()[2..]] {
            let before = fixture.evaluate(snp(&guest(&platform, chain))).await.unwrap();
            assert_eq!(
                before["submods"]["cpu0"]["ear.status"], "contraindicated",
                "{generation:?}"
            );
        }
        fixture.register(values(&platform)).await;
        let after = fixture
            .evaluate(snp(&guest(&platform, &platform.vcek_chain())))
            .await
            .unwrap();
        let cpu = &after["submods"]["cpu0"];
        assert_eq!(cpu["ear.status"], "affirming", "{generation:?}: {cpu}");
        let evidence = &cpu["ear.veraison.annotated-evidence"];
        assert_eq!(evidence["init_data"], hex::encode(init_digest()));
        assert_eq!(evidence["init_data_claims"], json!({"name": "value"}));
        assert_eq!(evidence["snp"]["measurement"], "5a".repeat(48));
        assert!(evidence["snp"].get("report_data").is_none());
    }
}

#[tokio::test]
async fn a_provider_signed_guest_is_affirmed_too() {
    let platform = Platform::new(Generation::Genoa).unwrap();
    let fixture = Fixture::trusting(Some(&platform)).await;
    fixture.register(values(&platform)).await;
    let report = platform
        .report()
        .report_data(&report_data())
        .signing_key(SigningKey::Vlek)
        .sign()
        .unwrap();
    let evidence = evidence(&report, &platform.vlek_chain()).unwrap();
    let claims = fixture
        .evaluate(vec![request(Tee::Snp, &evidence)])
        .await
        .unwrap();
    assert_eq!(claims["submods"]["cpu0"]["ear.status"], "affirming");
}

#[tokio::test]
async fn another_init_data_text_is_refused_and_named() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = Fixture::trusting(Some(&platform)).await;
    let mut items = snp(&guest(&platform, &platform.vcek_chain()));
    items[0].init_data = InitData::Toml(INIT_DATA.replace("value", "values"));
    let error = fixture.evaluate(items).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Attester);
    assert!(text(&error).contains("init data"), "{}", text(&error));
}

#[tokio::test]
async fn a_vcek_that_the_evidence_lacks_comes_from_the_directory() {
    for generation in [Generation::Milan, Generation::Turin] {
        let platform = Platform::new(generation).unwrap();
        let fixture = Fixture::trusting(Some(&platform)).await;
        let error = fixture.evaluate(snp(&guest(&platform, &[]))).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Attester);
        assert!(text(&error).contains("nothing vouches for"), "{}", text(&error));

        let fixture = Fixture::trusting(Some(&platform)).await;
        std::fs::write(shelf(&fixture, &platform).join("vcek.der"), platform.vcek_der()).unwrap();
        fixture.evaluate(snp(&guest(&platform, &[]))).await.unwrap();
    }
}

#[tokio::test]
async fn the_file_named_after_the_tcb_goes_before_the_one_for_any() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = Fixture::trusting(Some(&platform)).await;
    let shelf = shelf(&fixture, &platform);
    std::fs::write(shelf.join("vcek.der"), "nonsense").unwrap();
    std::fs::write(
        shelf.join("bl09_tee00_snp23_ucode213_vcek.der"),
        platform.vcek_der(),
    )
    .unwrap();
    fixture.evaluate(snp(&guest(&platform, &[]))).await.unwrap();
}

#[tokio::test]
async fn a_bad_certificate_that_was_fetched_is_fetched_again() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = Fixture::trusting(Some(&platform)).await;
    let file = shelf(&fixture, &platform).join("vcek.der");
    let other = Platform::new(Generation::Milan).unwrap();
    for bad in [&b"nonsense"[..], other.vcek_der(), platform.vlek_der()] {
        std::fs::write(&file, bad).unwrap();
        fixture.evaluate(snp(&guest(&platform, &[]))).await.unwrap_err();
    }
    std::fs::write(&file, platform.vcek_der()).unwrap();
    fixture.evaluate(snp(&guest(&platform, &[]))).await.unwrap();
}

#[tokio::test]
async fn a_key_service_that_is_down_is_an_outage_and_not_the_guests_fault() {
    daemon::init();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let platform = Platform::new(Generation::Milan).unwrap();
    let fixture = Fixture::with(Some(&platform), |config| {
        let base_url = format!("http://{nobody}");
        config.verifier_config.snp_verifier.vcek_sources = vec![VcekSource::Kds(KdsConfig {
            base_url,
            ..KdsConfig::default()
        })];
    })
    .await;
    let error = fixture.evaluate(snp(&guest(&platform, &[]))).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Dependency);
    fixture
        .evaluate(snp(&guest(&platform, &platform.vcek_chain())))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_revoked_signing_key_is_refused_where_lists_are_required() {
    use simulated_tee::snp::{CrlSpec, Issuer, Revoked};
    let platform = Platform::new(Generation::Milan).unwrap();
    let now = u64::try_from(NOW).unwrap();
    let list = |revoked| CrlSpec {
        this_update: now - 100,
        next_update: Some(now + 100),
        revoked,
        issuer: Issuer::Ark,
    };
    let items = || snp(&guest(&platform, &platform.vcek_chain()));
    let require = |config: &mut Config| {
        config.verifier_config.snp_verifier.crl = crate::config::CrlMode::Require;
    };

    let fixture = Fixture::with(Some(&platform), require).await;
    let error = fixture.evaluate(items()).await.unwrap_err();
    assert!(text(&error).contains("revocation list"), "{}", text(&error));

    for (revoked, accepted) in [(vec![], true), (vec![Revoked::Ask], false)] {
        let fixture = Fixture::with(Some(&platform), require).await;
        let crls = fixture.directory.path().join("crl");
        std::fs::create_dir(&crls).unwrap();
        std::fs::write(
            crls.join("Milan.crl"),
            platform.revocation_list(&list(revoked)).unwrap(),
        )
        .unwrap();
        let result = fixture.evaluate(items()).await;
        assert_eq!(result.is_ok(), accepted, "{result:?}");
    }
}

#[tokio::test]
async fn a_report_by_a_vlek_needs_the_list_for_vleks_where_lists_are_required() {
    use simulated_tee::snp::{CrlSpec, Issuer, Revoked};
    let platform = Platform::new(Generation::Milan).unwrap();
    let now = u64::try_from(NOW).unwrap();
    let list = |revoked| {
        let spec = CrlSpec {
            this_update: now - 100,
            next_update: Some(now + 100),
            revoked,
            issuer: Issuer::Ark,
        };
        platform.revocation_list(&spec).unwrap()
    };
    let builder = platform.report().report_data(&report_data());
    let report = builder.signing_key(SigningKey::Vlek).sign().unwrap();
    let evidence = evidence(&report, &platform.vlek_chain()).unwrap();
    for (of_vleks, reason) in [
        (None, Some("revocation list of Milan for VLEKs")),
        (Some(vec![Revoked::Asvk]), Some("revoked")),
        (Some(vec![Revoked::Ask]), None),
    ] {
        let fixture = Fixture::with(Some(&platform), |config| {
            config.verifier_config.snp_verifier.crl = crate::config::CrlMode::Require;
        })
        .await;
        for (folder, revoked) in [("crl", Some(vec![])), ("vlek", of_vleks)] {
            let folder = fixture.directory.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            if let Some(revoked) = revoked {
                std::fs::write(folder.join("Milan.crl"), list(revoked)).unwrap();
            }
        }
        let outcome = fixture.evaluate(vec![request(Tee::Snp, &evidence)]).await;
        match reason {
            None => assert!(outcome.is_ok(), "{outcome:?}"),
            Some(reason) => {
                let error = outcome.unwrap_err();
                assert!(text(&error).contains(reason), "{}", text(&error));
            }
        }
    }
}

#[tokio::test]
async fn a_real_genoa_guest_is_appraised_before_and_after_its_measurement_is_registered() {
    let Some(bytes) = fixture("snp/genoa-v3-evidence.json") else {
        return;
    };
    let fixture = Fixture::new().await;
    let item = IndividualRequest {
        tee: Tee::Snp,
        evidence: bytes,
        runtime_data: RuntimeData::None,
        init_data: InitData::None,
        hash: HashAlgorithm::Sha384,
    };
    let before = fixture.evaluate(vec![item.clone()]).await.unwrap();
    let cpu = &before["submods"]["cpu0"];
    assert_eq!(cpu["ear.trustworthiness-vector"]["executables"], 33);
    let snp = &cpu["ear.veraison.annotated-evidence"]["snp"];
    let values = json!({
        "snp_launch_measurement": [snp["measurement"]],
        "snp_bootloader": [snp["reported_tcb_bootloader"]],
        "snp_microcode": [snp["reported_tcb_microcode"]],
        "snp_snp_svn": [snp["reported_tcb_snp"]],
        "snp_tee_svn": [snp["reported_tcb_tee"]],
    });
    fixture.register(values).await;
    let after = fixture.evaluate(vec![item]).await.unwrap();
    let vector = &after["submods"]["cpu0"]["ear.trustworthiness-vector"];
    assert_eq!(
        (&vector["executables"], &vector["hardware"]),
        (&json!(3), &json!(2))
    );
}
