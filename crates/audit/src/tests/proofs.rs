use proptest::prelude::*;

use super::*;

#[test]
fn a_whole_log_is_proved_and_says_where_it_ends() {
    let lines = lines(5);
    let summary = verify(text(&lines)).unwrap();
    assert_eq!((summary.records, summary.recoveries, summary.last.seq), (5, 0, 5));
    assert!(lines[4].contains(&summary.last.hash.to_string()));
    assert_eq!(verify("").unwrap().last, Link::START);
    // The later part, for whoever noted where the first one ended.
    let first = verify(text(&lines[..2])).unwrap().last;
    assert_eq!(verify_after(first, text(&lines[2..])).unwrap().last, summary.last);
}

#[test]
fn each_way_to_tamper_is_told_apart_and_found_at_its_line() {
    let whole = lines(6);
    let case = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        change(&mut lines);
        verify(text(&lines)).unwrap_err()
    };
    let at = |line, kind| Fault { line, kind };
    let missing = |expected, found| FaultKind::Missing { expected, found };
    assert_eq!(case(&|lines| drop(lines.remove(2))), at(3, missing(3, 4)));
    assert_eq!(case(&|lines| drop(lines.remove(0))), at(1, missing(1, 2)));
    assert_eq!(case(&|lines| lines.swap(1, 2)), at(2, missing(2, 3)));
    assert_eq!(
        case(&|lines| lines.insert(3, lines[2].clone())),
        at(4, missing(4, 3))
    );
    assert_eq!(
        case(&|lines| lines[3] = lines[3].replace("\"number\":3", "\"number\":9")),
        at(4, FaultKind::Changed)
    );
    assert_eq!(
        case(&|lines| lines.insert(3, "hello".into())),
        at(4, FaultKind::NoRecord)
    );
    assert_eq!(
        case(&|lines| lines.insert(3, String::new())),
        at(4, FaultKind::NoRecord)
    );
    // Written anew with a right hash of its own: what follows does not continue it.
    let other = seal(&link_of(&whole[1]), NOW, &json!({"event": "other"}))
        .unwrap()
        .0;
    assert_eq!(
        case(&|lines| lines[2] = other.clone()),
        at(4, FaultKind::Replaced(4))
    );
}

fn link_of(line: &str) -> Link {
    let record: Value = serde_json::from_str(line).unwrap();
    format!("{}:{}", record["seq"], record["hash"].as_str().unwrap())
        .parse()
        .unwrap()
}

#[test]
fn what_is_cut_off_at_the_end_shows_only_against_what_was_noted() {
    let lines = lines(5);
    let noted = verify(text(&lines)).unwrap().last;
    let cut = verify(text(&lines[..4])).unwrap();
    assert_ne!(cut.last, noted);
}

#[test]
fn an_unfinished_last_line_is_said() {
    let whole = text(&lines(3));
    let fault = verify(&whole[..whole.len() - 1]).unwrap_err();
    assert_eq!((fault.line, fault.kind), (3, FaultKind::Unfinished));
}

#[test]
fn a_line_without_end_is_not_read_into_memory() {
    let long = vec![b'x'; 10 * MAX_LINE];
    assert_eq!(verify(long).unwrap_err().kind, FaultKind::NoRecord);
}

#[test]
fn a_record_that_names_an_interruption_excuses_that_one_alone() {
    let lines = lines(2);
    let last = link_of(&lines[1]);
    let marker = |torn: Torn| {
        let event =
            json!({"event": RECOVERED, "torn_bytes": torn.torn_bytes, "torn_sha256": torn.torn_sha256});
        seal(&last, NOW, &event).unwrap().0
    };
    let half = &self::lines(3)[2][..50];
    let good = marker(Torn::of(half.as_bytes()));
    let log = format!("{}{half}\n{good}\n", text(&lines));
    assert_eq!(verify(&log).unwrap().recoveries, 1);
    for (left, marker) in [
        ("other", good.clone()),
        (half, marker(Torn::of(b"other"))),
        ("a\nb\nc", marker(Torn::of(b"a\nb\nc"))),
    ] {
        assert_eq!(
            verify(format!("{}{left}\n{marker}\n", text(&lines)))
                .unwrap_err()
                .line,
            3
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_verification_panic_or_pass(bytes in prop::collection::vec(any::<u8>(), 1..400)) {
        prop_assert!(verify(bytes).is_err());
    }

    #[test]
    fn no_single_change_of_a_log_goes_unnoticed(place in 0usize..2000, byte in any::<u8>()) {
        let whole = text(&lines(6)).into_bytes();
        let place = place % whole.len();
        let mut changed = whole.clone();
        changed[place] = byte;
        // Whoever knows where the log ended sees each change; but for the very last line, everybody does.
        let noted = verify(&whole).unwrap().last;
        let unnoticed = verify(&changed).is_ok_and(|summary| summary.last == noted);
        prop_assert_eq!(unnoticed, changed == whole);
    }
}
