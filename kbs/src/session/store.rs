//! Where sessions are kept: in memory, in order of expiry, in bounded number.
//!
//! Nothing here walks over all sessions: whatever has expired, or has to make room, stands at the
//! front of an ordered queue.
//!
//! Sessions that anybody can make as many of as he likes are cheap. They have at most half of everything, and make room
//! before any other session does, whose client had to have a machine for it. Where no room is left for more of them the
//! oldest leaves, however young it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::shelves::{COMMON, Class, Shelves};
use super::{Session, SessionId};

/// What an attested state takes, and what it took to get there.
pub trait Footprint {
    /// How many bytes of the heap it holds on to, for the limit on all of them together.
    fn footprint(&self) -> usize;

    /// Whether anybody can have one, without any special machine.
    fn is_cheap(&self) -> bool;
}

/// What the store may hold.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// Sessions of both kinds together.
    pub max_sessions: usize,
    /// More bytes of attested state than this are large for one session.
    pub large_size: usize,
    /// From this many bytes of sessions that are not large on, old ones of them make room for new ones.
    pub common_bytes: usize,
    /// More bytes of large sessions than this are never held.
    pub large_bytes: usize,
    /// More bytes of attested state than this are never held.
    pub max_bytes: usize,
    /// For so many seconds after its evidence was accepted an attested session is not shed, so that a guest
    /// can fetch what it attested for.
    pub grace: i64,
}

impl SessionLimits {
    /// With so many bytes for what attested sessions keep: an eighth is where common ones settle, three quarters are
    /// for large ones, and the rest is for a rush.
    pub fn new(max_sessions: usize, max_bytes: usize) -> Self {
        Self {
            max_sessions,
            large_size: 16 << 10,
            common_bytes: max_bytes / 8,
            large_bytes: max_bytes / 4 * 3,
            max_bytes,
            grace: 2,
        }
    }

    /// What cheap sessions may hold of it.
    fn of_cheap(&self) -> Self {
        Self {
            max_sessions: (self.max_sessions / 2).max(1),
            common_bytes: self.common_bytes / 2,
            large_bytes: self.large_bytes / 2,
            max_bytes: self.max_bytes / 2,
            ..*self
        }
    }
}

/// Why a session is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Every place is taken by a session too young, or too small, to be shed. The caller may try again.
    #[error("too many sessions")]
    Full,
    /// One session may not keep as much.
    #[error("the claims are too large for a session")]
    TooLarge,
}

/// Sessions by id: challenges as `C`, results as `A`.
pub struct SessionStore<C, A> {
    limits: SessionLimits,
    limits_of_cheap: SessionLimits,
    inner: Mutex<Inner<C, A>>,
}

impl<C, A: Footprint> SessionStore<C, A> {
    /// An empty store.
    pub fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            limits_of_cheap: limits.of_cheap(),
            inner: Mutex::new(Inner::new(limits.large_size)),
        }
    }

    /// Keeps a new challenge. A full store sheds the oldest unanswered challenge for it, else the oldest cheap session.
    pub fn insert_challenged(&self, session: Session<C>, now: i64) -> Result<(), NoRoom> {
        let mut inner = self.lock();
        inner.expire(now);
        inner.make_place(&self.limits, Newcomer::Challenge, now)?;
        inner.insert(
            session.id,
            session.expires_at,
            now,
            State::Challenged(session.state),
        );
        Ok(())
    }

    /// Takes a challenge out, so that it is answered once only, whatever the answer is worth.
    pub fn take_challenged(&self, id: &SessionId, now: i64) -> Option<Session<C>> {
        let mut inner = self.lock();
        inner.expire(now);
        let state = |entry: &Entry<C, A>| matches!(entry.state, State::Challenged(_));
        if !inner.entries.get(id).is_some_and(state) {
            return None;
        }
        let entry = inner.remove(id)?;
        match entry.state {
            State::Challenged(state) => Some(Session {
                id: *id,
                expires_at: entry.order.0,
                state,
            }),
            State::Attested(_) => None,
        }
    }

    /// Keeps the result of an answered challenge. It pushes out no result that is much smaller than itself, and a cheap
    /// one pushes out only cheap ones.
    pub fn insert_attested(&self, session: Session<A>, now: i64) -> Result<(), NoRoom> {
        let mut inner = self.lock();
        inner.expire(now);
        let bytes = session.state.footprint();
        let newcomer = match session.state.is_cheap() {
            true => Newcomer::Cheap,
            false => Newcomer::Dear,
        };
        if newcomer == Newcomer::Cheap {
            inner.keep_cheap_within(&self.limits_of_cheap, bytes, now)?;
        }
        inner.make_room(&self.limits, newcomer, bytes, now)?;
        inner.make_place(&self.limits, newcomer, now)?;
        let state = State::Attested(Arc::new(session.state));
        inner.insert(session.id, session.expires_at, now, state);
        Ok(())
    }

    /// The result that belongs to an attested session, until it expires.
    pub fn attested(&self, id: &SessionId, now: i64) -> Option<Arc<A>> {
        let inner = self.lock();
        let entry = inner.entries.get(id)?;
        match &entry.state {
            State::Attested(state) if entry.order.0 > now => Some(Arc::clone(state)),
            _ => None,
        }
    }

    /// Drops what has expired. Costs nothing when nothing has.
    pub fn expire(&self, now: i64) {
        self.lock().expire(now);
    }

    /// How many challenges and how many results are held.
    pub fn counts(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.challenged.len(), inner.cheap.len() + inner.dear.len())
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C, A>> {
        // Nothing that runs under the lock can leave it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When it expires, and a number that tells sessions of the same second apart.
pub(super) type Order = (i64, u64);

enum State<C, A> {
    Challenged(C),
    Attested(Arc<A>),
}

struct Entry<C, A> {
    order: Order,
    inserted_at: i64,
    state: State<C, A>,
}

struct Inner<C, A> {
    entries: HashMap<SessionId, Entry<C, A>>,
    challenged: BTreeMap<Order, SessionId>,
    cheap: Shelves,
    dear: Shelves,
    next: u64,
}

impl<C, A: Footprint> Inner<C, A> {
    fn new(large_size: usize) -> Self {
        Self {
            entries: HashMap::new(),
            challenged: BTreeMap::new(),
            cheap: Shelves::new(large_size),
            dear: Shelves::new(large_size),
            next: 0,
        }
    }

    fn insert(&mut self, id: SessionId, expires_at: i64, now: i64, state: State<C, A>) {
        let order = (expires_at, self.next);
        self.next += 1;
        match &state {
            State::Challenged(_) => drop(self.challenged.insert(order, id)),
            State::Attested(attested) => {
                let bytes = attested.footprint();
                self.shelves(attested.is_cheap()).insert(order, id, bytes);
            }
        }
        let entry = Entry {
            order,
            inserted_at: now,
            state,
        };
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: &SessionId) -> Option<Entry<C, A>> {
        let entry = self.entries.remove(id)?;
        match &entry.state {
            State::Challenged(_) => drop(self.challenged.remove(&entry.order)),
            State::Attested(attested) => {
                let bytes = attested.footprint();
                self.shelves(attested.is_cheap()).remove(&entry.order, bytes);
            }
        }
        Some(entry)
    }

    fn shelves(&mut self, cheap: bool) -> &mut Shelves {
        match cheap {
            true => &mut self.cheap,
            false => &mut self.dear,
        }
    }

    fn expire(&mut self, now: i64) {
        while let Some(id) = self.expired(now) {
            self.remove(&id);
        }
    }

    fn expired(&self, now: i64) -> Option<SessionId> {
        let challenged = self.challenged.first_key_value().map(|(order, id)| (*order, *id));
        let over = |first: Option<(Order, SessionId)>| first.filter(|(order, _)| order.0 <= now);
        let (_, id) = over(challenged)
            .or_else(|| over(self.cheap.oldest()))
            .or_else(|| over(self.dear.oldest()))?;
        Some(id)
    }

    /// Makes room for one more cheap session of so many bytes among those that there are, within `limits` of their own.
    fn keep_cheap_within(&mut self, limits: &SessionLimits, bytes: usize, now: i64) -> Result<(), NoRoom> {
        let class = self.cheap.class(bytes);
        if class != COMMON && bytes > limits.large_bytes {
            return Err(NoRoom::TooLarge);
        }
        while class == COMMON && self.cheap.common_bytes() + bytes > limits.common_bytes {
            if !self.shed(self.cheap.oldest_common(), limits, now) {
                break;
            }
        }
        while has_too_many(limits, class, bytes, [&self.cheap]) {
            if !self.shed_cheap_for(class, limits, now) {
                return Err(NoRoom::Full);
            }
        }
        while self.cheap.len() >= limits.max_sessions && self.shed_cheap() {}
        Ok(())
    }

    /// Makes room for `bytes` of attested state.
    fn make_room(
        &mut self,
        limits: &SessionLimits,
        newcomer: Newcomer,
        bytes: usize,
        now: i64,
    ) -> Result<(), NoRoom> {
        let class = self.dear.class(bytes);
        if class != COMMON && bytes > limits.large_bytes {
            return Err(NoRoom::TooLarge);
        }
        let common = |inner: &Self| inner.cheap.common_bytes() + inner.dear.common_bytes();
        while newcomer == Newcomer::Dear && class == COMMON && common(self) + bytes > limits.common_bytes {
            let made = self.remove_if_any(self.cheap.oldest_common())
                || self.shed(self.dear.oldest_common(), limits, now);
            if !made {
                break;
            }
        }
        while has_too_many(limits, class, bytes, [&self.cheap, &self.dear]) {
            let made = match newcomer {
                Newcomer::Dear => self.shed_cheap() || self.shed_large(false, class, limits, now),
                Newcomer::Cheap | Newcomer::Challenge => self.shed_cheap_for(class, limits, now),
            };
            if !made {
                return Err(NoRoom::Full);
            }
        }
        Ok(())
    }

    /// Makes room for one more session.
    fn make_place(&mut self, limits: &SessionLimits, newcomer: Newcomer, now: i64) -> Result<(), NoRoom> {
        while self.entries.len() >= limits.max_sessions {
            if self.shed_challenged() {
                continue;
            }
            let oldest = self.dear.oldest().map(|(_, id)| id);
            let made = self.shed_cheap() || newcomer != Newcomer::Cheap && self.shed(oldest, limits, now);
            if !made {
                return Err(NoRoom::Full);
            }
        }
        Ok(())
    }

    /// Sheds a settled session of the largest class there is, from this one on.
    fn shed_large(&mut self, cheap: bool, least: Class, limits: &SessionLimits, now: i64) -> bool {
        let shelves = match cheap {
            true => &self.cheap,
            false => &self.dear,
        };
        let settled = shelves
            .oldest_of_large(least)
            .find(|id| self.is_settled(id, limits, now));
        self.remove_if_any(settled)
    }

    /// Sheds a cheap session for another of this class of sizes.
    fn shed_cheap_for(&mut self, class: Class, limits: &SessionLimits, now: i64) -> bool {
        self.shed_large(true, class, limits, now)
            || class == COMMON && self.remove_if_any(self.cheap.oldest_common())
    }

    /// Sheds the oldest cheap session, however young it is.
    fn shed_cheap(&mut self) -> bool {
        self.remove_if_any(self.cheap.oldest().map(|(_, id)| id))
    }

    fn remove_if_any(&mut self, id: Option<SessionId>) -> bool {
        id.is_some_and(|id| self.remove(&id).is_some())
    }

    fn shed_challenged(&mut self) -> bool {
        self.remove_if_any(self.challenged.first_key_value().map(|(_, id)| *id))
    }

    fn shed(&mut self, attested: Option<SessionId>, limits: &SessionLimits, now: i64) -> bool {
        let settled = attested.filter(|id| self.is_settled(id, limits, now));
        self.remove_if_any(settled)
    }

    fn is_settled(&self, id: &SessionId, limits: &SessionLimits, now: i64) -> bool {
        let settled = |entry: &Entry<C, A>| now - entry.inserted_at >= limits.grace;
        self.entries.get(id).is_some_and(settled)
    }
}

/// For whom room is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Newcomer {
    Challenge,
    Cheap,
    Dear,
}

/// Whether `bytes` more of this class are more than may ever be held on these shelves together.
fn has_too_many<const N: usize>(
    limits: &SessionLimits,
    class: Class,
    bytes: usize,
    shelves: [&Shelves; N],
) -> bool {
    let common: usize = shelves.iter().map(|shelves| shelves.common_bytes()).sum();
    let large: usize = shelves.iter().map(|shelves| shelves.large_bytes()).sum();
    let too_many_large = class != COMMON && large + bytes > limits.large_bytes;
    too_many_large || common + large + bytes > limits.max_bytes
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
