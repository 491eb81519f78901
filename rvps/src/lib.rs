//! Reference Value Provider Service: what good looks like.
