//! `init-data`.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::args::{InitDataArgs, InitDataCommand};
use super::output::Printer;
use super::{CliError, read_text};
use crate::binding::InitData;
use crate::error::ClientError;
use crate::init_data::{REGISTERS, Register};

pub(super) fn init_data(arguments: InitDataArgs, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let InitDataCommand::Digest { file, tee } = arguments.command;
    let document: InitData = read_text(&file)?.parse().map_err(ClientError::InitData)?;
    match tee {
        Some(tee) => one(&document, &tee, printer),
        None => all(&document, printer),
    }
}

/// The value alone, for scripts.
fn one(document: &InitData, tee: &str, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let register = Register::of(tee).ok_or_else(|| {
        let known: Vec<&str> = REGISTERS.iter().map(|register| register.tee).collect();
        CliError::Usage(format!(
            "TEE {tee:?} binds no init-data; these do: {}",
            known.join(", ")
        ))
    })?;
    let value = register.value(document.digest());
    let value = value.map_err(|error| CliError::Usage(format!("{tee}, {}: {error}", register.name)))?;
    printer.result(
        &hex::encode(value),
        &described(document, vec![row(register, document)]),
    )
}

fn all(document: &InitData, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let digest = document.digest();
    let mut text = format!("{}  {}\n", document.algorithm().name(), hex::encode(digest));
    for register in REGISTERS {
        let (value, note) = match register.value(digest) {
            Ok(value) => (hex::encode(value), register.rule(digest.len())),
            Err(error) => ("-".to_owned(), error.to_string()),
        };
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "\n{:<12} {:<22} {note}\n  {value}",
            register.tee, register.name
        );
    }
    let rows = REGISTERS.map(|register| row(register, document)).to_vec();
    printer.result(&text, &described(document, rows))
}

fn described(document: &InitData, registers: Vec<Value>) -> Value {
    json!({
        "algorithm": document.algorithm().name(),
        "digest": hex::encode(document.digest()),
        "registers": registers,
    })
}

fn row(register: Register, document: &InitData) -> Value {
    let digest = document.digest();
    let mut row = json!({"tee": register.tee, "register": register.name});
    match register.value(digest) {
        Ok(value) => {
            row["rule"] = json!(register.rule(digest.len()));
            row["hex"] = json!(hex::encode(&value));
            // As QEMU takes it.
            row["base64"] = json!(STANDARD.encode(value));
        }
        Err(error) => row["error"] = json!(error.to_string()),
    }
    row
}
