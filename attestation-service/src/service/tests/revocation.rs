//! A revocation list at hand, where none is required.

use simulated_tee::snp::{CrlSpec, Issuer, Revoked, VekSpec};

use super::snp::{guest, snp};
use super::*;

/// What the claim says of an evaluation of a Milan guest with `list` in the directory.
async fn with_list(platform: &Platform, vcek: &[u8], list: Option<&[u8]>) -> Result<String, EvaluateError> {
    let fixture = Fixture::trusting(Some(platform)).await;
    if let Some(list) = list {
        let folder = fixture.directory.path().join("crl");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("Milan.crl"), list).unwrap();
    }
    let claims = fixture.evaluate(snp(&guest(platform, &[("VCEK", vcek)]))).await?;
    let snp = &claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"];
    Ok(snp["revocation_list"].as_str().unwrap().to_owned())
}

fn list(platform: &Platform, revoked: Vec<Revoked>, until: i64) -> Vec<u8> {
    let spec = CrlSpec {
        this_update: u64::try_from(NOW - 100).unwrap(),
        next_update: Some(u64::try_from(until).unwrap()),
        revoked,
        issuer: Issuer::Ark,
    };
    platform.revocation_list(&spec).unwrap()
}

#[tokio::test]
async fn what_a_list_at_hand_names_is_refused_although_no_list_is_required() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let spec = VekSpec {
        serial: vec![7],
        ..platform.vcek_spec()
    };
    let vcek = platform.issue_vcek(&spec).unwrap();
    for revoked in [Revoked::Ask, Revoked::Vcek(vec![7])] {
        // Its end changes nothing for what is on it.
        for until in [NOW + 100, NOW - 1] {
            let list = list(&platform, vec![revoked.clone()], until);
            let error = with_list(&platform, &vcek, Some(&list)).await.unwrap_err();
            assert_eq!(error.fault(), Fault::Attester);
            assert!(text(&error).contains("revoked"), "{}", text(&error));
        }
    }
}

#[tokio::test]
async fn policies_see_what_the_list_at_hand_is_worth() {
    let platform = Platform::new(Generation::Milan).unwrap();
    let foreign = list(&Platform::new(Generation::Genoa).unwrap(), vec![], NOW + 100);
    let others = || vec![Revoked::Vcek(vec![9])];
    let (good, ended) = (
        list(&platform, others(), NOW + 100),
        list(&platform, others(), NOW - 1),
    );
    for (list, standing) in [
        (None, "none"),
        (Some(&good[..]), "current"),
        (Some(&ended), "expired"),
        (Some(&foreign), "unusable"),
        (Some(b"nonsense"), "none"),
    ] {
        let claim = with_list(&platform, platform.vcek_der(), list).await.unwrap();
        assert_eq!(claim, standing);
    }
}
