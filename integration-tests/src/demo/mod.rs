//! `make demo`: the whole story, on real servers, in words a newcomer understands.

mod narrator;
mod pki;
mod real_report;
mod servers;
mod stage;
mod token;
mod tools;

use std::path::Path;

use anyhow::{bail, ensure};

use crate::vouch::register_message;
use narrator::Narrator;
use pki::{Pki, write};
use servers::Servers;
use stage::Stage;
use token::Appraisal;
use tools::Tools;

const SECRET: &str = "correct horse battery staple";
const RESOURCE: &str = "demo/keys/disk";

/// The TEE of which a report of a real machine is at hand that is good for ever.
const REAL: &str = "snp";

/// What `kbs-client` answers with when the policy says no.
const DENIED: i32 = 3;

/// Tells the story of a guest of `tee`. With `keep`, the services go on until they are interrupted. A signal at any time
/// stops them and removes what was written.
///
/// # Errors
/// A step did not come out as it should, or the TEE cannot be simulated.
pub fn run(tee: &str, keep: bool) -> anyhow::Result<()> {
    daemon::init();
    ensure!(
        simulated_tee::TEES.contains(&tee),
        "there is no demonstration of TEE {tee:?}; there are: {}",
        simulated_tee::TEES.join(", ")
    );
    let stage = Stage::new()?;
    let dir = stage.props().folder();
    let mut narrator = Narrator::new(if tee == REAL { 7 } else { 5 });

    narrator.step("Starting the three services, with TLS and fresh keys");
    let pki = Pki::generate(dir)?;
    let servers = Servers::start(tee, stage.props(), &pki)?;
    narrator.good(&format!("reference values   https://{}", servers.rvps));
    narrator.good(&format!("attestation        https://{}", servers.attestation));
    narrator.good(&format!("key broker         https://{}", servers.kbs));
    let tools = Tools::new(tee, stage.props(), &pki, &servers)?;

    if tee == REAL {
        real_machine(&mut narrator, &tools, dir)?;
    }
    simulated_guest(&mut narrator, tee, &tools, dir)?;

    println!("\nThat is all: evidence in, a secret out, and only for the guest that was vouched for.");
    tools.print_next_steps(keep);
    if keep {
        println!(
            "\nThe services are running; their logs are in {}. Ctrl-C stops them.",
            dir.display()
        );
        stage.keep();
    }
    Ok(())
}

/// Steps 2 and 3: a report of a real AMD machine, before and after somebody vouches for it.
fn real_machine(narrator: &mut Narrator, tools: &Tools, dir: &Path) -> anyhow::Result<()> {
    narrator.step("A real AMD EPYC machine shows its report; nobody has vouched for it yet");
    let evidence = real_report::evidence()?;
    let before = tools.appraise(REAL, &evidence)?;
    show(narrator, &before)?;
    ensure!(
        before.status() == "contraindicated",
        "an unknown machine was {}",
        before.status()
    );
    narrator
        .good("the signatures lead to AMD's root, but nobody said that this software and firmware is right");

    narrator.step("Its owner registers what it should look like, with rvps-tool");
    register(narrator, REAL, tools, dir, &before)?;
    let after = tools.appraise(REAL, &evidence)?;
    show(narrator, &after)?;
    ensure!(
        after.status() == "affirming",
        "the registered machine was {}",
        after.status()
    );
    narrator.good("the same report is now affirming");
    Ok(())
}

/// The last four steps: a guest asks for a secret, is refused, is vouched for, and gets it.
fn simulated_guest(narrator: &mut Narrator, tee: &str, tools: &Tools, dir: &Path) -> anyhow::Result<()> {
    narrator.step("The owner stores a secret, and a policy: only to guests whose appraisal is affirming");
    let file = write(dir, "disk.key", SECRET)?;
    let set_resource = [
        "set-resource",
        "--path",
        RESOURCE,
        "--resource-file",
        &servers::text(&file),
    ];
    tools.configure(narrator, &set_resource)?;
    tools.configure(narrator, &["set-resource-policy", "--affirming"])?;
    narrator.good(&format!("stored as kbs:///{RESOURCE}"));

    narrator.step(&format!(
        "A (simulated) {tee} guest asks for it; nothing vouches for what it runs"
    ));
    let refused = tools.get_resource(narrator, RESOURCE)?;
    match refused.code {
        Some(DENIED) => narrator.good("refused"),
        Some(0) => bail!("the secret went to a guest that nobody vouched for"),
        _ => bail!("the guest was not refused by the policy: {}", refused.text()),
    }
    for line in refused.text().lines().filter(|line| !line.is_empty()).take(4) {
        narrator.say(line);
    }
    let appraisal = Appraisal::read(&tools.attest()?)?;
    narrator.say("the reason, as its attestation token shows it:");
    show(narrator, &appraisal)?;

    narrator.step("Who built the guest registers what it should look like");
    register(narrator, tee, tools, dir, &appraisal)?;
    narrator.good("registered");

    narrator.step("The guest asks again");
    let answer = tools.get_resource(narrator, RESOURCE)?;
    ensure!(answer.code == Some(0), "the guest was refused: {}", answer.text());
    let opened = tools::decode_base64(&answer.stdout)?;
    ensure!(opened == SECRET.as_bytes(), "what came is not the secret");
    narrator.good(&format!(
        "delivered, sealed to a key that only this guest has; opened: \"{SECRET}\""
    ));
    Ok(())
}

fn show(narrator: &Narrator, appraisal: &Appraisal) -> anyhow::Result<()> {
    for line in appraisal.in_words() {
        narrator.say(&line);
    }
    narrator.say(&format!("=> {}", appraisal.status()));
    Ok(())
}

fn register(
    narrator: &Narrator,
    tee: &str,
    tools: &Tools,
    dir: &Path,
    appraisal: &Appraisal,
) -> anyhow::Result<()> {
    let values = appraisal.reference_values(tee)?;
    for (id, value) in values.as_object().into_iter().flatten() {
        narrator.say(&format!("{id} = {value}"));
    }
    let message = register_message(&tools.merged(&values)?);
    let file = write(dir, "reference-values.json", &message)?;
    tools.register(narrator, &file)
}
