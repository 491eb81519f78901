//! The benchmark: the release servers pinned to one core, the load driver to the other, 16 connections.
//!
//! The floors are what the existing implementation does in the same arrangement, times what this project
//! asks of itself; and the bare cost of the cryptography, measured in the same run.

mod appraisal;
mod change;
mod event_log;
mod floors;
mod report;
mod stack;
mod tees;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::load::cryptography;
use crate::processes::sibling;
use report::Figure;
pub use report::Report;
use stack::{RESOURCE, Stack};

/// The existing implementation's figures, on two cores, 16 connections, plain HTTP, sessions in memory.
mod peer {
    pub(super) const CHALLENGE: f64 = 31_000.0;
    pub(super) const GET: f64 = 1_440.0;
    pub(super) const RCAR_THREE_PROCESSES: f64 = 276.0;
    pub(super) const RCAR_BUILT_IN: f64 = 506.0;
    pub(super) const MEMORY_MIB: f64 = 204.0;
}

const LOAD_CORE: &str = "1";
/// Each rate is the best of so many rounds: what else a machine does can only slow them.
const ROUNDS: usize = 3;
const SECONDS: &str = "4";
/// Between two rounds: a processor that was busy for long is slowed down by its host, and the servers have
/// records to write.
const REST: Duration = Duration::from_secs(4);
/// A whole handshake and one GET.
const RCAR: &[&str] = &["rcar", "--path", RESOURCE];
const RCARS_FOR_MEMORY: &str = "100000";

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Each TEE's evaluation beside its signatures, in this process.
    Tees,
    /// What large event logs cost.
    EventLog,
    /// What the default policy costs, and whether much that is registered matters.
    Appraisal,
    /// KBS, Attestation Service and RVPS as three processes.
    ThreeProcesses,
    /// The KBS with the others built in.
    BuiltIn,
}

/// What to measure. By default, everything.
#[derive(Debug, Default)]
pub struct Selection {
    /// This part alone.
    pub only: Option<Part>,
    /// Of the TEEs, this one alone.
    pub tee: Option<String>,
}

/// Runs what is selected; everything takes about ten minutes.
///
/// # Errors
/// A server does not start, or a load fails.
pub fn run(selection: &Selection) -> anyhow::Result<Report> {
    daemon::init();
    let wanted = |part| selection.only.is_none_or(|only| only == part);
    let mut report = Report::default();
    say("measuring the bare cryptography");
    let costs = cryptography::measure(Duration::from_secs(1))?;
    report.notes.push(format!(
        "bare cryptography: P-384 verify {:.0} us, P-256 verify {:.0} us, P-256 sign {:.0} us, seal {:.0} us",
        costs.p384_verify_us, costs.p256_verify_us, costs.p256_sign_us, costs.seal_us
    ));
    if wanted(Part::Tees) {
        let figures = tees::figures(selection.tee.as_deref(), &mut report.notes)?;
        report.figures.extend(figures);
    }
    if wanted(Part::EventLog) {
        let figures = event_log::figures(&mut report.notes)?;
        report.figures.extend(figures);
    }
    if wanted(Part::Appraisal) {
        let figures = appraisal::figures(&mut report.notes)?;
        report.figures.extend(figures);
    }
    if wanted(Part::ThreeProcesses) {
        three_processes(&mut report, costs.snp_evaluation_us())?;
    }
    if wanted(Part::BuiltIn) {
        built_in(&mut report)?;
    }
    Ok(report)
}

fn three_processes(report: &mut Report, snp_floor_us: f64) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    say("starting KBS, Attestation Service and RVPS");
    let stack = Stack::three_processes(dir.path())?;
    stack.provision()?;

    let rounds: [(_, &[&str], _, _); 3] = [
        (
            "RCAR + GET, three processes",
            RCAR,
            peer::RCAR_THREE_PROCESSES,
            7.0,
        ),
        ("challenge", &["challenge"], peer::CHALLENGE, 1.0),
        (
            "resource GET on a session",
            &["get", "--path", RESOURCE],
            peer::GET,
            6.0,
        ),
    ];
    for (what, arguments, peer, times) in rounds {
        let rate = best(report, &stack, &stack.kbs_url, arguments)?;
        report.figures.push(at_least(what, rate, peer, times));
    }

    snp_evaluation(report, &stack, dir.path(), snp_floor_us)?;

    let until_enough: &[&str] = &["--url", &stack.kbs_url, "--operations", RCARS_FOR_MEMORY];
    let many = [RCAR, until_enough].concat();
    report
        .notes
        .push(format!("KBS memory before: {:.1} MiB", stack.kbs.resident_mib()?));
    load(&many)?;
    let first = stack.kbs.resident_mib()?;
    load(&many)?;
    let second = stack.kbs.resident_mib()?;
    report.figures.push(Figure {
        what: "KBS memory after 100,000 RCARs".to_owned(),
        value: first,
        floor: 40.0,
        unit: "MiB",
        at_most: true,
        because: format!("the peer holds {:.0} MB after 14,000", peer::MEMORY_MIB),
    });
    report.figures.push(Figure {
        what: "growth over the next 100,000 RCARs".to_owned(),
        value: second - first,
        floor: 1.0,
        unit: "MiB",
        at_most: true,
        because: "flat".into(),
    });
    if let Some(rvps_url) = &stack.rvps_url {
        report.figures.push(change::in_force(&stack, rvps_url)?);
    }
    Ok(())
}

fn built_in(report: &mut Report) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    say("starting the KBS with Attestation Service and RVPS built in");
    let stack = Stack::built_in(dir.path())?;
    stack.provision()?;
    let rcar = best(report, &stack, &stack.kbs_url, RCAR)?;
    report
        .figures
        .push(at_least("RCAR + GET, built in", rcar, peer::RCAR_BUILT_IN, 5.0));
    Ok(())
}

/// SNP evidence of a simulated guest is not trusted by these servers, so the real Genoa evidence is used
/// where it is at hand, and the figure is left out, with a note, where it is not.
fn snp_evaluation(report: &mut Report, stack: &Stack, dir: &Path, floor_us: f64) -> anyhow::Result<()> {
    let evidence =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/snp/genoa-v3-evidence.json");
    let (Some(url), true) = (&stack.as_url, evidence.is_file()) else {
        report
            .notes
            .push("SNP evaluation: left out, the real Genoa evidence is not here".into());
        return Ok(());
    };
    let copy = dir.join("genoa.json");
    std::fs::copy(&evidence, &copy)?;
    let copy = copy.to_string_lossy().into_owned();
    let arguments = ["evaluate", "--tee", "snp", "--evidence", &copy];
    let rate = best(report, stack, url, &arguments)?;
    report.notes.push(format!(
        "SNP evaluation of real Genoa evidence over gRPC: {rate:.0}/s (peer: 330/s)"
    ));
    report.figures.push(Figure {
        what: "SNP evaluation over gRPC / its signatures".to_owned(),
        value: 1e6 / rate / floor_us,
        floor: 1.3,
        unit: "x",
        at_most: true,
        because: format!("{floor_us:.0} us for one P-384 verification and the token signature"),
    });
    Ok(())
}

fn at_least(what: &'static str, value: f64, peer: f64, times: f64) -> Figure {
    let because = format!("{times:.0} times the peer's {peer:.0}/s");
    Figure {
        what: what.to_owned(),
        value,
        floor: peer * times,
        unit: "/s",
        at_most: false,
        because,
    }
}

/// The best rate of some rounds, with a note of how much processor time the servers spent on each operation
/// in that round: on a machine that others use too it says more than the rate.
fn best(report: &mut Report, stack: &Stack, url: &str, arguments: &[&str]) -> anyhow::Result<f64> {
    let where_and_how_long: &[&str] = &["--url", url, "--seconds", SECONDS];
    let arguments = [arguments, where_and_how_long].concat();
    let mut rates = Vec::new();
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        std::thread::sleep(REST);
        let before = stack.processor_time()?;
        let (rate, operations) = load(&arguments)?;
        let spent = stack.processor_time()?.saturating_sub(before).as_secs_f64() * 1e6 / operations;
        rates.push(rate);
        least = least.min(spent);
    }
    let what = arguments.first().copied().unwrap_or_default();
    let all: Vec<String> = rates.iter().map(|rate| format!("{rate:.0}/s")).collect();
    report.notes.push(format!(
        "{what}: {}; {least:.0} us of the servers' core for each, {:.0}/s at full load",
        all.join(", "),
        1e6 / least
    ));
    Ok(rates.into_iter().fold(0.0, f64::max))
}

/// Runs the load driver on its own core and gives the rate and the number of operations.
fn load(arguments: &[&str]) -> anyhow::Result<(f64, f64)> {
    say(&format!(
        "loading: {}",
        arguments.first().copied().unwrap_or_default()
    ));
    let output = Command::new("taskset")
        .args(["-c", LOAD_CORE])
        .arg(sibling("trustee-load")?)
        .args(arguments)
        .args(["--poll", "--output", "json"])
        .output()
        .context("cannot run taskset (package util-linux)")?;
    anyhow::ensure!(
        output.status.success(),
        "the load failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary: Value = serde_json::from_slice(&output.stdout)?;
    say(&format!("  {}", String::from_utf8_lossy(&output.stdout).trim()));
    let number = |name| {
        let value = summary.get(name).and_then(Value::as_f64);
        value.context("the driver printed no figures")
    };
    Ok((number("per_second")?, number("operations")?))
}

fn say(line: &str) {
    eprintln!("bench: {line}");
}
