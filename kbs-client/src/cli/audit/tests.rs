use clap::Parser;

use super::super::args::Cli;
use super::super::{CliError, run};
use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn place() -> Place {
    Place(tempfile::tempdir().unwrap())
}

/// A log of so many records, and the place after each.
fn log(count: u32) -> (Vec<String>, Vec<Link>) {
    let mut link = Link::START;
    (0..count)
        .map(|number| {
            let (line, next) =
                audit::seal(&link, 1_795_309_155, &json!({"event": "test", "number": number})).unwrap();
            link = next;
            (format!("{line}\n"), next)
        })
        .unzip()
}

async fn verify(line: &str) -> Result<String, CliError> {
    let arguments = ["kbs-client"].into_iter().chain(line.split_whitespace());
    let cli = Cli::try_parse_from(arguments).map_err(|error| CliError::Usage(error.to_string()))?;
    let mut out = Vec::new();
    run(cli, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn a_whole_log_is_proved_and_its_end_printed() {
    let (lines, links) = log(4);
    let place = place();
    let file = place.put("audit.log", &lines.concat());
    let text = verify(&format!("audit verify {file}")).await.unwrap();
    assert!(
        text.starts_with("whole: 4 records, from 2026-11-22T00:59:15Z"),
        "{text}"
    );
    assert!(text.contains(&format!("last: {}", links[3])), "{text}");
    let json = verify(&format!("--output json audit verify {file}"))
        .await
        .unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["whole"], &json["last"]),
        (&json!(true), &json!(links[3].to_string()))
    );

    let (old, new) = (
        place.put("1", &lines[..2].concat()),
        place.put("2", &lines[2..].concat()),
    );
    verify(&format!("audit verify {old} {new}")).await.unwrap();
    verify(&format!("audit verify --after {} {new}", links[1]))
        .await
        .unwrap();
    verify(&format!("audit verify --expect {} {old} {new}", links[1]))
        .await
        .unwrap();
    verify(&format!("audit verify --expect-last {} {old} {new}", links[3]))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_not_whole_has_an_exit_code_of_its_own_and_says_where() {
    let (lines, links) = log(4);
    let (mut other, _) = log(1);
    let next = audit::seal(&links[0], 0, &json!({"event": "other"})).unwrap().0;
    other.push(format!("{next}\n"));
    let place = place();
    let whole = place.put("whole", &lines.concat());
    let cases = [
        (
            place.put("cut", &[&lines[..1], &lines[2..]].concat().concat()),
            "line 2: records are missing",
        ),
        (
            place.put("changed", &lines.concat().replace("\"number\":2", "\"number\":3")),
            "line 3: this record was changed",
        ),
        (
            place.put("torn", lines.concat().trim_end()),
            "line 4: the last line is not finished",
        ),
        (
            format!(
                "--expect-last {} {}",
                links[3],
                place.put("end", &lines[..3].concat())
            ),
            "cut off at its end",
        ),
        (
            format!("--expect {} {}", links[3], place.put("end", &lines[..3].concat())),
            "cut off at its end",
        ),
        (
            format!(
                "--expect-last {} {}",
                links[1],
                place.put("anew", &other.concat())
            ),
            "written anew",
        ),
        (format!("--expect-last {} {whole}", links[1]), "goes on behind"),
        (
            place.put("later", &lines[2..].concat()),
            "expected number 1, found 3",
        ),
    ];
    for (arguments, said) in cases {
        let error = verify(&format!("audit verify {arguments}")).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(error.exit_code(), 8, "{error}");
    }
    for arguments in ["", "--runs ", &format!("--expect {} ", links[3])] {
        let empty = place.put("empty", "");
        let error = verify(&format!("audit verify {arguments}{empty}"))
            .await
            .unwrap_err();
        assert!(
            error.exit_code() == 8 && error.to_string().contains("there is nothing in it"),
            "{error}"
        );
    }
    // Where nothing more is expected, nothing is whole.
    for place_of in [
        format!("--after {}", links[3]),
        format!("--expect-last {}", Link::START),
    ] {
        let empty = place.put("empty", "");
        verify(&format!("audit verify {place_of} {empty}")).await.unwrap();
    }
    for (arguments, code) in [("/no/such/file", 1), ("--expect 7 x", 2), ("", 2)] {
        assert_eq!(
            verify(&format!("audit verify {arguments}"))
                .await
                .unwrap_err()
                .exit_code(),
            code
        );
    }
}

/// So many records, and the one of a service that stops.
fn closed(count: u32) -> Vec<String> {
    let (mut lines, links) = log(count);
    let end = audit::seal(links.last().unwrap(), 1_795_309_155, &json!({"event": CLOSED})).unwrap();
    lines.push(format!("{}\n", end.0));
    lines
}

#[tokio::test]
async fn a_log_that_does_not_end_as_a_stop_does_is_not_called_whole_without_a_warning() {
    let place = place();
    let lines = closed(3);
    let whole = place.put("whole", &lines.concat());
    let cut = place.put("cut", &lines[..3].concat());
    let verified = |line: String| async move { verify(&format!("audit verify {line}")).await };
    let json = |line: String| async move {
        let text = verify(&format!("--output json audit verify {line}"))
            .await
            .unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };

    let text = verified(whole.clone()).await.unwrap();
    assert!(!text.contains("WARNING"), "{text}");
    verified(format!("--require-closed {whole}")).await.unwrap();
    let value = json(whole.clone()).await;
    assert_eq!(
        (&value["closed"], &value["warning"]),
        (&json!(true), &json!(null))
    );

    let text = verified(cut.clone()).await.unwrap();
    assert!(
        text.contains("\nWARNING: the log: the last record is not `log-closed`"),
        "{text}"
    );
    let value = json(cut.clone()).await;
    assert_eq!((&value["whole"], &value["closed"]), (&json!(true), &json!(false)));
    assert!(
        value["warning"].as_str().unwrap().contains("cut off at the end"),
        "{value}"
    );
    let error = verified(format!("--require-closed {cut}")).await.unwrap_err();
    assert!(
        error.exit_code() == 8 && error.to_string().contains("log-closed"),
        "{error}"
    );

    // Whoever has noted the end knows that nothing is missing there.
    let last = json(cut.clone()).await["last"].as_str().unwrap().to_owned();
    let text = verified(format!("--expect-last {last} {cut}")).await.unwrap();
    assert!(!text.contains("WARNING"), "{text}");
    // Nothing came since: nothing ended.
    let empty = place.put("empty", "");
    let value = json(format!("--after {last} {empty}")).await;
    assert_eq!(
        (&value["closed"], &value["warning"]),
        (&json!(null), &json!(null))
    );

    let runs = place.put(
        "runs",
        &[lines.concat(), lines[..3].concat(), lines.concat()].concat(),
    );
    let text = verified(format!("--runs {runs}")).await.unwrap();
    assert!(
        text.contains("\nWARNING: run 2: the last record is not"),
        "{text}"
    );
    let value = json(format!("--runs {runs}")).await;
    let ends: Vec<_> = value["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["closed"])
        .collect();
    assert_eq!(ends, [&json!(true), &json!(false), &json!(true)]);
    assert_eq!(
        verified(format!("--runs --require-closed {runs}"))
            .await
            .unwrap_err()
            .exit_code(),
        8
    );
}

#[tokio::test]
async fn runs_that_were_collected_from_the_standard_output_are_told_as_such_and_verified_each() {
    let (one, links) = log(3);
    let (two, _) = log(2);
    let place = place();
    let both = place.put("both", &[one.concat(), two.concat()].concat());
    let error = verify(&format!("audit verify {both}")).await.unwrap_err();
    assert_eq!(error.exit_code(), 8);
    let text = error.to_string();
    assert!(
        text.contains("line 4: a new chain begins here") && text.contains("--runs"),
        "{text}"
    );
    let text = verify(&format!("audit verify --runs {both}")).await.unwrap();
    assert!(
        text.starts_with("whole: each of 2 runs\nrun 1: 3 records, from 2026"),
        "{text}"
    );
    let line = format!("--output json audit verify --runs --expect {} {both}", links[1]);
    let json = verify(&line).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (
            &json["runs"][1]["records"],
            json["runs"].as_array().unwrap().len()
        ),
        (&json!(2), 2)
    );
    // Within a run, or from its beginning, nothing may be missing.
    for lines in [
        [&one[..1], &one[2..], &two[..]].concat(),
        [&one[..], &two[1..]].concat(),
    ] {
        let file = place.put("cut", &lines.concat());
        let error = verify(&format!("audit verify --runs {file}")).await.unwrap_err();
        assert!(error.to_string().contains("records are missing"), "{error}");
    }
    let unknown = log(9).1[8];
    let error = verify(&format!("audit verify --runs --expect {unknown} {both}")).await;
    assert_eq!(error.unwrap_err().exit_code(), 8);
}

#[tokio::test]
async fn a_fault_is_told_with_the_file_that_it_is_in_and_the_line_there() {
    let (lines, _) = log(5);
    let place = place();
    let first = place.put("first", &format!("{}foreign\n", lines[..3].concat()));
    let second = place.put("second", &lines[3..].concat());
    let good = place.put("good", &lines[..3].concat());
    let torn = place.put("torn", lines[3..].concat().trim_end());
    let missing = place.put("missing", &lines[4]);
    for (files, said) in [
        (
            format!("{first} {second}"),
            format!("{first}: line 4: this is no record"),
        ),
        (first.clone(), format!("{first}: line 4: this is no record")),
        (format!("{good} {torn}"), format!("{torn}: line 2: the last line")),
        (
            format!("{good} {missing}"),
            format!("{missing}: line 1: records are missing"),
        ),
    ] {
        let error = verify(&format!("audit verify {files}")).await.unwrap_err();
        assert!(error.to_string().contains(&said), "{error}");
    }
}
