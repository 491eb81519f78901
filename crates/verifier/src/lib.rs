//! Evidence to verified claims. Pure: no IO, no async, no clock.
