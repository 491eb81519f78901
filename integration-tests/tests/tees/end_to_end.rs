//! From a simulated guest's evidence to its secret, through the real client and the real servers.

use integration_tests::simulation::trust;
use integration_tests::vouch::reference_values;
use kbs_client::attester::simulated::SimulatedAttester;
use kbs_client::attester::{Attester, AttesterError, EvidenceBinding};
use kbs_client::{ClientError, RcarClient};
use serde_json::Value;
use simulated_tee::SimulatedGuest;
use simulated_tee::intel::{Ccel, TrustDomain};
use simulated_tee::proof::{self, Proof};

use crate::guest::claims;
use crate::owner::AFFIRMING;
use crate::stack::{Setup, TestStack};

const SECRET: &[u8] = b"thirty-two bytes of a secret key";
const RESOURCE: &str = "default/key/one";
const INIT_DATA: &str =
    "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"cdh.toml\" = \"socket = 'x'\"\n";

/// The TEE that has no register for init-data: what a guest sends of it does not get into its token.
const WITHOUT_INIT_DATA: &str = "csv";

/// What became of a guest of one TEE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// It got nothing while nobody vouched for it.
    pub(super) refused_before: bool,
    /// It got the secret afterwards.
    pub(super) released_after: bool,
    /// The same guest with evidence for somebody else's nonce and key was turned away.
    pub(super) refused_replay: bool,
    /// The same guest with other init-data than the machine was started with was turned away.
    pub(super) refused_init_data: bool,
}

/// Takes a guest of `tee` through everything.
pub(super) async fn walk(tee: &str) -> Walk {
    let dir = tempfile::tempdir().unwrap();
    let stack = TestStack::with(Setup {
        verifier_config: Some(trust(tee, dir.path()).unwrap()),
        ..Setup::default()
    })
    .await;
    stack.store(RESOURCE, SECRET).await;
    stack.release_by(AFFIRMING).await;

    let mut guest = client(&stack, tee, |attester| Box::new(attester));
    let refused_before = matches!(get(&mut guest).await, Err(ClientError::Denied(_)));
    let submodule = claims(&guest.attest().await.unwrap())["submods"]["cpu0"].clone();
    let annotated = &submodule["ear.veraison.annotated-evidence"];
    if tee == WITHOUT_INIT_DATA {
        assert_eq!(annotated.get("init_data_claims"), None, "{tee}: {annotated}");
    } else {
        assert_eq!(
            annotated["init_data_claims"]["cdh.toml"]["socket"], "x",
            "{tee}: {annotated}"
        );
    }
    stack.register(&reference_values(tee, annotated).unwrap()).await;
    // A session keeps the appraisal it began with.
    let submodule = claims(&guest.attest().await.unwrap())["submods"]["cpu0"].clone();
    let after = get(&mut guest).await;
    if let Err(error) = &after {
        panic!("{tee}: {error}: {}", submodule["ear.trustworthiness-vector"]);
    }
    let mut replayed = client(&stack, tee, |inner| {
        Box::new(Changed {
            inner,
            change: Change::Nonce,
        })
    });
    let mut misconfigured = client(&stack, tee, |inner| {
        Box::new(Changed {
            inner,
            change: Change::InitData,
        })
    });
    Walk {
        refused_before,
        released_after: after.is_ok_and(|secret| secret == SECRET),
        refused_replay: turned_away(&mut replayed).await,
        refused_init_data: turned_away(&mut misconfigured).await,
    }
}

async fn turned_away(guest: &mut RcarClient) -> bool {
    matches!(guest.attest().await, Err(ClientError::AttestationRefused(_)))
}

async fn get(guest: &mut RcarClient) -> Result<Vec<u8>, ClientError> {
    let secret = guest.get_resource(&RESOURCE.parse().unwrap()).await?;
    Ok(secret.expose().to_vec())
}

fn client(
    stack: &TestStack,
    tee: &str,
    wrap: impl FnOnce(SimulatedAttester) -> Box<dyn Attester>,
) -> RcarClient {
    RcarClient::builder(&stack.kbs)
        .attester(wrap(SimulatedAttester::new(tee).unwrap()))
        .init_data(INIT_DATA.parse().unwrap())
        .build()
        .unwrap()
}

/// A guest whose evidence is of the right machine, and not about what it should be about.
struct Changed {
    inner: SimulatedAttester,
    change: Change,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Nonce,
    InitData,
}

impl Attester for Changed {
    fn tee(&self) -> &'static str {
        self.inner.tee()
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        let flipped = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>();
        let report_data = flipped(binding.report_data);
        let init_data = binding.init_data.map(flipped);
        match self.change {
            Change::Nonce => self.inner.evidence(&EvidenceBinding {
                report_data: &report_data,
                ..*binding
            }),
            Change::InitData => self.inner.evidence(&EvidenceBinding {
                init_data: init_data.as_deref(),
                ..*binding
            }),
        }
    }
}

#[tokio::test]
async fn a_guest_of_every_tee_gets_its_secret_once_somebody_vouches_for_it_and_not_before() {
    for tee in simulated_tee::TEES {
        let all_well = Walk {
            refused_before: true,
            released_after: true,
            refused_replay: true,
            refused_init_data: tee != WITHOUT_INIT_DATA,
        };
        assert_eq!(walk(tee).await, all_well, "{tee}");
        proof::note(tee, Proof::Walk, "end-to-end", 1).unwrap();
    }
}

/// EV_EFI_ACTION (TCG PC Client Platform Firmware Profile 1.06, table 27).
const EV_EFI_ACTION: u32 = 0x8000_0007;
/// As long as a log may be.
const LONG_LOG: usize = 4 << 20;

#[tokio::test]
async fn a_guest_with_an_event_log_of_four_mebibytes_gets_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let stack = TestStack::with(Setup {
        verifier_config: Some(trust("tdx", dir.path()).unwrap()),
        ..Setup::default()
    })
    .await;
    stack.store(RESOURCE, SECRET).await;
    stack.release_by(AFFIRMING).await;
    let mut log = Ccel::of_direct_boot(&[0x4e; 48], &[0xc1; 48]);
    while log.bytes().len() + (64 << 10) < LONG_LOG {
        // What is told twice: as it is, and as text.
        log.event(4, EV_EFI_ACTION, &[b'a'; 4 << 10]);
    }
    let domain: Box<dyn SimulatedGuest> = Box::new(TrustDomain::with_log(log).unwrap());
    let mut guest = RcarClient::builder(&stack.kbs)
        .attester(Box::new(SimulatedAttester::from(domain)))
        .build()
        .unwrap();
    let submodule = claims(&guest.attest().await.unwrap())["submods"]["cpu0"].clone();
    let annotated = &submodule["ear.veraison.annotated-evidence"];
    stack.register(&reference_values("tdx", annotated).unwrap()).await;
    guest.attest().await.unwrap();
    assert_eq!(get(&mut guest).await.unwrap(), SECRET);
}
