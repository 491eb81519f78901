//! A policy with rules of ours beside its own, to look into what it did. Never used to decide anything.

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::{
    CLOCK_INTERVAL, Host, Parsed, Target, contained, documents, engine_with, failure, host, one_line, path,
};
use crate::tokens;
use crate::{Limits, PolicyError, ReferenceValueSnapshot, RegoVersion};

/// What the names of our rules, and our member of `input`, begin with.
pub(crate) const PREFIX: &str = "trustee_explain_";
/// The member of `input` with the arguments of the function that is looked into.
pub(crate) const ARGUMENTS: &str = "trustee_explain_arguments";

/// A policy and our rules, compiled together.
pub(crate) struct Auxiliary {
    engine: Engine,
    documents: Vec<&'static str>,
}

/// One evaluation that is looked into.
pub(crate) struct Session<'a> {
    engine: Engine,
    input: Value,
    reference: &'a ReferenceValueSnapshot,
    limits: Limits,
}

/// The syntax tree of a policy as the engine writes it down, in JSON.
pub(crate) fn syntax(rego: &str, version: RegoVersion) -> Result<String, PolicyError> {
    let engine = engine_with(rego, version).map_err(PolicyError::Compile)?;
    engine
        .get_ast_as_json()
        .map_err(|e| PolicyError::Compile(one_line(&e)))
}

impl Auxiliary {
    /// Compiles `rules` with the policy that they are about, which has been compiled for `target` before.
    pub(crate) fn compile(
        rego: &str,
        rules: &str,
        version: RegoVersion,
        target: &Target<'_>,
    ) -> Result<Self, PolicyError> {
        let text = format!("{rego}\n{rules}");
        let code = tokens::tokens(&text);
        let documents = documents::used(&code, target.documents);
        let engine = engine_with(&documents::as_input(&text, &documents), version);
        let mut parsed = Parsed {
            engine: engine.map_err(PolicyError::Compile)?,
            rego: String::new(),
            code,
            version,
        };
        parsed.add_extensions(target.queries);
        let entry = target
            .rules
            .iter()
            .copied()
            .find(|rule| parsed.declares(rule))
            .unwrap_or_default();
        parsed
            .engine
            .compile_with_entrypoint(&path(entry).into())
            .map_err(|e| PolicyError::Compile(one_line(&e)))?;
        Ok(Self {
            engine: parsed.engine,
            documents,
        })
    }

    /// Begins to look into the evaluation of these documents. `limits` count for each rule that is read.
    pub(crate) fn session<'a>(
        &self,
        input: &Value,
        data: &[(&'static str, Value)],
        reference: &'a ReferenceValueSnapshot,
        limits: &Limits,
    ) -> Session<'a> {
        let mut engine = self.engine.clone();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: limits.time,
            check_interval: CLOCK_INTERVAL,
        });
        Session {
            engine,
            input: documents::with_input(input, data, &self.documents),
            reference,
            limits: *limits,
        }
    }
}

impl Session<'_> {
    /// The value of a rule of ours, `None` if it is undefined. `arguments` are those of the function it looks into.
    pub(crate) fn value(
        &mut self,
        rule: &str,
        arguments: Option<&Value>,
    ) -> Result<Option<Value>, PolicyError> {
        let mut input = self.input.clone();
        if let (Some(arguments), Ok(members)) = (arguments, input.as_object_mut()) {
            members.insert(Value::from(ARGUMENTS), arguments.clone());
        }
        let engine = &mut self.engine;
        engine.set_input(input);
        let host = Host::new(&self.limits).with_reference(self.reference.clone());
        let (value, mut host) = host::with(host, || {
            contained(|| engine.eval_rule(path(rule)).map_err(|e| failure(&e)))
        });
        let value = host.take_failure().map_or(value, Err)?;
        Ok(Some(value).filter(|value| !matches!(value, Value::Undefined)))
    }
}
