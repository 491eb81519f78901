//! What the documentation says, parsed: commands, configurations, messages.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use daemon::config::load_str;

use crate::tool::{Arguments, asks_for_json, error_json};
use crate::{Config, RETIRED_KEYS};

fn pages() -> Vec<PathBuf> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let extractors = std::fs::read_dir(docs.join("extractors")).unwrap();
    let mut pages: Vec<_> = extractors.map(|entry| entry.unwrap().path()).collect();
    pages.push(docs.join("rvps.md"));
    pages
}

/// The blocks of a language, with the page they are on.
fn blocks(language: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let fence = format!("```{language}\n");
        for rest in text.split(&fence).skip(1) {
            found.push((page.clone(), rest.split("```").next().unwrap().to_owned()));
        }
    }
    found
}

/// The words of a line as a shell splits them, comments left out.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#' | '>') => break,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_on_the_pages_is_one() {
    let mut count = 0;
    for (page, block) in blocks("sh") {
        for line in block
            .replace("\\\n", " ")
            .lines()
            .filter(|line| line.starts_with("rvps-tool "))
        {
            let words = words(line);
            Arguments::try_parse_from(&words)
                .unwrap_or_else(|error| panic!("{}: {line}: {error}", page.display()));
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn every_example_in_the_help_is_a_command() {
    fn check(command: &clap::Command, count: &mut usize) {
        let text = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("rvps-tool "))
        {
            let parsed = Arguments::try_parse_from(words(line));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            *count += 1;
        }
        command.get_subcommands().for_each(|command| {
            assert!(
                command.get_after_help().is_some()
                    || command.has_subcommands()
                    || command.get_name() == "snp"
                    || command.get_name() == "tdx"
            );
            check(command, count);
        });
    }
    let mut count = 0;
    check(&Arguments::command(), &mut count);
    assert!(count > 25, "{count}");
}

#[test]
fn errors_are_json_where_the_arguments_ask_for_it_even_if_they_are_wrong() {
    let asks = |line: &str| asks_for_json(line.split(' ').map(Into::into));
    for line in [
        "rvps-tool list -o json",
        "rvps-tool get --output json",
        "rvps-tool x --output=json",
    ] {
        assert!(asks(line), "{line}");
    }
    assert!(!asks("rvps-tool get json") && !asks("rvps-tool list -o text json"));
    assert_eq!(
        error_json("no \"such\" thing", 1).to_string(),
        r#"{"error":{"exit_code":1,"message":"no \"such\" thing"}}"#
    );
}

#[test]
fn every_configuration_on_the_pages_loads() {
    let blocks = blocks("toml");
    assert!(blocks.len() > 3);
    for (page, block) in blocks {
        let loaded = load_str::<Config>(&block, "toml", RETIRED_KEYS);
        let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}\n{block}", page.display()));
        assert!(loaded.warnings.is_empty(), "{}", page.display());
        if !loaded.config.auth.registrars.is_empty() {
            let mut config = loaded.config;
            // The issuer's key is not at hand here.
            config.auth.jwt = None;
            config
                .auth
                .registrars
                .retain(|registrar| registrar.jwt_subject.is_none());
            assert!(
                crate::auth::Authenticator::new(&config).is_ok(),
                "{}",
                page.display()
            );
        }
    }
}

#[test]
fn every_message_on_the_pages_is_read() {
    let mut messages = 0;
    for (page, block) in blocks("json") {
        let json: serde_json::Value =
            serde_json::from_str(&block).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        if json.get("payload").is_some() {
            crate::message::contents(&block).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
            messages += 1;
        }
    }
    assert_eq!(messages, 1);
}
