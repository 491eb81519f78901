//! Measurements that are computed, and registered.

use serde_json::{Value, json};

use super::{Files, lifecycle::json_of, tool};
use crate::{
    Config,
    tests::{NEXT_YEAR, Server, sample},
};

#[tokio::test]
async fn measurements_are_printed_and_registered() {
    let files = Files::new();
    let server = Server::start(&Config::default()).await;
    let address = server.address.to_string();
    let nothing = files.write("nothing", "");
    for (arguments, status) in [
        (&["measure", "snp", "--ovmf", &nothing][..], 1),
        (&["measure", "tdx", "--ovmf", &nothing], 1),
        (&["measure", "snp", "--ovmf", "/nowhere"], 1),
        (&["measure", "snp", "--ovmf", &nothing, "--vcpu-type", "i486"], 2),
    ] {
        let error = tool(arguments).await.unwrap_err();
        assert_eq!(error.exit_status(), status, "{arguments:?}: {error}");
    }
    let ovmf = files.write_bytes("ovmf", &tdx_firmware());
    let printed = tool(&["measure", "tdx", "--ovmf", &ovmf, "--prefix", "prod/"])
        .await
        .unwrap();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let digest = printed["prod/mr_td"][0].as_str().unwrap();
    assert_eq!(digest.len(), 96);
    assert_eq!(
        digest,
        hex::encode(measure::tdx::mrtd(&tdx_firmware(), Default::default()).unwrap())
    );
    tool(&["measure", "tdx", "--ovmf", &ovmf, "--register", "-a", &address])
        .await
        .unwrap();
    let listed = json_of(&["list", "-a", &address]).await;
    assert_eq!(listed[0]["value"], json!([digest]));
    assert_eq!(listed[0]["expires_at"], "2027-11-22T00:00:00Z");
    assert_eq!(server.clock_now(), NEXT_YEAR - 365 * 24 * 3600);
    // Another image beside it, and then in the place of both.
    let another = files.write_bytes("another", &tdx_firmware_at(0x90_9000));
    let add = [
        "measure",
        "tdx",
        "--ovmf",
        &another,
        "--register",
        "--add",
        "-a",
        &address,
    ];
    for _ in 0..2 {
        assert_eq!(tool(&add).await.unwrap(), "Register provenance succeeded.\n");
        let value = json_of(&["list", "-a", &address]).await[0]["value"].clone();
        let both: Vec<&str> = value
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!((both.len(), both[0]), (2, digest));
    }
    let replace = ["measure", "tdx", "--ovmf", &another, "--register", "-a", &address];
    let told = tool(&replace).await.unwrap();
    assert_eq!(
        told,
        format!(
            "Register provenance succeeded.\nmr_td does not vouch for \"{digest}\" any more: to keep what is registered, \
             use --add.\n"
        )
    );
    assert_eq!(json_of(&replace).await, json!({"registered": true, "gone": {}}));
    let single = files.write("single.json", &sample(&json!({"mr_td": "x"})));
    tool(&["register", "-p", &single, "-a", &address]).await.unwrap();
    let error = tool(&add).await.unwrap_err();
    assert!(
        error.exit_status() == 2 && error.to_string().contains("no list"),
        "{error}"
    );
    assert_eq!(json_of(&["list", "-a", &address]).await[0]["value"], "x");
}

/// A page with a table that points at metadata of one section without content.
fn tdx_firmware() -> Vec<u8> {
    tdx_firmware_at(0x80_9000)
}

fn tdx_firmware_at(address: u32) -> Vec<u8> {
    let mut image = vec![0; 4096];
    let section: Vec<u8> = [[0, 0, address, 0, 0x1000, 0, 2, 0]]
        .concat()
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    let metadata = [
        b"TDVF".to_vec(),
        [48_u32, 1, 1].into_iter().flat_map(u32::to_le_bytes).collect(),
        section,
    ]
    .concat();
    image[..metadata.len()].copy_from_slice(&metadata);
    let pointer = [
        4096_u32.to_le_bytes().to_vec(),
        22_u16.to_le_bytes().to_vec(),
        hex::decode("35657ae44a98984786 5e4685a7bf8ec2".replace(' ', "")).unwrap(),
        40_u16.to_le_bytes().to_vec(),
        hex::decode("de82b596b21ff745baeaa366c55a082d").unwrap(),
    ]
    .concat();
    let end = image.len() - 32;
    image[end - pointer.len()..end].copy_from_slice(&pointer);
    image
}
