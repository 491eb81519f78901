//! Holds the tables of [`names::claims`] true: whoever sets a policy is warned by them.

use names::claims::{self, Standing};
use serde_json::{Map, Value};

use crate::Tee;

/// Called for all claims that any verifier makes in a test of this crate.
pub(crate) fn check(tee: Tee, claims: &Map<String, Value>) {
    let paths = claims::of(tee.as_str()).unwrap();
    assert_eq!(paths.elsewhere, None, "{tee}: there is a verifier");
    let mut given = Vec::new();
    collect(&mut Vec::new(), &Value::Object(claims.clone()), &mut given);
    for path in &given {
        assert!(
            paths.standing(path) != Standing::Unknown,
            "{tee}: {} is not in the table of claim paths",
            path.join("/")
        );
    }
    for known in paths.always {
        let there = given.iter().any(|path| path.iter().eq(known.split('/')));
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

#[test]
fn every_tee_has_its_table_and_no_other_has_one() {
    assert!(Tee::ALL.map(Tee::as_str).into_iter().eq(claims::tees()));
}
