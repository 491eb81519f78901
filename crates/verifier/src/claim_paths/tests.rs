use serde_json::{Map, Value};

use super::*;

/// Holds the table true: called for all claims that any verifier makes in a test of this crate.
pub(crate) fn check(tee: Tee, claims: &Map<String, Value>) {
    let paths = of(tee);
    let mut given = Vec::new();
    collect(&mut Vec::new(), &Value::Object(claims.clone()), &mut given);
    for path in &given {
        assert!(
            paths.has(path),
            "{tee}: {} is not in the table of claim paths",
            path.join("/")
        );
    }
    for known in paths.always {
        let there = given.iter().any(|path| begins(path, known));
        assert!(there, "{tee}: {known} should always be given");
    }
}

/// The paths of everything that has no members.
fn collect(at: &mut Vec<String>, value: &Value, paths: &mut Vec<Vec<String>>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(elements) => elements.iter().map(|value| ("*".to_owned(), value)).collect(),
        _ => Vec::new(),
    };
    if members.is_empty() && !at.is_empty() {
        paths.push(at.clone());
    }
    for (name, value) in members {
        at.push(name);
        collect(at, value, paths);
        at.pop();
    }
}

/// Whether a path is a known one: in what is open, one more member at least.
fn begins(path: &[String], known: &str) -> bool {
    let known: Vec<&str> = known.split('/').collect();
    match known.split_last() {
        Some((&"**", known)) => {
            path.len() > known.len() && path.iter().zip(known).all(|(one, two)| one == two)
        }
        _ => path == known,
    }
}

#[test]
fn a_path_is_known_as_a_whole_in_part_and_below_what_is_open() {
    let paths = ClaimPaths {
        always: &["a/b", "logs/*/digests/*/digest", "open/**", "x-maker-*/**"],
        sometimes: &["c.d"],
    };
    for known in [
        "a",
        "a/b",
        "c.d",
        "logs",
        "logs/*",
        "logs/0/digests/*/digest",
        "open",
        "open/x/y",
        "x-maker-anything",
        "x-maker-anything/at/all",
        "*",
        "*/b",
    ] {
        assert!(paths.has(&known.split('/').collect::<Vec<_>>()), "{known}");
    }
    for unknown in [
        "b",
        "a/c",
        "a/b/c",
        "c",
        "logs/*/digest",
        "A",
        "x-other",
        "x-maker",
    ] {
        assert!(!paths.has(&unknown.split('/').collect::<Vec<_>>()), "{unknown}");
    }
    assert!(paths.has(&[""; 0]));
}

#[test]
fn no_path_is_in_the_table_twice_and_none_is_a_part_of_another() {
    for tee in Tee::ALL {
        let paths = of(tee);
        let all: Vec<&str> = paths.iter().collect();
        for (at, path) in all.iter().enumerate() {
            for other in all.iter().skip(at + 1) {
                assert_ne!(path, other, "{tee}");
                assert!(!other.starts_with(&format!("{path}/")), "{tee}: {path} {other}");
                assert!(!path.starts_with(&format!("{other}/")), "{tee}: {path} {other}");
            }
        }
    }
}
