//! No secret, nonce, token, session or key is in a log line of any level, in an error, in the metrics, in an audit log or
//! in a decision.

use std::collections::BTreeSet;

use crate::logged;

#[test]
fn nothing_secret_is_logged_at_any_level_or_said_in_an_error_or_metric() {
    let run = logged::run();
    assert!(run.canaries.len() > 40, "{}", run.canaries.len());
    for (what, text) in &run.canaries {
        let found = run.output.lines().find(|line| line.contains(text.as_str()));
        assert!(found.is_none(), "a {what} is in: {}", found.unwrap_or_default());
    }
}

#[test]
fn nothing_secret_is_in_an_audit_log_or_a_stored_decision() {
    // A token says what its evidence was bound to, and its claims are kept beside a decision.
    let in_claims = ["nonce", "report data", "guest public key"];
    let run = logged::run();
    for (what, text) in &run.canaries {
        let mut records = run.records.iter();
        let found = records.find(|(whose, line)| {
            let of_token = whose.ends_with(".claims.json") && in_claims.contains(&what.as_str());
            line.contains(text.as_str()) && !of_token
        });
        assert!(found.is_none(), "a {what} is in {found:?}");
    }
}

#[test]
fn the_records_that_were_searched_are_of_all_services_and_of_every_outcome() {
    let run = logged::run();
    let of = |whose: &dyn Fn(&str) -> bool| -> String {
        let lines = run.records.iter().filter(|(name, _)| whose(name));
        lines.map(|(_, line)| line.as_str()).collect()
    };
    let kbs = of(&|name| name == "kbs");
    for outcome in ["allowed", "done", "refused", "released"] {
        assert!(
            kbs.contains(&format!("\"outcome\":\"{outcome}\"")),
            "{outcome}: {kbs}"
        );
    }
    for service in ["attestation-service", "rvps"] {
        assert!(of(&|name| name == service).contains("\"outcome\":"), "{service}");
    }
    let decisions = of(&|name| name.ends_with(".json") && !name.ends_with(".claims.json"));
    for verdict in ["released", "refused"] {
        assert!(decisions.contains(verdict), "{verdict}: {decisions}");
    }
    assert!(of(&|name| name.ends_with(".claims.json")).contains("submods"));
}

#[test]
fn what_was_searched_had_everything_in_it() {
    let run = logged::run();
    let field = |name: &'static str| -> BTreeSet<&str> {
        run.lines
            .iter()
            .filter_map(|line| line[name].as_str()?.split("::").next())
            .collect()
    };
    for service in ["kbs", "attestation_service", "rvps", "daemon"] {
        assert!(field("target").contains(service), "{service} has logged nothing");
    }
    for level in ["DEBUG", "INFO", "ERROR"] {
        assert!(field("level").contains(level), "nothing is logged at {level}");
    }
    let answers: Vec<_> = run
        .output
        .lines()
        .filter(|line| line.starts_with("ANSWER "))
        .collect();
    assert!(answers.len() > 15);
    assert!(run.output.contains("kbs_attestation_failures_total"));
}

#[test]
fn crates_that_are_not_ours_never_log_below_info() {
    let ours = [
        "attestation_service",
        "daemon",
        "jose",
        "kbs",
        "policy",
        "rvps",
        "storage",
        "verifier",
    ];
    for line in &logged::run().lines {
        let from_us = line["target"]
            .as_str()
            .is_some_and(|target| ours.iter().any(|ours| target.starts_with(ours)));
        assert!(
            from_us || !matches!(line["level"].as_str(), Some("DEBUG" | "TRACE")),
            "{line}"
        );
    }
}

#[test]
fn metrics_carry_no_path_and_no_name_that_a_caller_chose() {
    for line in logged::run()
        .output
        .lines()
        .filter(|line| line.starts_with("kbs_"))
    {
        assert!(
            !line.contains("default/key") && !line.contains("directory"),
            "{line}"
        );
    }
}
