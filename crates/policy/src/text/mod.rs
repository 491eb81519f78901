//! Parts of a JSON text, found in one pass and without making a document of it.
//!
//! `Paths` say which parts; `walk` goes through the text and tells a `Visitor` of them. [`Pointers`] find values for
//! whoever holds a token; release policies remember their answers by what they read.

mod find;
mod paths;
mod walk;

pub use self::find::{FindError, Pointers};
pub(crate) use self::paths::{Paths, Wanted};
pub(crate) use self::walk::{Visitor, walk};
