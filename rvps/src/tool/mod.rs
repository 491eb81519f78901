//! `rvps-tool`.
