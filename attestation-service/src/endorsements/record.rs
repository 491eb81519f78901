//! One endorsement as it is kept.

use std::sync::Arc;

use verifier::{Endorsement, EndorsementId, FormError, Validity};

use super::source::Fetched;

/// An endorsement with what is known about it. Unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// What the verifier gets.
    pub(crate) endorsement: Endorsement,
    /// The source that gave it.
    pub(crate) source: Arc<str>,
    /// When it gave it, in seconds since the Unix epoch.
    pub(crate) fetched_at: i64,
    /// From when and until when it says to be good.
    pub(crate) validity: Validity,
}

/// Whether a record may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As it is.
    Fresh,
    /// As it is; but it is time to ask for a newer one.
    Due,
    /// Its own time, or ours for what says none, is over.
    Expired,
}

impl Record {
    /// What `source` gave for `id`.
    ///
    /// # Errors
    /// It is not what was asked for.
    pub(crate) fn new(
        id: &EndorsementId,
        fetched: Fetched,
        source: &Arc<str>,
        now: i64,
    ) -> Result<Self, FormError> {
        let validity = id.validity_of(&fetched.bytes)?;
        let fetched_at = fetched.fetched_at.unwrap_or(now);
        Ok(Self {
            endorsement: Endorsement {
                bytes: fetched.bytes.into(),
                issuer_chain: fetched.issuer_chain.map(Into::into),
                fetched_at: Some(fetched_at),
            },
            source: Arc::clone(source),
            fetched_at,
            validity,
        })
    }

    /// Whether it may be used as `id` at `now`.
    pub(crate) fn freshness(&self, id: &EndorsementId, now: i64) -> Freshness {
        let over = |end: Option<i64>| end.is_some_and(|end| now > end);
        if over(self.expires_at(id)) {
            Freshness::Expired
        } else if over(self.refresh_at(id)) {
            Freshness::Due
        } else {
            Freshness::Fresh
        }
    }

    /// The last second at which it may be used.
    pub(crate) fn expires_at(&self, id: &EndorsementId) -> Option<i64> {
        let ours = Lifetime::of(id)
            .keep_undated
            .map(|keep| self.fetched_at.saturating_add(keep));
        self.validity.until.or(ours)
    }

    /// When a newer one is asked for: in good time before the end, and at least as often as such things change.
    pub(crate) fn refresh_at(&self, id: &EndorsementId) -> Option<i64> {
        let often = Lifetime::of(id).refresh_after?;
        let until_end = self
            .expires_at(id)
            .map(|end| end.saturating_sub(self.fetched_at).max(0));
        let three_quarters = until_end.map_or(i64::MAX, |rest| rest.saturating_sub(rest / 4));
        Some(self.fetched_at.saturating_add(often.min(three_quarters)))
    }

    /// How much room it takes, in bytes, roughly.
    pub(crate) fn size(&self) -> usize {
        let chain = self
            .endorsement
            .issuer_chain
            .as_ref()
            .map_or(0, |chain| chain.len());
        self.endorsement.bytes.len() + chain + OVERHEAD
    }

    /// Whether this is from before `other`, by what they say of themselves.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        self.validity
            .from
            .zip(other.validity.from)
            .is_some_and(|(this, other)| this < other)
    }

    /// Whether both say the same.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        let (this, other) = (&self.endorsement, &other.endorsement);
        this.bytes == other.bytes && this.issuer_chain == other.issuer_chain
    }
}

/// Names, times and links of an entry.
const OVERHEAD: usize = 512;

/// Whether policy can see that an endorsement of this kind is too old: the claims `collateral_expiration_status` and
/// the dates beside it. Others are never used beyond their time.
pub(crate) fn shows_its_age(id: &EndorsementId) -> bool {
    matches!(
        id,
        EndorsementId::DcapTcbInfo { .. }
            | EndorsementId::DcapQeIdentity { .. }
            | EndorsementId::DcapPckCrl { .. }
            | EndorsementId::DcapRootCrl
    )
}

/// How long a kind of endorsement is used, in seconds.
struct Lifetime {
    /// After how long a newer one is asked for. `None`: such a thing never changes.
    refresh_after: Option<i64>,
    /// For how long one is used that does not say until when it is good. `None`: for ever.
    keep_undated: Option<i64>,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

impl Lifetime {
    fn of(id: &EndorsementId) -> Self {
        let (refresh_after, keep_undated) = match id {
            // Made for one chip, at one TCB or at any, or for a product line.
            EndorsementId::SnpVcek { .. }
            | EndorsementId::SnpAsvk { .. }
            | EndorsementId::CsvHskCek { .. } => (None, None),
            EndorsementId::SnpCrl { .. } | EndorsementId::SnpVlekCrl { .. } => (Some(HOUR), Some(7 * DAY)),
            EndorsementId::DcapTcbInfo { .. }
            | EndorsementId::DcapQeIdentity { .. }
            | EndorsementId::DcapPckCrl { .. }
            | EndorsementId::DcapRootCrl => (Some(DAY), Some(7 * DAY)),
            EndorsementId::NrasKeys => (Some(HOUR), Some(DAY)),
            _ => (Some(7 * DAY), Some(30 * DAY)),
        };
        Self {
            refresh_after,
            keep_undated,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
