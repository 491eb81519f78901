//! Where sessions are kept: in memory, in order of expiry, in bounded number.
//!
//! Nothing here walks over all sessions: whatever has expired, or has to make room, stands at the
//! front of an ordered queue.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Session, SessionId};

/// How many bytes of the heap a state holds on to, for the limit on all of them together.
pub trait Footprint {
    /// Bytes.
    fn footprint(&self) -> usize;
}

/// What the store may hold.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// Sessions of both kinds together.
    pub max_sessions: usize,
    /// From this many bytes of attested state on, old attested sessions make room for new ones.
    pub soft_bytes: usize,
    /// More bytes of attested state than this are never held.
    pub max_bytes: usize,
    /// For so many seconds after its evidence was accepted an attested session is not shed, so that a guest
    /// can fetch what it attested for.
    pub grace: i64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            max_sessions: 10_000,
            soft_bytes: 8 << 20,
            max_bytes: 64 << 20,
            grace: 2,
        }
    }
}

/// Every place is taken by a session too young to be shed. The caller may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sessions")]
pub struct StoreFull;

/// Sessions by id: challenges as `C`, results as `A`.
pub struct SessionStore<C, A> {
    limits: SessionLimits,
    inner: Mutex<Inner<C, A>>,
}

impl<C, A: Footprint> SessionStore<C, A> {
    /// An empty store.
    pub fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            inner: Mutex::new(Inner::new()),
        }
    }

    /// Keeps a new challenge. A full store sheds the oldest unanswered challenge for it.
    pub fn insert_challenged(&self, session: Session<C>, now: i64) -> Result<(), StoreFull> {
        let mut inner = self.lock();
        inner.expire(now);
        inner.make_room(&self.limits, 0, now)?;
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

    /// Keeps the result of an answered challenge.
    pub fn insert_attested(&self, session: Session<A>, now: i64) -> Result<(), StoreFull> {
        let mut inner = self.lock();
        inner.expire(now);
        inner.make_room(&self.limits, session.state.footprint(), now)?;
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
        (inner.challenged.len(), inner.attested.len())
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C, A>> {
        // Nothing that runs under the lock can leave it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When it expires, and a number that tells sessions of the same second apart.
type Order = (i64, u64);

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
    attested: BTreeMap<Order, SessionId>,
    attested_bytes: usize,
    next: u64,
}

impl<C, A: Footprint> Inner<C, A> {
    fn new() -> Self {
        Self {
            entries: HashMap::new(),
            challenged: BTreeMap::new(),
            attested: BTreeMap::new(),
            attested_bytes: 0,
            next: 0,
        }
    }

    fn insert(&mut self, id: SessionId, expires_at: i64, now: i64, state: State<C, A>) {
        let order = (expires_at, self.next);
        self.next += 1;
        match &state {
            State::Challenged(_) => self.challenged.insert(order, id),
            State::Attested(attested) => {
                self.attested_bytes += attested.footprint();
                self.attested.insert(order, id)
            }
        };
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
            State::Challenged(_) => self.challenged.remove(&entry.order),
            State::Attested(attested) => {
                self.attested_bytes -= attested.footprint();
                self.attested.remove(&entry.order)
            }
        };
        Some(entry)
    }

    fn expire(&mut self, now: i64) {
        while let Some(id) = expired(&self.challenged, now).or_else(|| expired(&self.attested, now)) {
            self.remove(&id);
        }
    }

    /// Makes room for one more session with `bytes` of attested state.
    fn make_room(&mut self, limits: &SessionLimits, bytes: usize, now: i64) -> Result<(), StoreFull> {
        while self.attested_bytes + bytes > limits.soft_bytes {
            if !self.shed_attested(limits, now) {
                break;
            }
        }
        if self.attested_bytes + bytes > limits.max_bytes {
            return Err(StoreFull);
        }
        while self.entries.len() >= limits.max_sessions {
            if !self.shed_challenged() && !self.shed_attested(limits, now) {
                return Err(StoreFull);
            }
        }
        Ok(())
    }

    fn shed_challenged(&mut self) -> bool {
        let oldest = self.challenged.first_key_value().map(|(_, id)| *id);
        oldest.is_some_and(|id| self.remove(&id).is_some())
    }

    fn shed_attested(&mut self, limits: &SessionLimits, now: i64) -> bool {
        let oldest = self.attested.first_key_value().map(|(_, id)| *id);
        let Some(id) = oldest else { return false };
        let settled = |entry: &Entry<C, A>| now - entry.inserted_at >= limits.grace;
        self.entries.get(&id).is_some_and(settled) && self.remove(&id).is_some()
    }
}

fn expired(queue: &BTreeMap<Order, SessionId>, now: i64) -> Option<SessionId> {
    let (order, id) = queue.first_key_value()?;
    (order.0 <= now).then_some(*id)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
