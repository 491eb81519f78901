use jose::jwt::Claims;
use policy::text::Pointers;
use serde::Deserialize;

/// Where each kind of issuer puts the guest's key. A key that stands where its issuer puts none may have been put there
/// by whoever filled in the claims around it.
///
/// The existing ecosystem takes the first of all these places from anybody (wire facts, kbs-http section 6).
#[derive(Debug)]
pub(super) struct Places {
    /// All of them, and the issuer.
    pointers: Pointers,
    /// Where the operator says that issuers put it.
    configured: Vec<String>,
    /// What Intel Trust Authority calls itself.
    trust_authority: Vec<String>,
}

/// Whose key has signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignedBy {
    /// The attestation service in this process.
    Ourselves,
    /// Somebody whom the configuration trusts.
    Another,
}

/// What Intel's own service calls itself in tokens, in every region, today and in older ones.
pub const INTEL: [&str; 3] = [
    "https://portal.trustauthority.intel.com",
    "https://portal.eu.trustauthority.intel.com",
    "Intel Trust Authority",
];

/// An EAR: what attestation services of the ecosystem issue, this project's among them.
const EAR: [&str; 1] = ["/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey"];
/// TDX, TDX on Azure, SGX.
const TRUST_AUTHORITY: [&str; 3] = [
    "/tdx/attester_runtime_data/tee-pubkey",
    "/tdx/attester_user_data/tee-pubkey",
    "/sgx/attester_runtime_data/tee-pubkey",
];
/// The ecosystem's tokens before EAR, and whoever makes tokens by hand.
const PLAIN: [&str; 2] = ["/customized_claims/runtime_data/tee-pubkey", "/tee-pubkey"];

const ISSUER: &str = "/iss";
/// The claims of evidence that may be worth nothing.
const SAMPLE: &str = "/submods/cpu0/ear.veraison.annotated-evidence/sample";
const TPM: &str = "/submods/cpu0/ear.veraison.annotated-evidence/tpm";
pub(super) const SUBMODULES: &str = "submods";

impl Places {
    /// With the places of `configured`, tried before all others. `trust_authority` are the names of Intel Trust
    /// Authority.
    pub(super) fn new(configured: &[String], trust_authority: &[String]) -> Self {
        let configured = configured.to_vec();
        let known = EAR.iter().chain(&TRUST_AUTHORITY).chain(&PLAIN);
        let all = configured.iter().map(String::as_str).chain(known.copied());
        Self {
            pointers: Pointers::new([ISSUER, SAMPLE, TPM].into_iter().chain(all)),
            configured,
            trust_authority: trust_authority.to_vec(),
        }
    }

    /// Every place of `json` at which a key stands, with the text of what stands there, and the issuer.
    pub(super) fn look(&self, json: &str) -> Result<Found<'_>, policy::text::FindError> {
        let mut found = Found::default();
        for (pointer, text) in self.pointers.find(json)? {
            match pointer {
                ISSUER => found.issuer = serde_json::from_str(&text).ok(),
                SAMPLE => found.shown = Shown::Nothing,
                TPM => found.shown = shown_by_tpm(&text),
                _ => found.keys.push((pointer, text)),
            }
        }
        Ok(found)
    }

    /// Whether one of the places in `found` is one where this issuer puts the key.
    pub(super) fn are_right(&self, found: &Found<'_>, signed_by: SignedBy, claims: &Claims) -> bool {
        let stands_at = |places: &[&str]| found.keys.iter().any(|(pointer, _)| places.contains(pointer));
        if signed_by == SignedBy::Ourselves {
            return stands_at(&EAR);
        }
        let configured = |(pointer, _): &(&str, String)| self.configured.iter().any(|place| place == pointer);
        if found.keys.iter().any(configured) {
            return true;
        }
        let issuer = found.issuer.as_deref();
        if self.trust_authority.iter().any(|known| issuer == Some(known)) {
            return stands_at(&TRUST_AUTHORITY);
        }
        // With submodules it is an EAR, and then nothing beside them counts.
        let is_plain = || {
            let members = claims.value().as_object();
            members.is_some_and(|members| !members.contains_key(SUBMODULES))
        };
        stands_at(&EAR) || (stands_at(&PLAIN) && is_plain())
    }
}

/// What [`Places::look`] finds.
#[derive(Default)]
pub(super) struct Found<'p> {
    /// In the order of the places.
    pub(super) keys: Vec<(&'p str, String)>,
    issuer: Option<String>,
    pub(super) shown: Shown,
}

/// What a token says of how hard its evidence was to come by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Shown {
    /// Anybody can make it, and as much of it as he likes: sample evidence, or a TPM's whose key nobody vouches for.
    Nothing,
    /// A TPM's, whose key somebody vouches for.
    KnownTpm,
    /// Neither.
    #[default]
    Other,
}

fn shown_by_tpm(claims: &str) -> Shown {
    #[derive(Deserialize)]
    struct Tpm {
        ak_vouched_by: Option<String>,
    }
    let tpm: Option<Tpm> = serde_json::from_str(claims).ok();
    let by = tpm.and_then(|tpm| tpm.ak_vouched_by);
    match by.as_deref() {
        Some("ak_certificate" | "ek_certificate") => Shown::KnownTpm,
        _ => Shown::Nothing,
    }
}
