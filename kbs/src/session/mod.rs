//! Sessions of the handshake: Request, Challenge, Attestation, Response.
//!
//! A session's state is a type. It begins as `Session<Challenged>`, and only consuming that value
//! gives a `Session<Attested>` (wire: kbs-http, section 4).

mod cookie;
mod id;
mod shelves;
mod store;

use std::sync::Arc;

use jose::tee_key::TeePublicKey;
use kbs_types::Tee;

pub use cookie::{session_id, set_cookie};
pub use id::SessionId;
pub use store::{Footprint, NoRoom, SessionLimits, SessionStore};

use crate::token::AttestationResult;

/// The sessions of this service.
pub type Sessions = SessionStore<Challenged, Attested>;

/// One client's handshake in state `S`.
pub struct Session<S> {
    id: SessionId,
    expires_at: i64,
    state: S,
}

impl<S> Session<S> {
    /// What the client's cookie names.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Seconds since the Unix epoch; set when the challenge is made and never extended.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// What is known in this state.
    pub fn state(&self) -> &S {
        &self.state
    }
}

impl Session<Challenged> {
    /// Begins with a challenge.
    pub fn begin(id: SessionId, expires_at: i64, challenge: Challenged) -> Self {
        Self {
            id,
            expires_at,
            state: challenge,
        }
    }

    /// Ends the challenge: what came of it is kept under the same id, and no longer.
    pub fn answered(self, result: Attested) -> Session<Attested> {
        Session {
            id: self.id,
            expires_at: self.expires_at,
            state: result,
        }
    }
}

/// A challenge was sent and not yet answered.
pub struct Challenged {
    /// What the evidence must be bound to, exactly as it was sent.
    pub nonce: Box<str>,
    /// The kind of attester that asked; the evidence is verified as this kind and no other.
    pub tee: Tee,
    /// The attestation policy that it chose, of those that it may.
    pub policy_id: Option<String>,
}

/// The evidence was appraised and a token was handed out.
pub enum Attested {
    /// The token holds by this service's own rules.
    Trusted(Arc<AttestationResult>),
    /// The token was handed out, but `[attestation_token]` does not trust it: it releases nothing.
    Untrusted,
}

/// What the agreed key of a recipient and its header take, about.
const RECIPIENT: usize = 320;

impl Footprint for Attested {
    fn footprint(&self) -> usize {
        match self {
            Self::Trusted(result) => result.claims_json().len() + size_of::<TeePublicKey>() + RECIPIENT,
            Self::Untrusted => 0,
        }
    }

    fn is_cheap(&self) -> bool {
        match self {
            Self::Trusted(result) => result.is_cheap(),
            // A token of devices alone is one, and anybody can have it.
            Self::Untrusted => true,
        }
    }
}
