//! `audit`: proves that an audit log is whole. No KBS is asked.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use audit::{Link, Summary, Verifier};
use clap::{Args, Subcommand};
use serde_json::json;

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
    },
}

pub(super) fn audit(arguments: AuditArgs, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let AuditCommand::Verify {
        files,
        after,
        expect,
        expect_last,
    } = arguments.command;
    let mut verifier = Verifier::after(after);
    verifier.watch_for(expect);
    for path in &files {
        let unreadable = |cause| CliError::File {
            path: path.display().to_string(),
            cause,
        };
        let file = File::open(path).map_err(unreadable)?;
        let read = verifier.read(BufReader::new(file)).map_err(unreadable)?;
        read.map_err(|fault| CliError::NotWhole(format!("{}: {fault}", path.display())))?;
    }
    let seen = verifier.has_seen_it();
    let summary = verifier
        .finish()
        .map_err(|fault| CliError::NotWhole(fault.to_string()))?;
    if let Some(expected) = expect.filter(|_| !seen) {
        return Err(missing(&expected, &summary));
    }
    if let Some(expected) = expect_last.filter(|expected| *expected != summary.last) {
        return Err(missing(&expected, &summary));
    }
    print(&summary, printer)
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

fn print(summary: &Summary, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let mut text = format!("whole: {} records", summary.records);
    if let (Some(first), Some(last)) = (&summary.first_time, &summary.last_time) {
        text.push_str(&format!(", from {first} to {last}"));
    }
    if summary.recoveries > 0 {
        let times = summary.recoveries;
        text.push_str(&format!(
            "\ninterrupted {times} times by a crash: the record `log-recovered` behind it names what was unfinished"
        ));
    }
    text.push_str(&format!(
        "\nlast: {}\nNote this place elsewhere: `--expect` proves later that the log still holds all up to it.",
        summary.last
    ));
    let value = json!({
        "whole": true,
        "records": summary.records,
        "recoveries": summary.recoveries,
        "first_time": summary.first_time,
        "last_time": summary.last_time,
        "last": summary.last.to_string(),
    });
    printer.result(&text, &value)
}

const EXAMPLES: &str = "\
Examples:
  Is the log whole?
    kbs-client audit verify /var/log/kbs/audit.log

  Is it still the log that was looked at last month, with all that was in it then?
    kbs-client audit verify --expect 1180:9f86d081… /var/log/kbs/audit.log.* /var/log/kbs/audit.log

Exit codes:
  0 whole   1 not readable   2 wrong arguments   8 not whole";

#[cfg(test)]
mod tests;
