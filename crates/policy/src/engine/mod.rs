//! The only place that knows the policy engine: reads Rego, checks it and evaluates it under limits.
//!
//! Policies run in the interpreter of `regorus`. Its virtual machine (`regorus::rvm`) is faster, but as of
//! 0.14.1 it goes on after `x := <undefined>` and takes some bodies of `every` for true that are not: it
//! would grant what a policy denies (the tests in `differential` hold the two against each other). We use it
//! for two things only: to analyse a policy when it is set, and to call single built-ins.

mod analysis;
pub(crate) mod auxiliary;
#[cfg(test)]
mod differential;
mod documents;
mod failure;
mod guarded;
mod host;
mod silent;
#[cfg(test)]
mod tests;
mod watch;

use std::num::NonZeroU32;
use std::sync::Arc;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, Value};

pub(crate) use self::guarded::within;
pub(crate) use self::host::Host;
use self::watch::Watch;
use crate::explain::nearest;
use crate::reads::growth;
use crate::tokens::{self, Token};
use crate::{LimitKind, Limits, PolicyError, RegoVersion};

/// How a policy asks for a reference value.
pub(crate) const QUERY: &str = "query_reference_value";
/// How a policy asks whether a claim is a reference value, or one of a list of them.
pub(crate) const MATCHES: &str = "matches_reference_value";
/// Longest policy text, in bytes.
const MAX_BYTES: usize = 256 << 10;
/// Most brackets open at once.
const MAX_NESTING: usize = 64;
/// Most that may have to be read, counted as [`tokens::reading_effort`] does: well below a second. The policies that are
/// shipped take 4000.
const MAX_EFFORT: u64 = 1 << 19;
/// Stack for a compilation: the parser calls itself for each operator of a long expression. Only what is
/// used of it becomes memory.
const COMPILE_STACK: usize = 256 << 20;
/// Steps between two looks at the clock. Few, for one may take long: each square of a number has twice its
/// digits.
const CLOCK_INTERVAL: NonZeroU32 = match NonZeroU32::new(8) {
    Some(interval) => interval,
    None => NonZeroU32::MIN,
};

const PACKAGE: &str = "policy";
const FILE: &str = "policy.rego";

/// A parsed policy: its syntax is right, its rules are known.
pub(crate) struct Parsed {
    engine: Engine,
    rego: String,
    code: Vec<Token>,
    version: RegoVersion,
}

/// A compiled policy. Rules are named without their package, as in `allow`.
#[derive(Debug)]
pub(crate) struct Compiled {
    code: Arc<Code>,
    /// For one that could build values which take very long to compare.
    watch: Option<Watch>,
}

/// What is run of it.
#[derive(Debug)]
struct Code {
    engine: Engine,
    /// Name and full path of each rule that can be evaluated.
    rules: Vec<(&'static str, String)>,
    /// The members of `data` that it reads.
    documents: Vec<&'static str>,
}

/// The values of rules, but for undefined ones.
pub(crate) type Values = Vec<(&'static str, Value)>;

/// What to compile a policy for.
pub(crate) struct Target<'a> {
    /// The rules that are read; the policy must have the first.
    pub(crate) rules: &'a [&'static str],
    /// The members of `data`, given anew to each evaluation.
    pub(crate) documents: &'a [&'static str],
    /// Whether the policy may ask for reference values.
    pub(crate) queries: bool,
}

impl Parsed {
    /// Reads the text as Rego v1 and, if it is none, as v0.
    pub(crate) fn parse(rego: &str) -> Result<Self, PolicyError> {
        if rego.len() > MAX_BYTES {
            return Err(PolicyError::Compile(format!(
                "it is longer than {MAX_BYTES} bytes: keep long lists of values out of it"
            )));
        }
        let code = tokens::tokens(rego);
        if tokens::nesting(&code) > MAX_NESTING {
            return Err(PolicyError::Compile(format!(
                "its brackets nest deeper than {MAX_NESTING}"
            )));
        }
        if tokens::reading_effort(&code) > MAX_EFFORT {
            return Err(PolicyError::Compile(
                "it has too many `[` and `{` inside each other: a few levels are enough, and it takes twice as long to \
                 read for each more; give the inner ones names of their own, as in `inner := [1, 2]`"
                    .to_owned(),
            ));
        }
        let has = |name| code.iter().any(|token| token.is_name(name));
        let (engine, version) = match engine_with(rego, RegoVersion::V1) {
            Ok(engine) => (engine, RegoVersion::V1),
            // `if` is a keyword that v0 has to import: without that the text is meant as v1.
            Err(v1) if has("if") && !has("future") => return Err(PolicyError::Compile(v1)),
            Err(v1) => match engine_with(rego, RegoVersion::V0) {
                Ok(engine) => (engine, RegoVersion::V0),
                Err(v0) => {
                    return Err(PolicyError::Compile(format!(
                        "as Rego v1: {v1}; as Rego v0: {v0}"
                    )));
                }
            },
        };
        match engine.get_policy_package_components().as_deref() {
            Ok([only]) if only.components == [PACKAGE] => Ok(Self {
                engine,
                rego: rego.to_owned(),
                code,
                version,
            }),
            _ => Err(PolicyError::Compile(format!("its package must be `{PACKAGE}`"))),
        }
    }

    /// The tokens of the text.
    pub(crate) fn code(&self) -> &[Token] {
        &self.code
    }

    /// The version of Rego it was read as.
    pub(crate) fn version(&self) -> RegoVersion {
        self.version
    }

    /// Whether the policy has a rule of this name.
    pub(crate) fn declares(&self, rule: &str) -> bool {
        self.engine
            .has_declared_rule_rooted_at(FILE, rule)
            .unwrap_or(false)
    }

    /// Checks the policy and makes it ready for evaluations.
    pub(crate) fn compile(mut self, target: &Target<'_>) -> Result<Compiled, PolicyError> {
        let compile_error = |e| PolicyError::Compile(one_line(&e));
        if let Some(name) = [QUERY, MATCHES].into_iter().find(|name| self.declares(name)) {
            return Err(PolicyError::Compile(format!(
                "it must not define `{name}` itself"
            )));
        }
        let rules: Vec<&'static str> = target
            .rules
            .iter()
            .copied()
            .filter(|rule| self.declares(rule))
            .collect();
        let wanted = target.rules.first();
        let Some(first) = rules.first().filter(|first| Some(*first) == wanted) else {
            let wanted = wanted.copied().unwrap_or_default();
            return Err(PolicyError::Compile(self.missing(wanted)));
        };
        let mut analysed = self.engine.clone();
        let analysed = analysed.compile_with_entrypoint(&path(first).into());
        let analysed = analysed.map_err(|error| match error.to_string().contains(NO_RULE) {
            true => in_parts(first),
            false => compile_error(error),
        })?;
        analysis::check(&analysed, target.queries)?;

        let documents = documents::used(&self.code, target.documents);
        if !documents.is_empty() {
            self.engine = engine_with(&documents::as_input(&self.rego, &documents), self.version)
                .map_err(PolicyError::Compile)?;
        }
        self.add_extensions(target.queries);
        let rules: Vec<_> = rules.into_iter().map(|rule| (rule, path(rule))).collect();
        let entry = rules.first().map(|(_, path)| path.as_str()).unwrap_or_default();
        self.engine
            .compile_with_entrypoint(&entry.into())
            .map_err(compile_error)?;
        Ok(Compiled {
            watch: growth::may_grow(&self.rego).then(Watch::default),
            code: Arc::new(Code {
                engine: self.engine,
                rules,
                documents,
            }),
        })
    }

    /// That there is no rule `wanted`, and which one may have been meant for it.
    fn missing(&self, wanted: &str) -> String {
        // The older name is looked for last, so it is the one that is missed.
        let (wanted, older) = match wanted {
            "allowed" => ("allow", " (or the older `allowed`)"),
            other => (other, ""),
        };
        let rules = self.code.iter().filter_map(|token| match token {
            Token::Name(name) if self.declares(name) => Some(name.as_str()),
            _ => None,
        });
        let meant = nearest::of(wanted, rules);
        let meant = meant.map(|name| format!("; was `{name}` meant for it?"));
        format!("it has no rule `{wanted}`{older}{}", meant.unwrap_or_default())
    }

    /// Gives the engine the functions that are ours. It prefers the policy's own functions to these, and
    /// these to its built-ins.
    fn add_extensions(&mut self, queries: bool) {
        let named = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or_default();
            self.code.iter().any(|token| token.is_name(last))
        };
        let guarded = guarded::BUILTINS
            .iter()
            .filter(|b| named(b.name))
            .collect::<Vec<_>>();
        for builtin in guarded {
            let call = |arguments: Vec<Value>| Ok(host::call(builtin, &arguments)?);
            // It can only fail for a name that it has already.
            let _ = self
                .engine
                .add_extension(builtin.name.to_owned(), builtin.arguments, Box::new(call));
        }
        if queries {
            let query = |arguments: Vec<Value>| Ok(host::query(&arguments)?);
            let _ = self.engine.add_extension(QUERY.to_owned(), 1, Box::new(query));
            let matches = |arguments: Vec<Value>| Ok(host::matches(&arguments)?);
            let _ = self
                .engine
                .add_extension(MATCHES.to_owned(), 2, Box::new(matches));
        }
    }
}

impl Compiled {
    /// The members of `data` that it reads.
    pub(crate) fn documents(&self) -> &[&'static str] {
        &self.code.documents
    }

    /// Whether an evaluation could have a step without an end: then it is done on another thread, and given up.
    pub(crate) fn may_hang(&self) -> bool {
        self.watch.is_some()
    }

    /// Evaluates the rules it was compiled for. The host comes back with what the policy asked for.
    ///
    /// Time is that of the wall, so a thread that was stopped on a busy machine looks like a policy without end.
    /// Whoever runs out of time is given a second chance, and only that.
    pub(crate) fn evaluate(
        &self,
        input: &Value,
        data: &[(&'static str, Value)],
        host: Host,
        limits: &Limits,
    ) -> Result<(Values, Host), PolicyError> {
        let input = documents::with_input(input, data, &self.code.documents);
        let Some(watch) = &self.watch else {
            return self.code.evaluate(input, host, limits);
        };
        let (code, limits) = (Arc::clone(&self.code), *limits);
        watch.run(move || {
            let (values, host) = code.evaluate(input, host, &limits)?;
            // Whoever gets them has less stack.
            match values.iter().all(|(_, value)| guarded::is_small(value)) {
                true => Ok((values, host)),
                false => Err(PolicyError::Result("it is too big, or nests too deep".to_owned())),
            }
        })
    }
}

impl Code {
    fn evaluate(&self, input: Value, host: Host, limits: &Limits) -> Result<(Values, Host), PolicyError> {
        match self.evaluate_once(input.clone(), host.afresh(), limits) {
            Err(PolicyError::Limit(LimitKind::Time)) => self.evaluate_once(input, host, limits),
            result => result,
        }
    }

    fn evaluate_once(
        &self,
        input: Value,
        host: Host,
        limits: &Limits,
    ) -> Result<(Values, Host), PolicyError> {
        let mut engine = self.engine.clone();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: limits.time,
            check_interval: CLOCK_INTERVAL,
        });
        engine.set_input(input);
        let (result, mut host) = host::with(host, || {
            let values = self.rules.iter().map(|(rule, path)| {
                let value = contained(|| engine.eval_rule(path.clone()).map_err(|e| failure(&e)))?;
                Ok((*rule, value))
            });
            values
                .filter(|value| !matches!(value, Ok((_, Value::Undefined))))
                .collect()
        });
        // What made our own functions fail is better known to the host.
        host.take_failure()
            .map_or(result, Err)
            .map(|values| (values, host))
    }
}

/// Runs a compilation where there is much stack.
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

fn engine_with(rego: &str, version: RegoVersion) -> Result<Engine, String> {
    let mut engine = Engine::new();
    engine.set_rego_v0(version == RegoVersion::V0);
    engine.set_gather_prints(true);
    engine
        .add_policy(FILE.to_owned(), silent::without_prints(rego).into_owned())
        .map_err(|e| one_line(&e))?;
    Ok(engine)
}

/// What the engine says of a rule that it cannot be asked for.
const NO_RULE: &str = "not a valid rule path";

fn in_parts(rule: &str) -> PolicyError {
    PolicyError::Compile(format!(
        "it gives `{rule}` member by member, as in `{rule}.a := 1`, and that cannot be read as a whole: give it in one \
         rule, as in `{rule} := {{\"a\": a}}`, and its members in rules of their own"
    ))
}

fn path(rule: &str) -> String {
    format!("data.{PACKAGE}.{rule}")
}

/// The engine has no panic that we know of; should a policy find one, it is the policy's error.
fn contained<T>(run: impl FnOnce() -> Result<T, PolicyError>) -> Result<T, PolicyError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(PolicyError::Evaluation("it breaks the policy engine".to_owned())))
}

/// What went wrong at run time: where, in the policy's words, and of what kind.
fn failure(error: &(impl std::fmt::Display + AsRef<dyn std::error::Error + Send + Sync>)) -> PolicyError {
    if let Some(limit) = error.as_ref().downcast_ref::<LimitError>() {
        return PolicyError::Limit(match limit {
            LimitError::TimeLimitExceeded { .. } => LimitKind::Time,
            LimitError::MemoryLimitExceeded { .. } | LimitError::RegexSizeLimitExceeded { .. } => {
                LimitKind::Memory
            }
        });
    }
    let text = error.to_string();
    if failure::is_late(&text) {
        return PolicyError::Limit(LimitKind::Time);
    }
    PolicyError::Evaluation(failure::told(&text))
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
