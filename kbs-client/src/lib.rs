//! The command line and the library of a KBS client.
