//! Every TEE, end to end: a simulated guest is refused until somebody vouches for it; and the table of
//! `docs/tees/README.md`, which says what was proved of each.

mod end_to_end;
