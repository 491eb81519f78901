//! A key of the storage section that means nothing.

use serde_json::Value;

use crate::LocalJsonConfig;

/// Removes `backends.local_json.dir_path` from the storage section at `place` of a configuration file, and says where
/// the files are. The key never took effect in the existing ecosystem either: what its operators have is in the
/// directory of `file_dir_path`, or in the default one.
pub fn drop_retired(file: &mut Value, place: &str) -> Option<String> {
    let local_json = file
        .get_mut(place)?
        .get_mut("backends")?
        .get_mut("local_json")?
        .as_object_mut()?;
    local_json.remove("dir_path")?;
    let default = LocalJsonConfig::default().file_dir_path.display().to_string();
    let used = match local_json.get("file_dir_path") {
        Some(Value::String(given)) => given,
        _ => &default,
    };
    Some(format!(
        "configuration key `{place}.backends.local_json.dir_path` is retired: it never took effect. The files are in \
         {used}; `{place}.backends.local_json.file_dir_path` names another directory"
    ))
}
