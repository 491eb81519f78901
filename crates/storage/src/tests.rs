//! Contract tests run over every back end; the others over the files they speak of.

mod config;
mod contract;
mod crash;
mod keys;
mod layout;
mod read_only;
mod versions;

use std::{path::Path, sync::Arc};

use crate::{KeyValueStore, LocalFs, LocalJson, Memory};

/// Every back end, each over its own part of `directory`.
fn every_store(directory: &Path) -> Vec<(&'static str, Arc<dyn KeyValueStore>)> {
    vec![
        ("Memory", Arc::new(Memory::new())),
        ("LocalFs", local_fs(&directory.join("fs"))),
        ("LocalJson", local_json(&directory.join("json"))),
    ]
}

fn local_fs(root: &Path) -> Arc<dyn KeyValueStore> {
    Arc::new(LocalFs::open(root, "space").unwrap())
}

fn local_json(root: &Path) -> Arc<dyn KeyValueStore> {
    Arc::new(LocalJson::open(root, "space").unwrap())
}
