use std::sync::{Arc, OnceLock};

use super::DecisionId;
use super::occurrence::Noted;
use super::record::{Decision, Devices};

/// A decision in memory, with the claims that it was made on as far as they are kept.
///
/// A note becomes a record when somebody looks at it or it is written: under load most leave before that.
#[derive(Clone)]
pub(super) struct Entry {
    record: Record,
    pub(super) claims: Option<Arc<str>>,
    pub(super) batch: Option<Arc<str>>,
}

#[derive(Clone)]
enum Record {
    Made(Arc<Decision>),
    Noted(Arc<Note>),
}

/// A note that is not yet a record.
struct Note {
    noted: Arc<Noted>,
    /// Shared by an attestation and the releases that rely on it. Found out by whichever is looked at first.
    devices: Arc<OnceLock<Arc<Devices>>>,
    made: OnceLock<Arc<Decision>>,
}

impl Entry {
    /// What was stored.
    pub(super) fn restored(decision: Decision, claims: Option<Arc<str>>) -> Self {
        Self {
            record: Record::Made(Arc::new(decision)),
            claims,
            batch: None,
        }
    }

    /// What has just happened. `attestation` is the entry of the one that it relies on, if it is still there.
    pub(super) fn noted(noted: Arc<Noted>, attestation: Option<&Self>) -> Self {
        // A release that relies on a recorded attestation has the same claims.
        let claims = noted.what.claims.clone();
        let claims = claims.filter(|_| noted.what.attestation.is_none());
        let note = Note {
            devices: attestation.map(Self::devices).unwrap_or_default(),
            noted,
            made: OnceLock::new(),
        };
        Self {
            record: Record::Noted(Arc::new(note)),
            claims,
            batch: None,
        }
    }

    /// The record.
    pub(super) fn decision(&self) -> &Arc<Decision> {
        match &self.record {
            Record::Made(decision) => decision,
            Record::Noted(note) => note.decision(),
        }
    }

    /// Lets go of the note, once the record is made.
    pub(super) fn make(&mut self) {
        if let Record::Noted(note) = &self.record {
            self.record = Record::Made(Arc::clone(note.decision()));
        }
    }

    pub(super) fn id(&self) -> DecisionId {
        match &self.record {
            Record::Made(decision) => decision.id,
            Record::Noted(note) => note.noted.id,
        }
    }

    /// Seconds since the Unix epoch.
    pub(super) fn at(&self) -> i64 {
        match &self.record {
            Record::Made(decision) => decision.at,
            Record::Noted(note) => note.noted.at,
        }
    }

    /// Whether somebody who has shown nothing can bring this about as often as he likes.
    pub(super) fn is_cheap(&self) -> bool {
        match &self.record {
            Record::Made(decision) => {
                // Older records do not say it.
                let by_name = matches!(decision.tee.as_deref(), Some("sample" | "sampledevice"));
                decision.cheap || by_name || decision.verdict.is_cheap()
            }
            Record::Noted(note) => note.noted.is_cheap(),
        }
    }

    /// Bytes of its explanation.
    pub(super) fn explained(&self) -> usize {
        let explanation = match &self.record {
            Record::Made(decision) => &decision.explanation,
            Record::Noted(note) => &note.noted.what.explanation,
        };
        explanation.as_ref().map_or(0, |text| text.get().len())
    }

    /// Bytes that are held for the record to be made of; `None` if it is made.
    pub(super) fn unmade(&self) -> Option<usize> {
        match &self.record {
            Record::Made(_) => None,
            Record::Noted(note) => {
                let claims = note.noted.what.claims.as_deref().map_or(0, str::len);
                Some(claims + self.explained())
            }
        }
    }

    fn devices(&self) -> Arc<OnceLock<Arc<Devices>>> {
        match &self.record {
            Record::Made(decision) => Arc::new(OnceLock::from(Arc::clone(&decision.devices))),
            Record::Noted(note) => Arc::clone(&note.devices),
        }
    }
}

impl Note {
    fn decision(&self) -> &Arc<Decision> {
        self.made.get_or_init(|| {
            let devices = self.devices.get_or_init(|| Arc::clone(self.noted.devices()));
            Arc::new(self.noted.decision(Arc::clone(devices)))
        })
    }
}
