//! Endorsements that the evidence does not carry: the only part of an evaluation that goes to the network.
//!
//! Whoever sends evidence decides what is asked for, so everything here is bounded: how much is remembered, how
//! much is under way, and for how long. What a source gives is not trusted; the verifier judges it.
//!
//! In reading order:
//! - [`source`] says what a source is and [`registry`] lists them: `kds` and `offline` for AMD, `pcs` and
//!   `collateral_file` for Intel, `nras` for NVIDIA; `http`, `files` and `collateral` are what they have in common.
//! - `supplier` is a source with its `gate`, at the pace of its `pacer`, and with the tally of what it did.
//! - `record` is one endorsement as it is kept: in `memory`, and by its name (`names`, `packed`) on the storage
//!   (`persistent`) or in a `bundle`.
//! - `shelf` gets one, from wherever it can be had, and `lists` a revocation list that nobody demands; [`endorser`] is what an evaluation asks: it remembers, and lets
//!   a `single_flight` go for what is not there; `refresh` keeps it current.
//! - `report` and `metrics` are for the operator.

mod registry;
mod source;

mod collateral;
mod collateral_file;
mod files;
mod http;
mod hygon;
mod kds;
mod nras;
mod offline;
mod pcs;

mod gate;
mod metrics;
mod pacer;
mod supplier;

mod bundle;
mod cache;
mod memory;
pub(crate) mod names;
mod packed;
mod persistent;
mod record;

mod endorser;
mod lists;
mod refresh;
mod report;
mod shelf;
mod single_flight;

pub(crate) use self::bundle::{Bundle, MAX_BUNDLE};
pub(crate) use self::collateral_file::{CollateralFile, count as collateral_pieces};
pub(crate) use self::endorser::{Endorser, Trial};
pub(crate) use self::files::read as read_file;
pub(crate) use self::persistent::Persistent;
pub(crate) use self::record::{Freshness, Record};
pub(crate) use self::report::{Report, date};
pub use self::source::EndorsementError;
