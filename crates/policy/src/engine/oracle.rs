//! The engine's interpreter, a second implementation that tests compare the machine with.

use regorus::{Engine, Value};

use crate::{ReferenceValueSnapshot, RegoVersion};

/// The value of `data.policy.<rule>`; `None` if it is undefined.
pub(crate) fn interpret(
    rego: &str,
    version: RegoVersion,
    rule: &str,
    input: &Value,
    data: Value,
    reference: &ReferenceValueSnapshot,
) -> Option<Value> {
    let mut engine = Engine::new();
    engine.set_rego_v0(version == RegoVersion::V0);
    engine.add_policy(super::FILE.to_owned(), rego.to_owned()).unwrap();
    let reference = reference.clone();
    let query =
        move |arguments: Vec<Value>| Ok(reference.lookup(&arguments[0]).cloned().unwrap_or(Value::Null));
    engine.add_extension(super::QUERY.to_owned(), 1, Box::new(query)).unwrap();
    engine.add_data(data).unwrap();
    engine.set_input(input.clone());
    match engine.eval_rule(super::path(rule)).unwrap() {
        Value::Undefined => None,
        value => Some(value),
    }
}
