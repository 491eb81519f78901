//! Every TEE, end to end: a simulated guest is refused until somebody vouches for it. What was proved is noted for
//! the table of `docs/tees/README.md`.

mod end_to_end;
