use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::DecisionId;
use super::entry::Entry;
use super::occurrence::Noted;
use super::record::Decision;

/// Claims of one guest over this are not kept, in bytes.
pub(super) const MAX_CLAIMS: usize = 512 << 10;

/// Explanations may take as much as claims, and at least this, in bytes.
const LEAST_EXPLAINED: usize = 4 << 20;

/// What may be held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Decisions.
    pub(super) count: usize,
    /// Seconds that a decision stays.
    pub(super) age: i64,
    /// Bytes of claims, of all together.
    pub(super) claims: usize,
}

/// The newest decisions, in the order in which they were made.
///
/// The oldest leaves for a new one; but what anybody can bring about never takes more than half of the places, nor of
/// the room for claims and explanations, so that nobody can push out what happened to others. Claims leave before
/// their decision does.
pub(super) struct Memory {
    limits: Limits,
    entries: BTreeMap<u64, Entry>,
    by_id: HashMap<DecisionId, u64>,
    /// Those of them that are cheap to bring about.
    cheap: BTreeSet<u64>,
    /// What these take.
    taken_by_cheap: Taken,
    /// What the others take.
    taken_by_dear: Taken,
    next: u64,
    /// Notes that are no records yet, oldest first; some may have left, or become records.
    unmade: VecDeque<u64>,
    /// What they hold, in bytes: no more than all claims may.
    unmade_bytes: usize,
    /// All before this number are stored, or were given to the writer.
    stored_up_to: u64,
    batches: HashMap<Arc<str>, Batch>,
    /// Batches of which nothing is held any more.
    garbage: Vec<Garbage>,
    /// Decisions that left before they were stored.
    unstored: u64,
}

/// The room that some decisions take.
#[derive(Default)]
struct Taken {
    /// Those with claims, oldest first; some may have left.
    with_claims: VecDeque<u64>,
    claims_bytes: usize,
    explained_bytes: usize,
}

/// How much of a stored batch is still held.
#[derive(Default)]
struct Batch {
    decisions: usize,
    claims: usize,
}

/// What the storage may forget.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    /// The claims of a batch.
    Claims(Arc<str>),
    /// All of a batch.
    Batch(Arc<str>),
}

/// Decisions on their way to the storage.
pub(super) struct Pending {
    first: u64,
    pub(super) entries: Vec<Entry>,
}

impl Pending {
    fn has_claims(&self) -> bool {
        self.entries.iter().any(|entry| entry.claims.is_some())
    }
}

impl Memory {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            cheap: BTreeSet::new(),
            taken_by_cheap: Taken::default(),
            taken_by_dear: Taken::default(),
            next: 0,
            unmade: VecDeque::new(),
            unmade_bytes: 0,
            stored_up_to: 0,
            batches: HashMap::new(),
            garbage: Vec::new(),
            unstored: 0,
        }
    }

    /// Adds what has just happened.
    pub(super) fn add(&mut self, noted: Arc<Noted>) {
        let now = noted.at;
        let attestation = noted.what.attestation.and_then(|id| self.get(id));
        let entry = Entry::noted(noted, attestation);
        self.insert(entry);
        self.trim(now);
    }

    /// Adds what was stored as part of `batch`. Oldest first, and before anything new.
    pub(super) fn restore(&mut self, decision: Decision, claims: Option<Arc<str>>, batch: &Arc<str>) {
        if self.by_id.contains_key(&decision.id) {
            return;
        }
        let number = self.insert(Entry::restored(decision, claims));
        self.assign(number, batch);
        self.stored_up_to = self.next;
    }

    fn insert(&mut self, mut entry: Entry) -> u64 {
        let number = self.next;
        self.next += 1;
        let most = MAX_CLAIMS.min(self.limits.claims);
        entry.claims = entry.claims.filter(|claims| claims.len() <= most);
        if let Some(bytes) = entry.unmade() {
            self.unmade_bytes += bytes;
            self.unmade.push_back(number);
        }
        if entry.is_cheap() {
            self.cheap.insert(number);
        }
        let taken = self.taken_by(number);
        if let Some(claims) = &entry.claims {
            taken.claims_bytes += claims.len();
            taken.with_claims.push_back(number);
        }
        taken.explained_bytes += entry.explained();
        self.by_id.insert(entry.id(), number);
        self.entries.insert(number, entry);
        number
    }

    fn taken_by(&mut self, number: u64) -> &mut Taken {
        match self.cheap.contains(&number) {
            true => &mut self.taken_by_cheap,
            false => &mut self.taken_by_dear,
        }
    }

    fn explained_bytes(&self) -> usize {
        self.taken_by_cheap.explained_bytes + self.taken_by_dear.explained_bytes
    }

    fn claims_bytes(&self) -> usize {
        self.taken_by_cheap.claims_bytes + self.taken_by_dear.claims_bytes
    }

    /// Lets go of what is too old or too much.
    pub(super) fn trim(&mut self, now: i64) {
        let oldest_kept = now.saturating_sub(self.limits.age);
        while let Some((&number, entry)) = self.entries.first_key_value() {
            if entry.at() >= oldest_kept {
                break;
            }
            self.remove(number);
        }
        let too_much = self.limits.claims.max(LEAST_EXPLAINED);
        while self.entries.len() > self.limits.count || self.explained_bytes() > too_much {
            let too_many_cheap = self.cheap.len() > self.limits.count / 2
                || self.taken_by_cheap.explained_bytes > too_much / 2;
            let oldest_cheap = self.cheap.first().copied().filter(|_| too_many_cheap);
            let oldest = || self.entries.first_key_value().map(|(number, _)| *number);
            let Some(number) = oldest_cheap.or_else(oldest) else {
                break;
            };
            self.remove(number);
        }
        while self.claims_bytes() > self.limits.claims {
            let taken = match self.taken_by_cheap.claims_bytes > self.limits.claims / 2 {
                true => &mut self.taken_by_cheap,
                false => &mut self.taken_by_dear,
            };
            let Some(number) = taken.with_claims.pop_front() else {
                break;
            };
            self.forget_claims(number);
        }
        while self.unmade_bytes > self.limits.claims {
            let Some(number) = self.unmade.pop_front() else {
                break;
            };
            self.make(number);
        }
    }

    /// Makes a record of a note.
    fn make(&mut self, number: u64) {
        if let Some(entry) = self.entries.get_mut(&number)
            && let Some(bytes) = entry.unmade()
        {
            self.unmade_bytes = self.unmade_bytes.saturating_sub(bytes);
            let before = entry.explained();
            entry.make();
            let after = entry.explained();
            let taken = self.taken_by(number);
            taken.explained_bytes = taken.explained_bytes.saturating_sub(before) + after;
        }
    }

    fn remove(&mut self, number: u64) {
        self.drop_claims(number);
        let Some(entry) = self.entries.remove(&number) else {
            return;
        };
        let unmade = entry.unmade().unwrap_or(0);
        self.unmade_bytes = self.unmade_bytes.saturating_sub(unmade);
        let taken = self.taken_by(number);
        taken.explained_bytes = taken.explained_bytes.saturating_sub(entry.explained());
        self.by_id.remove(&entry.id());
        self.cheap.remove(&number);
        if number >= self.stored_up_to {
            self.unstored += 1;
        }
        self.let_go(entry.batch, |batch| {
            batch.decisions = batch.decisions.saturating_sub(1)
        });
        // Those without claims any more would pile up.
        for taken in [&mut self.taken_by_cheap, &mut self.taken_by_dear] {
            while let Some(front) = taken.with_claims.front()
                && !self.entries.contains_key(front)
            {
                taken.with_claims.pop_front();
            }
        }
        while let Some(front) = self.unmade.front()
            && !self.entries.contains_key(front)
        {
            self.unmade.pop_front();
        }
    }

    /// Keeps a decision and lets go of its claims.
    fn forget_claims(&mut self, number: u64) {
        self.make(number);
        self.drop_claims(number);
    }

    fn drop_claims(&mut self, number: u64) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        let Some(claims) = entry.claims.take() else { return };
        let batch = entry.batch.clone();
        let taken = self.taken_by(number);
        taken.claims_bytes = taken.claims_bytes.saturating_sub(claims.len());
        self.let_go(batch, |batch| batch.claims = batch.claims.saturating_sub(1));
    }

    /// Takes something off a batch, and notes what the storage may forget for it.
    fn let_go(&mut self, name: Option<Arc<str>>, take: impl FnOnce(&mut Batch)) {
        let Some((name, batch)) = name.and_then(|name| Some((name.clone(), self.batches.get_mut(&name)?)))
        else {
            return;
        };
        let had_claims = batch.claims > 0;
        take(batch);
        if batch.decisions == 0 {
            self.batches.remove(&name);
            self.garbage.push(Garbage::Batch(name));
        } else if had_claims && batch.claims == 0 {
            self.garbage.push(Garbage::Claims(name));
        }
    }

    fn assign(&mut self, number: u64, batch: &Arc<str>) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        entry.batch = Some(Arc::clone(batch));
        let counted = self.batches.entry(Arc::clone(batch)).or_default();
        counted.decisions += 1;
        counted.claims += usize::from(entry.claims.is_some());
    }

    /// What is not stored yet: of that the oldest, at most `most`.
    pub(super) fn pending(&self, most: usize) -> Option<Pending> {
        let entries: Vec<Entry> = self
            .entries
            .range(self.stored_up_to..)
            .take(most)
            .map(|(_, entry)| entry.clone())
            .collect();
        (!entries.is_empty()).then_some(Pending {
            first: self.stored_up_to,
            entries,
        })
    }

    /// Notes that `pending` is stored as `batch`. What has left meanwhile is garbage at once.
    pub(super) fn stored(&mut self, pending: &Pending, batch: &Arc<str>) {
        let numbers: Vec<u64> = pending
            .entries
            .iter()
            .filter_map(|entry| self.by_id.get(&entry.id()).copied())
            .filter(|number| *number >= pending.first)
            .collect();
        for number in numbers {
            self.make(number);
            self.assign(number, batch);
            self.stored_up_to = self.stored_up_to.max(number + 1);
        }
        match self.batches.get(batch) {
            None => self.garbage.push(Garbage::Batch(Arc::clone(batch))),
            Some(held) if held.claims == 0 && pending.has_claims() => {
                self.garbage.push(Garbage::Claims(Arc::clone(batch)));
            }
            Some(_) => {}
        }
    }

    /// What the storage may forget since this was last asked.
    pub(super) fn take_garbage(&mut self) -> Vec<Garbage> {
        std::mem::take(&mut self.garbage)
    }

    /// How many decisions left without ever being stored, since this was last asked.
    pub(super) fn take_unstored(&mut self) -> u64 {
        std::mem::take(&mut self.unstored)
    }

    /// One decision.
    pub(super) fn get(&self, id: DecisionId) -> Option<&Entry> {
        self.entries.get(self.by_id.get(&id)?)
    }

    /// All that came after `id`, or all if there is no such decision; oldest first.
    pub(super) fn after(&self, id: Option<DecisionId>) -> impl DoubleEndedIterator<Item = &Entry> {
        let from = id
            .and_then(|id| self.by_id.get(&id))
            .map_or(0, |number| number + 1);
        self.entries.range(from..).map(|(_, entry)| entry)
    }

    /// How many decisions are held at most.
    pub(super) fn most(&self) -> usize {
        self.limits.count
    }

    /// Bytes that are held for records to be made of.
    #[cfg(test)]
    pub(super) fn unmade_bytes(&self) -> usize {
        self.unmade_bytes
    }

    /// The number that the next decision will have: it grows with each.
    pub(super) fn count(&self) -> u64 {
        self.next
    }
}
