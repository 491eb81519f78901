//! `audit`: proves that an audit log is whole. No KBS is asked.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use audit::{CLOSED, Fault, FaultKind, Link, Summary, Verifier};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::output::Printer;

/// `audit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What can be done with an audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Go through a log and say whether it is whole: each record as it was written, in its place, none missing.
    Verify {
        /// The log; of one that was put aside in parts, all parts, the oldest first.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// The files hold what a service has written to the standard output in several runs, the first one first: each
        /// begins a chain of its own, and is verified for itself.
        #[arg(long, conflicts_with_all = ["after", "expect_last"])]
        runs: bool,
        /// The files begin after this place, which an earlier verification printed. Without it they begin with record 1.
        #[arg(long, value_name = "NUMBER:HASH", default_value_t = Link::START, hide_default_value = true)]
        after: Link,
        /// A place that was noted elsewhere, such as what an earlier verification printed: it must be in the log. This is
        /// what shows that records were cut off at the end, or all were written anew.
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<Link>,
        /// As --expect, and the log must end there.
        #[arg(long, value_name = "NUMBER:HASH", conflicts_with = "expect")]
        expect_last: Option<Link>,
        /// The log, or each run, must end with the record that a service writes when it stops. Without this option it is a
        /// warning if it does not: the service may run still.
        #[arg(long)]
        require_closed: bool,
    },
}

pub(super) fn audit(arguments: AuditArgs, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let AuditCommand::Verify {
        files,
        runs,
        after,
        expect,
        expect_last,
        require_closed,
    } = arguments.command;
    let mut verifier = match runs {
        true => Verifier::of_several(),
        false => Verifier::after(after),
    };
    verifier.watch_for(expect);
    let mut places = Places::default();
    for path in &files {
        places.enter(path, verifier.lines());
        let unreadable = |cause| CliError::File {
            path: path.display().to_string(),
            cause,
        };
        let file = File::open(path).map_err(unreadable)?;
        let read = verifier.read(BufReader::new(file)).map_err(unreadable)?;
        read.map_err(|fault| places.not_whole(fault))?;
    }
    let seen = verifier.has_seen_it();
    let not_whole = |fault: Fault| places.not_whole(fault);
    if verifier.lines() == 0 && (runs || (after == Link::START && expect_last != Some(Link::START))) {
        return Err(CliError::NotWhole(
            "there is nothing in it: a service writes its first record when it starts, so either no service ever wrote \
             here, or all of it was taken away"
                .to_owned(),
        ));
    }
    if runs {
        let runs = verifier.finish_several().map_err(not_whole)?;
        if let Some(expected) = expect.filter(|_| !seen) {
            return Err(CliError::NotWhole(format!(
                "none of the runs has the place {expected}"
            )));
        }
        let open = runs.iter().zip(1..).filter(|(run, _)| is_open(run));
        let open: Vec<String> = open.map(|(_, number)| format!("run {number}")).collect();
        let warning = (!open.is_empty()).then(|| not_closed(&open.join(", ")));
        strict(require_closed, warning.as_deref())?;
        return print_runs(&runs, warning.as_deref(), printer);
    }
    let summary = verifier.finish().map_err(not_whole)?;
    if let Some(expected) = expect.filter(|_| !seen) {
        return Err(missing(&expected, &summary));
    }
    if let Some(expected) = expect_last.filter(|expected| *expected != summary.last) {
        return Err(missing(&expected, &summary));
    }
    // Where it ends, somebody has noted.
    let is_open = is_open(&summary) && (expect_last.is_none() || require_closed);
    let warning = is_open.then(|| not_closed("the log"));
    strict(require_closed, warning.as_deref())?;
    print(&summary, warning.as_deref(), printer)
}

/// Whether it ends as nothing ends that was stopped in order.
fn is_open(summary: &Summary) -> bool {
    summary.records > 0 && !summary.closed
}

fn not_closed(what: &str) -> String {
    format!(
        "{what}: the last record is not `{CLOSED}`. The service runs still, or it stopped without warning, or records were cut \
         off at the end. Nothing in the log says which: `--expect` with a place that was noted elsewhere does"
    )
}

fn strict(required: bool, warning: Option<&str>) -> Result<(), CliError> {
    match warning {
        Some(warning) if required => Err(CliError::NotWhole(warning.to_owned())),
        _ => Ok(()),
    }
}

/// Which lines are of which file.
#[derive(Default)]
struct Places<'a>(Vec<(&'a Path, u64)>);

impl<'a> Places<'a> {
    /// What comes after so many lines is of this file.
    fn enter(&mut self, path: &'a Path, lines: u64) {
        self.0.push((path, lines));
    }

    /// The fault with the file that it is in, and the line there. It may come to light in a later one.
    fn not_whole(&self, mut fault: Fault) -> CliError {
        let file = self.0.iter().rev().find(|(_, before)| *before < fault.line);
        CliError::NotWhole(match file {
            Some((path, before)) => {
                fault.line -= before;
                format!("{}: {}", path.display(), told(&fault))
            }
            None => told(&fault),
        })
    }
}

/// What is wrong, and what can be done if that is no harm.
fn told(fault: &Fault) -> String {
    match fault.kind {
        FaultKind::NewChain => format!("{fault}: verify each run for itself with `--runs`"),
        _ => fault.to_string(),
    }
}

fn missing(expected: &Link, summary: &Summary) -> CliError {
    let what = if expected.seq > summary.last.seq {
        "records were cut off at its end"
    } else if expected.seq < summary.last.seq {
        "it goes on behind the place that was expected, or has another record there"
    } else {
        "it was written anew: another record is in that place"
    };
    CliError::NotWhole(format!(
        "{what}. Expected {expected}, the log ends at {}",
        summary.last
    ))
}

fn extent(summary: &Summary) -> String {
    let mut text = format!("{} records", summary.records);
    if let (Some(first), Some(last)) = (&summary.first_time, &summary.last_time) {
        text.push_str(&format!(", from {first} to {last}"));
    }
    text
}

fn print_runs(runs: &[Summary], warning: Option<&str>, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let lines = runs.iter().enumerate().map(|(number, run)| {
        let number = number + 1;
        format!("run {number}: {}, last: {}", extent(run), run.last)
    });
    let mut text = format!(
        "whole: each of {} runs\n{}\nThat a run is missing, or the end of one, cannot be seen here.",
        runs.len(),
        lines.collect::<Vec<_>>().join("\n")
    );
    warn(&mut text, warning);
    let value: Vec<_> = runs.iter().map(value).collect();
    printer.result(&text, &json!({"whole": true, "warning": warning, "runs": value}))
}

fn warn(text: &mut String, warning: Option<&str>) {
    if let Some(warning) = warning {
        text.push_str(&format!("\nWARNING: {warning}."));
    }
}

fn value(summary: &Summary) -> Value {
    json!({
        "whole": true,
        "records": summary.records,
        "recoveries": summary.recoveries,
        "first_time": summary.first_time,
        "last_time": summary.last_time,
        "last": summary.last.to_string(),
        // Of no record nothing can be said.
        "closed": (summary.records > 0).then_some(summary.closed),
    })
}

fn print(summary: &Summary, warning: Option<&str>, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let mut text = format!("whole: {}", extent(summary));
    if summary.recoveries > 0 {
        let times = summary.recoveries;
        text.push_str(&format!(
            "\ninterrupted {times} times by a crash: the record `log-recovered` behind it names what was unfinished"
        ));
    }
    warn(&mut text, warning);
    text.push_str(&format!(
        "\nlast: {}\nNote this place elsewhere: `--expect` proves later that the log still holds all up to it.",
        summary.last
    ));
    let mut value = value(summary);
    if let Some(members) = value.as_object_mut() {
        members.insert("warning".to_owned(), warning.into());
    }
    printer.result(&text, &value)
}

const EXAMPLES: &str = "\
Examples:
  Is the log whole?
    kbs-client audit verify /var/log/kbs/audit.log

  Is it still the log that was looked at last month, with all that was in it then?
    kbs-client audit verify --expect 1180:9f86d081… /var/log/kbs/audit.log.* /var/log/kbs/audit.log

  Was the service stopped in order, and nothing cut off behind?
    kbs-client audit verify --require-closed /var/log/kbs/audit.log

  Are the lines whole that were collected from the standard output in several runs?
    grep -h '^{\"audit\":1,' collected.log > audit.log && kbs-client audit verify --runs audit.log

Exit codes:
  0 whole   1 not readable   2 wrong arguments   8 not whole";

#[cfg(test)]
mod tests;
