//! The virtual machine of `regorus` held against its interpreter.
//!
//! The interpreter decides, for the machine, as of 0.14.1, grants what a policy denies, even the default one.
//! The first tests say in which ways: should one fail after an update, the machine has become better and is
//! worth another look. The last holds the two against each other over claims of every kind.

use proptest::prelude::*;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::{ExecutionMode, ExecutionState, RegoVM, SuspendReason};
use serde_json::{Value as Json, json};

use super::*;
use crate::appraisal::tests::{default_cpu, default_policy, snapshot};
use crate::defaults;

/// What each of the two makes of a rule: `None` where it fails, as for an operand of a wrong type.
#[derive(Debug, PartialEq)]
struct Answers {
    interpreter: Option<Value>,
    machine: Option<Value>,
}

/// Evaluates a rule of a policy by both.
fn ask(
    rego: &str,
    rule: &'static str,
    input: &Json,
    data: &[(&'static str, Json)],
    reference: &Json,
) -> Answers {
    let value = |json: &Json| Value::from_json_str(&json.to_string()).unwrap();
    let documents: Vec<&'static str> = data.iter().map(|(name, _)| *name).collect();
    let data: Vec<_> = data.iter().map(|(name, json)| (*name, value(json))).collect();
    let target = Target {
        rules: &[rule],
        documents: &documents,
        queries: true,
    };
    let limits = Limits::DEFAULT;
    let host = || Host::new(&limits).with_reference(snapshot(reference));
    let policy = with_deep_stack(|| Parsed::parse(rego)?.compile(&target)).unwrap();
    let interpreter = policy.evaluate(&value(input), &data, host(), &limits);
    let first = |values: Values| {
        values
            .into_iter()
            .next()
            .map_or(Value::Undefined, |(_, value)| value)
    };

    let parsed = Parsed::parse(&documents::as_input(rego, &documents)).unwrap();
    let input = documents::with_input(&value(input), &data, &documents);
    Answers {
        interpreter: interpreter.ok().map(|(values, _)| first(values)),
        machine: in_the_machine(parsed, rule, input, host()),
    }
}

fn in_the_machine(mut parsed: Parsed, rule: &str, input: Value, host: Host) -> Option<Value> {
    let rule = path(rule);
    let policy = parsed
        .engine
        .compile_with_entrypoint(&rule.as_str().into())
        .ok()?;
    let functions = [(QUERY, 1), (MATCHES, 2)];
    let program =
        Compiler::compile_from_policy_with_host_await(&policy, &[rule.as_str()], &functions).ok()?;
    let mut machine = RegoVM::new();
    machine.set_strict_builtin_errors(true);
    machine.set_execution_mode(ExecutionMode::Suspendable);
    machine.load_program(program);
    machine.set_input(input);
    let run = || {
        let mut answer = machine.execute_entry_point_by_name(&rule);
        while let ExecutionState::Suspended {
            reason: SuspendReason::HostAwait {
                argument, identifier, ..
            },
            ..
        } = machine.execution_state().clone()
        {
            let arguments: Vec<Value> = argument.as_array().unwrap().iter().cloned().collect();
            let response = match identifier.as_string().unwrap().as_ref() {
                QUERY => host::query(&arguments),
                _ => host::matches(&arguments),
            };
            answer = machine.resume(Some(response.unwrap()));
        }
        answer.ok()
    };
    host::with(host, run).0
}

fn release(body: &str) -> Answers {
    let rego = format!("package policy\n{body}");
    let input = json!({"list": [1, 2], "object": {"a": 1}, "one": 1});
    ask(
        &rego,
        "allow",
        &input,
        &[("plugin", json!("resource"))],
        &json!({}),
    )
}

#[test]
fn the_machine_grants_what_the_interpreter_denies() {
    for body in [
        // It goes on after an assignment of what is not there.
        "allow if { x := input.absent }",
        "allow if { x := {\"a\": input.absent} }",
        "allow if { x := 1; y := input.list[7] }",
        "allow if { not [x | x := input.absent] == [] }",
        // It takes an `every` for true whose body is undefined.
        "allow if { every x in [\"a\", \"b\"] { input.object[x] } }",
        "allow if { every x in [\"a\", \"b\"] { input.object[x] != 2 } }",
        "allow if { every x in [\"a\", \"b\"] { is_number(input.object[x]) } }",
        // It calls a function with an argument that is not there.
        "allow if { f(input.absent) }\nf(_) := true",
        // It goes on with the next rule after an error.
        "allow if { some x in \"a\" }\nallow if { input.one == 1 }",
    ] {
        let Answers { interpreter, machine } = release(body);
        assert_ne!(interpreter, Some(Value::Bool(true)), "{body}");
        assert_eq!(machine, Some(Value::Bool(true)), "{body}");
    }
}

#[test]
fn the_machine_releases_by_the_default_policy_what_the_interpreter_denies() {
    let input = json!({"submods": {
        "cpu0": {"ear.veraison.annotated-evidence": {"snp": {"policy_debug_allowed": false}}},
        "gpu0": {"ear.status": "affirming"},
    }});
    let data = [("plugin", json!("resource"))];
    let answers = ask(defaults::DEFAULT, "allow", &input, &data, &json!({}));
    let expected = Answers {
        interpreter: Some(Value::Bool(false)),
        machine: Some(Value::Bool(true)),
    };
    assert_eq!(answers, expected);
}

/// Every place of a document, as a path of members and elements.
fn places(json: &Json, at: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
    let members: Vec<(String, &Json)> = match json {
        Json::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), member))
            .collect(),
        Json::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, member)| (i.to_string(), member))
            .collect(),
        _ => Vec::new(),
    };
    for (name, member) in members {
        at.push(name);
        all.push(at.clone());
        places(member, at, all);
        at.pop();
    }
}

/// Takes a claim away, or puts something else in its place.
fn mutated(mut document: Json, place: prop::sample::Index, other: Option<Json>) -> Json {
    let mut all = Vec::new();
    places(&document, &mut Vec::new(), &mut all);
    if all.is_empty() {
        return document;
    }
    let path = place.get(&all);
    let (last, parents) = path.split_last().unwrap();
    let parent = format!(
        "/{}",
        parents
            .iter()
            .map(|part| part.replace('~', "~0").replace('/', "~1"))
            .collect::<Vec<_>>()
            .join("/")
    );
    let parent = if parents.is_empty() { "" } else { &parent };
    match (document.pointer_mut(parent).unwrap(), other) {
        (Json::Object(members), Some(other)) => drop(members.insert(last.clone(), other)),
        (Json::Object(members), None) => drop(members.remove(last)),
        (Json::Array(list), Some(other)) => list[last.parse::<usize>().unwrap()] = other,
        (Json::Array(list), None) => drop(list.remove(last.parse().unwrap())),
        _ => unreachable!("only these have members"),
    }
    document
}

fn something() -> impl Strategy<Value = Option<Json>> {
    prop_oneof![
        Just(None),
        prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Json::from),
            (0..4_i32).prop_map(Json::from),
            "[0-3a]{0,2}".prop_map(Json::from),
            Just(json!([])),
            Just(json!([1, "a", true])),
            Just(json!({})),
        ]
        .prop_map(Some)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn both_give_the_same_trust_vector_by_the_default_attestation_policies(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), something()), 0..4),
        unknown in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let samples = default_cpu::samples();
        let (class, mut input, mut reference) = sample.get(&samples).clone();
        for (place, other) in changes {
            input = mutated(input, place, other);
        }
        if let Some(place) = unknown {
            reference = mutated(reference, place, None);
        }
        let Answers { interpreter, machine } = ask(default_policy(class), "trust_claims", &input, &[], &reference);
        prop_assert!(interpreter.is_none() || interpreter == machine, "{interpreter:?} {machine:?} {input} {reference}");
    }
}
