//! Built-ins that make much out of little.
//!
//! The engine looks at the clock between two steps, but one call of `numbers.range` may ask for all memory
//! at once, and a few of `concat` double a text until there is none left. Such built-ins come to us instead:
//! we work out how big the result can get, take that off what the evaluation may use, and only then let the
//! engine compute it.

use std::sync::{Arc, OnceLock};

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

use super::PACKAGE;
use crate::{LimitKind, PolicyError};

/// A guarded built-in.
pub(super) struct Builtin {
    pub(super) name: &'static str,
    pub(super) arguments: u8,
    /// The most bytes its result can take; `None`: more than any limit. Arguments of a wrong type cost
    /// nothing, the built-in is then undefined.
    cost: fn(&[Value]) -> Option<usize>,
}

/// All of them.
pub(super) static BUILTINS: [Builtin; 14] = [
    builtin("array.concat", 2, elements),
    builtin("base64.encode", 1, encoded),
    builtin("base64url.encode", 1, encoded),
    builtin("base64url.encode_no_pad", 1, encoded),
    builtin("bits.lsh", 2, shifted),
    builtin("concat", 2, concatenated),
    builtin("hex.encode", 1, encoded),
    builtin("json.marshal", 1, tree),
    builtin("numbers.range", 2, range),
    builtin("numbers.range_step", 3, range),
    builtin("regex.replace", 3, regex_replaced),
    builtin("replace", 3, replaced),
    builtin("sprintf", 2, formatted),
    builtin("strings.replace_n", 2, replaced_n),
];

const fn builtin(name: &'static str, arguments: u8, cost: fn(&[Value]) -> Option<usize>) -> Builtin {
    Builtin {
        name,
        arguments,
        cost,
    }
}

/// Bytes of one value, without what it points to.
const VALUE: usize = 32;
/// No evaluation may use more than this, whatever its limits say.
pub(super) const CEILING: usize = 64 << 20;

impl Builtin {
    /// Calls the built-in and takes what it may need off `left`; refuses if that is not enough.
    pub(super) fn call(&self, arguments: &[Value], left: &mut usize) -> Result<Value, PolicyError> {
        let rest = (self.cost)(arguments).and_then(|cost| left.checked_sub(cost));
        *left = rest.ok_or(PolicyError::Limit(LimitKind::Memory))?;
        let failed = || PolicyError::Evaluation(format!("`{}` failed", self.name));
        let mut vm = RegoVM::new();
        vm.set_strict_builtin_errors(true);
        vm.load_program(Arc::clone(program()?));
        vm.set_input(Value::from(arguments.to_vec()));
        vm.execute_entry_point_by_name(&super::path(&rule(self.name)))
            .map_err(|_| failed())
    }
}

/// Whether a value has at most `most` nodes (values and members, shared ones counted each time).
pub(crate) fn within(value: &Value, most: usize) -> bool {
    let mut left = most;
    measure(value, &mut |_| {
        left = left.checked_sub(1)?;
        Some(())
    })
    .is_some()
}

/// Most nodes, and most values in each other, of what a policy gives.
const MAX_RESULT: (usize, usize) = (1_000_000, 256);

/// Whether a value can be looked through by whoever has little time and a usual stack.
pub(super) fn is_small(value: &Value) -> bool {
    fn is_flat(value: &Value, depth: usize) -> bool {
        let below = depth.checked_sub(1);
        let flat = |value: &Value| below.is_some_and(|below| is_flat(value, below));
        match value {
            Value::Array(array) => array.iter().all(flat),
            Value::Set(set) => set.iter().all(flat),
            Value::Object(object) => object.iter().all(|(k, v)| flat(k) && flat(v)),
            _ => true,
        }
    }
    let (nodes, depth) = MAX_RESULT;
    within(value, nodes) && is_flat(value, depth)
}

/// Calls `node` for a value and all below it, until it says `None`.
fn measure(value: &Value, node: &mut dyn FnMut(&Value) -> Option<()>) -> Option<()> {
    node(value)?;
    match value {
        Value::Array(array) => array.iter().try_for_each(|v| measure(v, node)),
        Value::Set(set) => set.iter().try_for_each(|v| measure(v, node)),
        Value::Object(object) => object.iter().try_for_each(|(k, v)| {
            measure(k, node)?;
            measure(v, node)
        }),
        _ => Some(()),
    }
}

/// Bytes of the value as JSON text, at most: every character may have to be escaped.
fn text(value: &Value) -> Option<usize> {
    let mut bytes: usize = 0;
    measure(value, &mut |value| {
        bytes = bytes.checked_add(match value {
            Value::String(text) => text.len().checked_mul(6)?.checked_add(3)?,
            Value::Number(_) => digits(value)?.checked_add(2)?,
            _ => 12,
        })?;
        (bytes <= CEILING).then_some(())
    })?;
    Some(bytes)
}

/// Longest decimal text of a number: a bit is less than a digit.
fn digits(number: &Value) -> Option<usize> {
    match number {
        Value::Number(n) if n.as_i64().is_none() && n.is_integer() => {
            usize::try_from(n.as_big()?.bits()).ok()
        }
        _ => Some(330),
    }
}

fn tree(arguments: &[Value]) -> Option<usize> {
    text(arguments.first()?)
}

fn encoded(arguments: &[Value]) -> Option<usize> {
    length(arguments.first()?).checked_mul(2)
}

fn elements(arguments: &[Value]) -> Option<usize> {
    arguments.iter().try_fold(0_usize, |sum, array| match array {
        Value::Array(array) => sum.checked_add(array.len().checked_mul(VALUE)?),
        _ => Some(sum),
    })
}

fn shifted(arguments: &[Value]) -> Option<usize> {
    let [number, by] = arguments else { return None };
    let by = match by {
        Value::Number(by) => usize::try_from(by.as_u64().unwrap_or(0)).ok()?,
        _ => 0,
    };
    digits(number)?.checked_add(by / 8)
}

fn concatenated(arguments: &[Value]) -> Option<usize> {
    let [delimiter, parts] = arguments else {
        return None;
    };
    let delimiter = length(delimiter);
    let add = |sum: usize, part: &Value| sum.checked_add(length(part))?.checked_add(delimiter);
    match parts {
        Value::Array(parts) => parts.iter().try_fold(0, add),
        Value::Set(parts) => parts.iter().try_fold(0, add),
        _ => Some(0),
    }
}

/// From, to and, for `numbers.range_step`, a step, which must be at least 1.
fn range(arguments: &[Value]) -> Option<usize> {
    let integer = |value: &Value| matches!(value, Value::Number(n) if n.is_integer());
    if !arguments.iter().all(integer) {
        return Some(0);
    }
    let number = |at: usize| arguments.get(at)?.as_i64().ok();
    let step = match arguments.len() {
        3 => u64::try_from(number(2)?).ok()?,
        _ => 1,
    };
    let steps = usize::try_from(number(0)?.abs_diff(number(1)?).checked_div(step)?).ok()?;
    steps.checked_add(1)?.checked_mul(VALUE)
}

fn replaced(arguments: &[Value]) -> Option<usize> {
    let [Value::String(text), Value::String(old), Value::String(new)] = arguments else {
        return Some(0);
    };
    grown(text.len(), text.matches(&**old).count(), new.len())
}

fn grown(length: usize, times: usize, by: usize) -> Option<usize> {
    length.checked_add(times.checked_mul(by)?)
}

/// The pairs are replaced one after the other: each may find its text between any two characters.
fn replaced_n(arguments: &[Value]) -> Option<usize> {
    let [Value::Object(pairs), Value::String(text)] = arguments else {
        return Some(0);
    };
    let mut longest = text.len();
    let mut all = 0_usize;
    for (old, new) in pairs.iter() {
        let times = longest
            .checked_div(length(old))
            .unwrap_or(longest.checked_add(1)?);
        longest = grown(longest, times, length(new))?;
        all = all.checked_add(longest)?;
    }
    Some(all)
}

/// Each match may be replaced by the whole value, in which each `$` may stand for what was matched.
fn regex_replaced(arguments: &[Value]) -> Option<usize> {
    let [Value::String(text), _, Value::String(value)] = arguments else {
        return Some(0);
    };
    let captures = text.len().checked_mul(value.matches('$').count())?;
    grown(text.len(), text.len().checked_add(1)?, value.len())?.checked_add(captures)
}

/// Every argument once, and every width written in the format, which must be a small number.
fn formatted(arguments: &[Value]) -> Option<usize> {
    let [Value::String(format), values] = arguments else {
        return Some(0);
    };
    let widths = format
        .split('%')
        .map(|verb| {
            verb.trim_start_matches('.')
                .chars()
                .take_while(|c| c.is_numeric())
                .collect::<String>()
        })
        .filter(|width| !width.is_empty())
        .try_fold(0_usize, |sum, width| {
            sum.checked_add(width.parse::<u16>().ok()?.into())
        })?;
    text(values)?.checked_add(format.len())?.checked_add(widths)
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        _ => 0,
    }
}

/// The rule that calls a built-in. Its name must not be that of the built-in, which it would hide.
fn rule(builtin: &str) -> String {
    format!("call_{}", builtin.replace('.', "_"))
}

/// A policy with one rule a guarded built-in, which calls it with the members of `input`.
fn program() -> Result<&'static Arc<Program>, PolicyError> {
    static PROGRAM: OnceLock<Result<Arc<Program>, String>> = OnceLock::new();
    let program = PROGRAM.get_or_init(compile_program);
    program
        .as_ref()
        .map_err(|e| PolicyError::Evaluation(format!("the guarded built-ins do not compile: {e}")))
}

fn compile_program() -> Result<Arc<Program>, String> {
    let mut rego = format!("package {PACKAGE}\n");
    let mut entries = Vec::new();
    for builtin in &BUILTINS {
        let name = rule(builtin.name);
        let arguments: Vec<String> = (0..builtin.arguments).map(|i| format!("input[{i}]")).collect();
        rego += &format!("{name} := {}({})\n", builtin.name, arguments.join(", "));
        entries.push(super::path(&name));
    }
    let mut engine = Engine::new();
    engine
        .add_policy("builtins.rego".to_owned(), rego)
        .map_err(|e| e.to_string())?;
    let first = entries.first().map(String::as_str).unwrap_or_default();
    let policy = engine
        .compile_with_entrypoint(&first.into())
        .map_err(|e| e.to_string())?;
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    Compiler::compile_from_policy(&policy, &entries).map_err(|e| e.to_string())
}
