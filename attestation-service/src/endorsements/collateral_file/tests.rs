use serde_json::{Value, json};
use tempfile::TempDir;
use verifier::dcap::Fmspc;

use super::*;

const SGX: EndorsementId = EndorsementId::DcapTcbInfo {
    tee: DcapTee::Sgx,
    fmspc: Fmspc([0, 0xa0, 0x67, 0x11, 0, 0]),
};

const TDX: EndorsementId = EndorsementId::DcapTcbInfo {
    tee: DcapTee::Tdx,
    fmspc: Fmspc([0, 0xa0, 0x67, 0x11, 0, 0]),
};

fn content() -> Value {
    json!({"platforms": [], "collaterals": {
        "version": 3,
        "tcbinfos": [
            {"fmspc": "ffffffffffff"},
            {"fmspc": "00a067110000",
             "sgx_tcbinfo": {"tcbInfo": {"b": 1, "a": " x "}, "signature": "s"},
             "tdx_tcbinfo": "{\"tcbInfo\": {}}", "tdx_tcbinfo_early": {"tcbInfo": {"early": true}}},
        ],
        "pckcacrl": {"processorCrl": "3000", "platformCrl": ""},
        "qeidentity": {"enclaveIdentity": "qe"}, "tdqeidentity": null,
        "certificates": {
            "TCB-Info-Issuer-Chain": "-----BEGIN%20CERTIFICATE-----tcb",
            "SGX-Enclave-Identity-Issuer-Chain": "-----BEGIN%20CERTIFICATE-----qe",
            "SGX-PCK-Certificate-Issuer-Chain": {"PROCESSOR": "-----BEGIN%20CERTIFICATE-----pck", "PLATFORM": ""},
        },
        "rootcacrl": "30820001", "rootcacrl_cdp": "https://example",
    }})
}

struct Fixture {
    directory: TempDir,
}

impl Fixture {
    fn with(text: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let fixture = Self { directory };
        fixture.write(text, 1000);
        fixture
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("collaterals.json")
    }

    fn write(&self, text: &str, modified: u64) {
        std::fs::write(self.path(), text).unwrap();
        let file = std::fs::File::options().append(true).open(self.path()).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(modified);
        file.set_modified(time).unwrap();
    }

    fn source(&self, update: TcbUpdateType) -> CollateralFile {
        CollateralFile::new(&self.path(), update)
    }
}

async fn text(source: &CollateralFile, id: &EndorsementId) -> Option<String> {
    let found = source.fetch(id).await.unwrap()?;
    assert_eq!(found.fetched_at, Some(1000));
    Some(String::from_utf8(found.bytes).unwrap())
}

#[tokio::test]
async fn documents_are_given_as_they_were_signed_however_the_tool_wrote_them() {
    // An order of members that no map has, and white space that nobody signed.
    let written = r#"{ "collaterals": { "tcbinfos": [ { "fmspc": "00A067110000",
        "sgx_tcbinfo": { "tcbInfo" : {"b": 1, "a": [ " x ", 2.50 ]},
            "signature" : "s" } } ],
        "certificates": {"TCB-Info-Issuer-Chain": "-----BEGIN%20CERTIFICATE-----"} } }"#;
    let fixture = Fixture::with(written);
    let found = text(&fixture.source(TcbUpdateType::Early), &SGX).await.unwrap();
    assert_eq!(found, r#"{"tcbInfo":{"b":1,"a":[" x ",2.50]},"signature":"s"}"#);
}

#[tokio::test]
async fn early_documents_count_where_they_are_wanted_and_there() {
    let fixture = Fixture::with(&content().to_string());
    let (early, standard) = (
        fixture.source(TcbUpdateType::Early),
        fixture.source(TcbUpdateType::Standard),
    );
    assert_eq!(text(&early, &TDX).await.unwrap(), r#"{"tcbInfo":{"early":true}}"#);
    assert_eq!(
        text(&standard, &TDX).await.unwrap(),
        r#"{"tcbInfo": {}}"#,
        "the text of a string, to the letter"
    );
    assert!(
        text(&early, &SGX).await.unwrap().contains("\"signature\":\"s\""),
        "there is no early one"
    );
}

#[tokio::test]
async fn chains_and_lists_are_decoded() {
    let fixture = Fixture::with(&content().to_string());
    let source = fixture.source(TcbUpdateType::Early);
    let processor = EndorsementId::DcapPckCrl { ca: PckCa::Processor };
    let found = source.fetch(&processor).await.unwrap().unwrap();
    assert_eq!(found.bytes, [0x30, 0]);
    assert_eq!(found.issuer_chain.unwrap(), "-----BEGIN CERTIFICATE-----pck");
    let found = source.fetch(&EndorsementId::DcapRootCrl).await.unwrap().unwrap();
    assert_eq!((found.bytes, found.issuer_chain), (vec![0x30, 0x82, 0, 1], None));
}

#[tokio::test]
async fn what_the_file_does_not_have_it_does_not_have() {
    let fixture = Fixture::with(&content().to_string());
    let source = fixture.source(TcbUpdateType::Early);
    for id in [
        EndorsementId::DcapPckCrl { ca: PckCa::Platform },
        EndorsementId::DcapQeIdentity { tee: DcapTee::Tdx },
        EndorsementId::DcapTcbInfo {
            tee: DcapTee::Tdx,
            fmspc: Fmspc([9; 6]),
        },
    ] {
        assert_eq!(source.fetch(&id).await.unwrap(), None, "{id}");
    }
    let ids: Vec<EndorsementId> = source
        .all()
        .await
        .unwrap()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
}

#[tokio::test]
async fn a_document_without_its_chain_is_an_error_that_says_so() {
    let mut content = content();
    content["collaterals"]["certificates"] = json!({});
    let fixture = Fixture::with(&content.to_string());
    let error = fixture
        .source(TcbUpdateType::Early)
        .fetch(&TDX)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("chain"), "{error}");
}

#[tokio::test]
async fn the_file_is_read_again_when_it_changes_and_not_otherwise() {
    let fixture = Fixture::with(&content().to_string());
    let source = fixture.source(TcbUpdateType::Early);
    let before = source.current().await.unwrap();
    assert!(Arc::ptr_eq(
        &before.content,
        &source.current().await.unwrap().content
    ));
    fixture.write("{\"collaterals\": {}}", 2000);
    assert_eq!(source.fetch(&TDX).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_is_being_written_counts_as_it_was() {
    let fixture = Fixture::with(&content().to_string());
    let source = fixture.source(TcbUpdateType::Early);
    source.fetch(&TDX).await.unwrap().unwrap();
    fixture.write("{\"collaterals\": {\"tcb", 2000);
    assert!(source.fetch(&TDX).await.unwrap().is_some());
    std::fs::remove_file(fixture.path()).unwrap();
    assert!(source.fetch(&TDX).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_an_outage_that_says_why() {
    for (text, expected) in [
        ("", "form"),
        ("[]", "form"),
        ("{\"collaterals\": {\"tcbinfos\": 1}}", "form"),
    ] {
        let error = Fixture::with(text)
            .source(TcbUpdateType::Early)
            .fetch(&TDX)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let nothing = CollateralFile::new(Path::new("/nowhere/at/all"), TcbUpdateType::Early);
    assert!(nothing.fetch(&TDX).await.is_err());
}
