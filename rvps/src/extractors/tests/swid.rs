use proptest::prelude::*;
use serde_json::json;

use super::{extract, values};

/// In the form of the manifests that a vendor of GPUs publishes.
const RIM: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
    xmlns:ns0="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
    xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384" name="GPU" tagId="a" tagVersion="0">
  <ns0:Entity name="ACME" role="softwareCreator tagCreator"/>
  <ns0:Meta xmlns:ns1="https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/"
      edition="GPU-1" product="G" ns1:PlatformManufacturerStr="ACME Big Corporation"/>
  <ns0:Meta edition="another"/>
  <ns0:Payload>
    <ns0:Resource type="Measurement" index="0" ns2:Hash0="0000" name="Measurement_0" size="48"/>
    <ns0:Directory><ns0:Resource type="Measurement" index="1-2" ns2:Hash0="00" ns2:Hash1="ab" ns2:Hash2="c&#100;" ns2:Hash4="ee"/></ns0:Directory>
    <ns0:Resource type="File" index="3" ns2:Hash0="ff"/>
    <Resource type="Measurement" index="4" ns2:Hash0="aa" Hash1="not in the namespace"/>
  </ns0:Payload>
  <ns0:Payload><ns0:Resource type="Measurement" index="9" ns2:Hash0="99"/></ns0:Payload>
</SoftwareIdentity>"#;

#[test]
fn the_measurements_of_a_manifest_become_reference_values() {
    assert_eq!(
        values(extract("swid", RIM).unwrap()),
        [
            (
                "ACME_Big_Corporation.GPU_1.measurement_1_2".to_owned(),
                json!(["ab", "cd"])
            ),
            (
                "ACME_Big_Corporation.GPU_1.measurement_1_2_zeros".to_owned(),
                json!(["00"])
            ),
            (
                "ACME_Big_Corporation.GPU_1.measurement_4".to_owned(),
                json!(["aa"])
            ),
        ]
    );
}

/// The attributes of measurement 12 of a manifest, to the names and values of what is registered of it.
#[track_caller]
fn check_measurement(attributes: &str, expected: &[(&str, serde_json::Value)]) {
    let from = "index=\"1-2\" ns2:Hash0=\"00\" ns2:Hash1=\"ab\" ns2:Hash2=\"c&#100;\" ns2:Hash4=\"ee\"";
    let changed = RIM.replace(from, &format!("index=\"12\" {attributes}"));
    assert_ne!(changed, RIM);
    let mut values = values(extract("swid", changed).unwrap());
    values.retain(|(name, _)| !name.ends_with("measurement_4"));
    let expected: Vec<_> = expected
        .iter()
        .map(|(ending, value)| {
            (
                format!("ACME_Big_Corporation.GPU_1.measurement_12{ending}"),
                value.clone(),
            )
        })
        .collect();
    assert_eq!(values, expected, "{attributes}");
}

#[test]
fn zeros_beside_other_values_are_registered_under_a_name_of_their_own() {
    let both = "active=\"True\" alternatives=\"3\" ns2:Hash0=\"ab\" ns2:Hash1=\"0000\" ns2:Hash2=\"cd\"";
    check_measurement(both, &[("", json!(["ab", "cd"])), ("_zeros", json!(["0000"]))]);
    // A measurement that is not to be compared vouches for no zeros.
    let inactive = both.replace("True", "False");
    check_measurement(&inactive, &[("", json!(["ab", "cd"]))]);
    check_measurement("active=\"True\" ns2:Hash0=\"0000\"", &[]);
    check_measurement("active=\"True\" ns2:Hash0=\"ab\"", &[("", json!(["ab"]))]);
}

#[test]
fn what_is_missing_is_named_as_clients_know_it() {
    for (from, to, expected) in [
        ("ns0:Meta", "ns0:Mita", "Could not find meta information."),
        (
            "ns1:PlatformManufacturerStr",
            "PlatformManufacturerStr",
            "Could not find manufacturer information.",
        ),
        ("edition=\"GPU-1\"", "", "Could not find edition information."),
        ("ns0:Payload", "ns0:Poyload", "Could not find SWID payload."),
        ("index=\"1-2\"", "", "Could not find measurement name"),
    ] {
        let changed = RIM.replace(from, to);
        assert_ne!(changed, RIM);
        assert_eq!(extract("swid", changed).unwrap_err(), expected);
    }
    let another = RIM.replace("2015/schema.xsd", "2009/schema.xsd");
    assert_eq!(
        extract("swid", another).unwrap_err(),
        "Could not find meta information."
    );
}

#[test]
fn documents_that_try_something_are_refused() {
    let bomb = format!(
        "<!DOCTYPE a [<!ENTITY x \"xxxx\"><!ENTITY y \"&x;&x;\">]>{}",
        RIM.split_once("?>").unwrap().1
    );
    let mut cases = vec![
        bomb,
        RIM.replace("\"ab\"", "\"&x;\""),
        RIM.replace("\"ab\"", "\"ab\" index=\"7\""),
        RIM.replace("\"ab\"", "\"ab\" ns9:x=\"7\""),
        RIM.replace("</SoftwareIdentity>", ""),
        RIM.replace("</SoftwareIdentity>", "</Other>"),
        format!("{RIM}{}", RIM.split_once("?>").unwrap().1),
        "<a>".repeat(100_000),
        format!("<a>{}</a>", "<b/>".repeat(100_001)),
        String::new(),
        "no xml".to_owned(),
    ];
    let namespaces: String = (0..70).map(|n| format!(" xmlns:p{n}=\"u{n}\"")).collect();
    cases.push(RIM.replace("<ns0:Entity", &format!("<ns0:Entity{namespaces}")));
    let attributes: String = (0..2000).map(|n| format!(" a{n}=\"\"")).collect();
    cases.push(RIM.replace("<ns0:Entity", &format!("<ns0:Entity{attributes}")));
    for case in cases {
        extract("swid", &case).expect_err(case.get(..200).unwrap_or(&case));
    }
    extract("swid", b"\xff\xfe<\0a\0").unwrap_err();
}

proptest! {
    #[test]
    fn no_document_panics(text in "\\PC{0,200}", at in 0_usize..1500, with in "[<>&/\"a ]{0,3}") {
        let _ = extract("swid", &text);
        let at = (0..=at.min(RIM.len())).rev().find(|at| RIM.is_char_boundary(*at)).unwrap();
        let _ = extract("swid", format!("{}{with}{}", &RIM[..at], &RIM[at..]));
        let _ = extract("swid", &RIM[..at]);
    }
}
