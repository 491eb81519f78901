//! Intel's collateral for one chain: each piece verified by itself, so that a bad piece is known as such and
//! not mistaken for bad evidence; and then all of it together.

use super::document::Document;
use super::pck::PckChain;
use super::revocation::RevocationList;
use super::roots::Anchor;
use super::{Dcap, DcapError, DcapTee};
use crate::{Endorsement, EndorsementId, Endorsements, VerifyError};
use dcap_qvl::QuoteCollateralV3;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A piece for each kind of platform of a large fleet.
const KEPT: usize = 1024;

/// The ids of what a chain's verification needs.
pub(super) struct Ids {
    pub(super) tcb_info: EndorsementId,
    pub(super) qe_identity: EndorsementId,
    pub(super) pck_crl: EndorsementId,
    pub(super) root_crl: EndorsementId,
}

impl Ids {
    pub(super) fn of(tee: DcapTee, chain: &PckChain) -> Self {
        Self {
            tcb_info: EndorsementId::DcapTcbInfo {
                tee,
                fmspc: chain.fmspc,
            },
            qe_identity: EndorsementId::DcapQeIdentity { tee },
            pck_crl: EndorsementId::DcapPckCrl { ca: chain.ca_kind },
            root_crl: EndorsementId::DcapRootCrl,
        }
    }

    pub(super) fn into_vec(self) -> Vec<EndorsementId> {
        vec![self.tcb_info, self.qe_identity, self.pck_crl, self.root_crl]
    }
}

/// Verified collateral. It may be expired.
pub(super) struct Collateral<'a> {
    tcb_info: Arc<Document>,
    qe_identity: Arc<Document>,
    pck_crl: (&'a Endorsement, Arc<RevocationList>),
    root_crl: (&'a Endorsement, Arc<RevocationList>),
    /// For each piece when a source gave it, by the name of the claim.
    pub(super) fetched: [(&'static str, Option<i64>); 4],
}

impl<'a> Collateral<'a> {
    /// Verifies every piece. None of them may be from the future, or signed by a revoked certificate.
    pub(super) fn verify(
        dcap: &Dcap,
        tee: DcapTee,
        chain: &PckChain,
        endorsements: &'a Endorsements,
        now: i64,
    ) -> Result<Self, VerifyError> {
        let ids = Ids::of(tee, chain);
        let anchor = dcap.roots.at(chain.anchor).ok_or(DcapError::UnknownRoot)?;
        let kept = &dcap.collateral;
        let get = |id: &EndorsementId| {
            let found = endorsements.endorsement(id);
            found.ok_or_else(|| VerifyError::MissingEndorsement(id.clone()))
        };

        let root_crl = get(&ids.root_crl)?;
        let root_list = kept
            .lists
            .get_or(chain.anchor, &ids.root_crl, root_crl, || {
                RevocationList::verify(&root_crl.bytes, &anchor.certificate)
            })
            .and_then(|list| not_future(list.validity.from, now).map(|()| list))
            .map_err(|error| bad(&ids.root_crl, error))?;

        let pck_crl = get(&ids.pck_crl)?;
        let pck_list = pck_list(dcap, &ids.pck_crl, pck_crl, chain)
            .and_then(|list| not_future(list.validity.from, now).map(|()| list))
            .map_err(|error| bad(&ids.pck_crl, error))?;

        let check = |document: Arc<Document>| {
            not_future(document.validity.from, now)?;
            if root_list.names(&document.signer_serial) {
                return Err(DcapError::Revoked("TCB signing"));
            }
            Ok(document)
        };
        let tcb_info = get(&ids.tcb_info)?;
        let tcb_document = kept
            .documents
            .get_or(chain.anchor, &ids.tcb_info, tcb_info, || {
                Document::tcb_info(tcb_info, tee, chain.fmspc, anchor)
            })
            .and_then(check)
            .map_err(|error| bad(&ids.tcb_info, error))?;

        let qe_identity = get(&ids.qe_identity)?;
        let qe_document = kept
            .documents
            .get_or(chain.anchor, &ids.qe_identity, qe_identity, || {
                Document::qe_identity(qe_identity, tee, anchor)
            })
            .and_then(check)
            .map_err(|error| bad(&ids.qe_identity, error))?;

        Ok(Self {
            tcb_info: tcb_document,
            qe_identity: qe_document,
            pck_crl: (pck_crl, pck_list),
            root_crl: (root_crl, root_list),
            fetched: [
                ("tcb_info_age_seconds", tcb_info.fetched_at),
                ("qe_identity_age_seconds", qe_identity.fetched_at),
                ("pck_crl_age_seconds", pck_crl.fetched_at),
                ("root_ca_crl_age_seconds", root_crl.fetched_at),
            ],
        })
    }

    /// Is a certificate of the PCK chain revoked?
    pub(super) fn check_revocation(&self, chain: &PckChain, anchor: &Anchor) -> Result<(), DcapError> {
        let (_, root_list) = &self.root_crl;
        let (_, pck_list) = &self.pck_crl;
        if root_list.names(anchor.certificate.serial()) {
            return Err(DcapError::Revoked("root CA"));
        }
        if root_list.names(chain.ca.serial()) {
            return Err(DcapError::Revoked("PCK CA"));
        }
        if pck_list.names(&chain.leaf_serial) {
            return Err(DcapError::Revoked("PCK"));
        }
        Ok(())
    }

    /// The time to verify at: now, or if a piece is expired, the last second at which none was. At that second
    /// both documents and their signer's certificates must have been issued; revocation lists may be newer.
    pub(super) fn time(&self, now: i64) -> Result<i64, DcapError> {
        let documents = [&self.tcb_info, &self.qe_identity];
        let documents = documents.map(|document| document.validity.and(document.signer_validity));
        let lists = [&self.pck_crl.1, &self.root_crl.1].map(|list| list.validity);
        let issued = documents
            .iter()
            .fold(i64::MIN, |latest, piece| latest.max(piece.from));
        let pieces = documents.iter().chain(&lists);
        let expires = pieces.fold(i64::MAX, |earliest, piece| earliest.min(piece.until));
        let time = now.min(expires.saturating_sub(1));
        (issued <= time)
            .then_some(time)
            .ok_or(DcapError::NeverValidTogether)
    }

    /// As the verification library takes it.
    pub(super) fn for_library(&self, chain: &PckChain) -> QuoteCollateralV3 {
        QuoteCollateralV3 {
            pck_crl_issuer_chain: String::new(),
            root_ca_crl: self.root_crl.0.bytes.to_vec(),
            pck_crl: self.pck_crl.0.bytes.to_vec(),
            tcb_info_issuer_chain: self.tcb_info.chain.clone(),
            tcb_info: self.tcb_info.text.clone(),
            tcb_info_signature: self.tcb_info.signature.clone(),
            qe_identity_issuer_chain: self.qe_identity.chain.clone(),
            qe_identity: self.qe_identity.text.clone(),
            qe_identity_signature: self.qe_identity.signature.clone(),
            pck_certificate_chain: Some(chain.pem.clone()),
        }
    }
}

/// A list is kept for the CA that signed it; another CA of the same name has its list verified anew.
fn pck_list(
    dcap: &Dcap,
    id: &EndorsementId,
    given: &Endorsement,
    chain: &PckChain,
) -> Result<Arc<RevocationList>, DcapError> {
    let verify = || RevocationList::verify(&given.bytes, &chain.ca);
    let list = dcap.collateral.lists.get_or(chain.anchor, id, given, verify)?;
    if list.issuer_key == chain.ca.p256_key() {
        Ok(list)
    } else {
        verify().map(Arc::new)
    }
}

fn not_future(issued: i64, now: i64) -> Result<(), DcapError> {
    (issued <= now).then_some(()).ok_or(DcapError::NotYetValid)
}

fn bad(id: &EndorsementId, error: DcapError) -> VerifyError {
    VerifyError::from(error).of_endorsement(id.clone())
}

/// What was verified before.
#[derive(Default)]
pub(super) struct Kept {
    documents: Pieces<Document>,
    lists: Pieces<RevocationList>,
}

/// Verified pieces by root and id, each with what it was made of. A source gives the same piece for weeks.
struct Pieces<T>(Mutex<HashMap<(usize, EndorsementId), Piece<T>>>);

struct Piece<T> {
    made_of: Endorsement,
    verified: Arc<T>,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pieces<T> {
    fn get_or(
        &self,
        anchor: usize,
        id: &EndorsementId,
        given: &Endorsement,
        verify: impl FnOnce() -> Result<T, DcapError>,
    ) -> Result<Arc<T>, DcapError> {
        let key = (anchor, id.clone());
        let entries = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Piece { made_of, verified }) = entries().get(&key)
            && made_of.bytes == given.bytes
            && made_of.issuer_chain == given.issuer_chain
        {
            return Ok(Arc::clone(verified));
        }
        let verified = Arc::new(verify()?);
        let piece = Piece {
            made_of: given.clone(),
            verified: Arc::clone(&verified),
        };
        let mut entries = entries();
        if entries.len() >= KEPT && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, piece);
        Ok(verified)
    }
}
