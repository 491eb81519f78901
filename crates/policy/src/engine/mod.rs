//! The only place that knows the policy engine: compiles Rego to a program and runs it under limits.

mod guarded;
#[cfg(test)]
pub(crate) mod oracle;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::{ExecutionMode, ExecutionState, RegoVM, SuspendReason, VmError};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use self::guarded::Guard;
pub(crate) use self::guarded::within;
use crate::tokens::{self, Token};
use crate::{LimitKind, Limits, PolicyError, RegoVersion};

/// Longest policy text, in bytes.
pub(crate) const MAX_POLICY_BYTES: usize = 256 << 10;
/// Most rules a policy may have. It bounds how deep one rule can build on another.
const MAX_RULES: usize = 1000;
/// How a policy asks for a reference value.
pub(crate) const QUERY: &str = "query_reference_value";

const PACKAGE: &str = "policy";
const FILE: &str = "policy.rego";
/// Most brackets open at once. The engine's parser calls itself for each.
const MAX_NESTING: usize = 64;
/// Stack for a compilation.
const COMPILE_STACK: usize = 256 << 20;
/// Instructions between two looks at the clock. Few, for one may take long: each square of a number has twice
/// its digits.
const CLOCK_INTERVAL: NonZeroU32 = match NonZeroU32::new(4) {
    Some(interval) => interval,
    None => NonZeroU32::MIN,
};

/// A parsed policy: its syntax is right, its rules are known.
pub(crate) struct Parsed {
    engine: Engine,
    pub(crate) version: RegoVersion,
}

/// A compiled policy. Rules are named without their package, as in `allow`.
#[derive(Debug)]
pub(crate) struct Compiled {
    program: Arc<Program>,
}

/// What answers a policy's `query_reference_value`.
pub(crate) type Query<'a> = &'a mut dyn FnMut(&Value) -> Option<Value>;

impl Parsed {
    /// Reads the text as Rego v1 and, if it is none, as v0.
    pub(crate) fn parse(rego: &str) -> Result<Self, PolicyError> {
        if rego.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::Compile(format!(
                "it is longer than {MAX_POLICY_BYTES} bytes"
            )));
        }
        let code = tokens::tokens(rego);
        if nesting(&code) > MAX_NESTING {
            return Err(PolicyError::Compile(format!(
                "its brackets nest deeper than {MAX_NESTING}"
            )));
        }
        let parsed = Self::parse_as(RegoVersion::V1, rego).or_else(|error| {
            let has = |name| code.iter().any(|token| token.is_name(name));
            // `if` is a keyword that v0 has to import: without that the text is meant as v1.
            if has("if") && !has("future") {
                return Err(format!("as Rego v1: {error}"));
            }
            Self::parse_as(RegoVersion::V0, rego).map_err(|v0| format!("as Rego v1: {error}; as v0: {v0}"))
        });
        let parsed = parsed.map_err(PolicyError::Compile)?;
        match parsed.engine.get_policy_package_components().as_deref() {
            Ok([only]) if only.components == [PACKAGE] => Ok(parsed),
            _ => Err(PolicyError::Compile(format!("its package must be `{PACKAGE}`"))),
        }
    }

    fn parse_as(version: RegoVersion, rego: &str) -> Result<Self, String> {
        let mut engine = Engine::new();
        engine.set_rego_v0(version == RegoVersion::V0);
        engine
            .add_policy(FILE.to_owned(), rego.to_owned())
            .map_err(|e| one_line(&e))?;
        Ok(Self { engine, version })
    }

    /// Whether the policy has a rule of this name.
    pub(crate) fn declares(&self, rule: &str) -> bool {
        self.engine
            .has_declared_rule_rooted_at(FILE, rule)
            .unwrap_or(false)
    }

    /// Compiles for these rules, the first of which must exist. With `query` it may ask for reference values.
    pub(crate) fn compile(mut self, rules: &[&str], query: bool) -> Result<Compiled, PolicyError> {
        if self.declares(QUERY) {
            return Err(PolicyError::Compile(format!(
                "it must not define `{QUERY}` itself"
            )));
        }
        let Some(&first) = rules.first().filter(|rule| self.declares(rule)) else {
            let wanted = rules.first().copied().unwrap_or_default();
            return Err(PolicyError::Compile(format!("it has no rule `{wanted}`")));
        };
        let paths: Vec<String> = rules
            .iter()
            .filter(|rule| self.declares(rule))
            .map(|rule| path(rule))
            .collect();
        let mut host = guarded::BUILTINS
            .iter()
            .map(|b| (b.name, b.arguments))
            .collect::<Vec<_>>();
        // The policy's own function of that name goes before a built-in.
        host.retain(|(name, _)| !self.declares(name));
        if query {
            host.push((QUERY, 1));
        }
        let policy = self.engine.compile_with_entrypoint(&path(first).into());
        let policy = policy.map_err(|e| PolicyError::Compile(one_line(&e)))?;
        let compile = |entries: &[&str]| {
            Compiler::compile_from_policy_with_host_await(&policy, entries, &host)
                .map_err(|e| PolicyError::Compile(one_line(&e)))
        };
        let all: Vec<&str> = policy.get_rules().keys().map(String::as_str).collect();
        if all.len() > MAX_RULES {
            return Err(PolicyError::Compile(format!(
                "it has more than {MAX_RULES} rules"
            )));
        }
        // A rule that nothing reads is compiled too: an unknown function is an error wherever it stands.
        for some in all.chunks(64) {
            compile(some)?;
        }
        let program = compile(&paths.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Compiled { program })
    }
}

impl Compiled {
    /// A machine that can evaluate this policy's rules over these documents.
    pub(crate) fn machine<'a>(
        &'a self,
        input: Value,
        data: Value,
        limits: &'a Limits,
    ) -> Result<Machine<'a>, PolicyError> {
        let mut vm = RegoVM::new();
        vm.set_max_instructions(limits.instructions);
        vm.set_execution_timer_config(Some(ExecutionTimerConfig {
            limit: limits.time,
            check_interval: CLOCK_INTERVAL,
        }));
        // The other mode calls itself for each rule that a rule reads, and can run out of stack.
        vm.set_execution_mode(ExecutionMode::Suspendable);
        vm.load_program(Arc::clone(&self.program));
        vm.set_data(data).map_err(|e| failure(&e))?;
        vm.set_input(input);
        Ok(Machine {
            vm,
            compiled: self,
            guard: Guard::new(limits),
        })
    }
}

/// One evaluation.
pub(crate) struct Machine<'a> {
    vm: RegoVM,
    compiled: &'a Compiled,
    guard: Guard<'a>,
}

impl Machine<'_> {
    /// The value of a rule; `None` if it is undefined or the policy has no such rule.
    pub(crate) fn rule(&mut self, rule: &str, query: Query<'_>) -> Result<Option<Value>, PolicyError> {
        let path = path(rule);
        if self.compiled.program.get_entry_point(&path).is_none() {
            return Ok(None);
        }
        match contained(|| self.run(&path, query))? {
            Value::Undefined => Ok(None),
            value => Ok(Some(value)),
        }
    }

    fn run(&mut self, path: &str, query: Query<'_>) -> Result<Value, PolicyError> {
        let mut value = self
            .vm
            .execute_entry_point_by_name(path)
            .map_err(|e| failure(&e))?;
        while let ExecutionState::Suspended { reason, .. } = self.vm.execution_state() {
            let SuspendReason::HostAwait {
                argument, identifier, ..
            } = reason
            else {
                return Err(PolicyError::Evaluation("it stopped for no reason".to_owned()));
            };
            let answer = self.answer(&identifier.clone(), &argument.clone(), query)?;
            value = self.vm.resume(Some(answer)).map_err(|e| failure(&e))?;
        }
        Ok(value)
    }

    fn answer(&mut self, name: &Value, arguments: &Value, query: Query<'_>) -> Result<Value, PolicyError> {
        let (Value::String(name), Value::Array(arguments)) = (name, arguments) else {
            return Err(PolicyError::Evaluation(
                "it called its host in an unknown way".to_owned(),
            ));
        };
        match (name.as_ref(), arguments.as_slice()) {
            (QUERY, [id @ Value::String(_)]) => Ok(query(id).unwrap_or(Value::Null)),
            (QUERY, _) => Err(PolicyError::Evaluation(format!("`{QUERY}` takes one string"))),
            (name, arguments) => self.guard.call(name, arguments),
        }
    }
}

fn nesting(code: &[Token]) -> usize {
    let mut open: usize = 0;
    let mut most = 0;
    for token in code {
        match token {
            Token::Index | Token::Mark('(' | '[' | '{') => open += 1,
            Token::Mark(')' | ']' | '}') => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn path(rule: &str) -> String {
    format!("data.{PACKAGE}.{rule}")
}

/// Runs a compilation where there is much stack: the engine's parser and compiler call themselves for each
/// operator of a long expression. Only what is used of it becomes memory.
pub(crate) fn with_deep_stack<T: Send>(
    compile: impl FnOnce() -> Result<T, PolicyError> + Send,
) -> Result<T, PolicyError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("policy".to_owned())
            .stack_size(COMPILE_STACK);
        let thread = thread
            .spawn_scoped(scope, compile)
            .map_err(|e| PolicyError::Evaluation(e.to_string()))?;
        thread
            .join()
            .unwrap_or_else(|_| Err(PolicyError::Compile("it breaks the policy engine".to_owned())))
    })
}

/// The engine has no panic that we know of; should a policy find one, it is the policy's error.
fn contained<T>(run: impl FnOnce() -> Result<T, PolicyError>) -> Result<T, PolicyError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(PolicyError::Evaluation("it breaks the policy engine".to_owned())))
}

/// The engine's own texts may carry claims: of a failure at run time only its kind is kept.
fn failure(error: &VmError) -> PolicyError {
    match error {
        VmError::InstructionLimitExceeded { .. } => PolicyError::Limit(LimitKind::Instructions),
        VmError::TimeLimitExceeded { .. } => PolicyError::Limit(LimitKind::Time),
        VmError::MemoryLimitExceeded { .. }
        | VmError::MemoryBudgetExceeded { .. }
        | VmError::RegexSizeLimitExceeded { .. } => PolicyError::Limit(LimitKind::Memory),
        other => {
            let text = format!("{other:?}");
            let kind = text
                .split(|c: char| !c.is_ascii_alphanumeric())
                .next()
                .unwrap_or_default();
            PolicyError::Evaluation(kind.to_owned())
        }
    }
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
