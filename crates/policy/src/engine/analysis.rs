//! Checks of a policy before it is taken, over what the virtual machine's compiler makes of it.

use std::collections::BTreeMap;

use regorus::CompiledPolicy;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::instructions::Instruction;
use regorus::rvm::program::Program;

use super::{MATCHES, QUERY, one_line};
use crate::PolicyError;

/// Most rules a policy may have.
const MAX_RULES: usize = 1000;
/// How deep rules may build on rules. The interpreter calls itself for each.
pub(super) const MAX_DEPTH: usize = 24;
/// Rules that are compiled together; the compiler has registers for 255.
const CHUNK: usize = 64;

/// Refuses a policy that calls a function nobody knows (also in a rule that nothing reads), whose rules call
/// themselves, or which is too big or too deep.
pub(super) fn check(policy: &CompiledPolicy, queries: bool) -> Result<(), PolicyError> {
    let rules: Vec<&str> = policy.get_rules().keys().map(String::as_str).collect();
    if rules.len() > MAX_RULES {
        return Err(PolicyError::Compile(format!(
            "it has more than {MAX_RULES} rules"
        )));
    }
    let host: &[(&str, usize)] = if queries { &[(QUERY, 1), (MATCHES, 2)] } else { &[] };
    let mut calls = BTreeMap::new();
    for some in rules.chunks(CHUNK) {
        let program = Compiler::compile_from_policy_with_host_await(policy, some, host);
        let program = program.map_err(|e| PolicyError::Compile(one_line(&e)))?;
        if program
            .instructions
            .iter()
            .any(|i| matches!(i, Instruction::HostAwait { .. }))
            && !queries
        {
            return Err(PolicyError::Compile("it calls its host".to_owned()));
        }
        collect_calls(&program, &mut calls);
    }
    let mut depths = BTreeMap::new();
    calls
        .keys()
        .try_for_each(|rule| depth(rule, &calls, &mut depths).map(drop))
}

/// Which rules a rule reads or calls.
type Calls = BTreeMap<String, Vec<String>>;

fn collect_calls(program: &Program, calls: &mut Calls) {
    let name = |index: usize| program.rule_infos.get(index).map(|rule| rule.name.clone());
    // Each rule's instructions stand together, from the start of a body to the next start.
    let mut owners: BTreeMap<usize, &str> = BTreeMap::new();
    for rule in &program.rule_infos {
        calls.entry(rule.name.clone()).or_default();
        let bodies = rule
            .definitions
            .iter()
            .flatten()
            .chain(rule.destructuring_blocks.iter().flatten());
        owners.extend(bodies.filter_map(|start| Some((usize::try_from(*start).ok()?, rule.name.as_str()))));
    }
    for (at, instruction) in program.instructions.iter().enumerate() {
        let called = match instruction {
            Instruction::CallRule { rule_index, .. } => name(usize::from(*rule_index)),
            Instruction::FunctionCall { params_index } => program
                .instruction_data
                .function_call_params
                .get(usize::from(*params_index))
                .and_then(|call| name(usize::from(call.func_rule_index))),
            _ => None,
        };
        if let (Some(called), Some((_, owner))) = (called, owners.range(..=at).next_back()) {
            calls.entry((*owner).to_owned()).or_default().push(called);
        }
    }
}

/// How deep a rule builds on others. `None` in `depths` means that it is being looked at.
fn depth<'a>(
    rule: &'a str,
    calls: &'a Calls,
    depths: &mut BTreeMap<&'a str, Option<usize>>,
) -> Result<usize, PolicyError> {
    match depths.get(rule) {
        Some(Some(depth)) => return Ok(*depth),
        Some(None) => {
            return Err(PolicyError::Compile(format!(
                "its rule `{rule}` depends on itself"
            )));
        }
        None => {}
    }
    depths.insert(rule, None);
    let mut deepest = 0;
    for called in calls.get(rule).into_iter().flatten() {
        deepest = deepest.max(depth(called, calls, depths)?);
    }
    if deepest >= MAX_DEPTH {
        return Err(PolicyError::Compile(format!(
            "its rules build on each other deeper than {MAX_DEPTH}"
        )));
    }
    depths.insert(rule, Some(deepest + 1));
    Ok(deepest + 1)
}
