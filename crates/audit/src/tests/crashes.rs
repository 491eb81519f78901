use super::*;

#[test]
fn a_log_goes_on_where_it_ended() {
    let place = Place::new();
    let first = place.add(3);
    assert_eq!(place.open().unwrap().last, first);
    place.add(2);
    let summary = verify(place.read()).unwrap();
    assert_eq!((summary.records, summary.recoveries), (5, 0));
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn wherever_a_crash_cuts_a_log_the_next_start_marks_it_and_the_log_is_whole() {
    let whole = text(&lines(3)).into_bytes();
    let third = whole.len() - lines(3)[2].len() - 1;
    for cut in (0..whole.len()).filter(|cut| *cut < 5 || *cut >= third) {
        let place = Place::new();
        fs::write(place.path(), &whole[..cut]).unwrap();
        let opened = place.open().unwrap();
        // Without as much as a line, there is nothing to name; with all but its end, nothing is lost.
        let recovered = !matches!(cut, 0) && cut != third && cut != whole.len() - 1;
        assert_eq!(opened.recovered, recovered, "{cut}");
        drop(opened);
        place.add(1);
        let summary = verify(place.read()).unwrap_or_else(|fault| panic!("{cut}: {fault}"));
        assert_eq!(summary.recoveries, u64::from(recovered));
        // What was there is there.
        assert!(place.read().starts_with(&whole[..cut]));
    }
}

#[test]
fn a_crash_in_the_recovery_is_recovered_from_wherever_it_comes() {
    let whole = text(&lines(2)).into_bytes();
    let place = Place::new();
    fs::write(place.path(), &whole[..whole.len() - 20]).unwrap();
    drop(place.open().unwrap());
    let recovered = place.read();
    for cut in whole.len() - 20..recovered.len() {
        let place = Place::new();
        fs::write(place.path(), &recovered[..cut]).unwrap();
        drop(place.open().unwrap());
        place.add(1);
        let summary = verify(place.read()).unwrap_or_else(|fault| panic!("{cut}: {fault}"));
        assert_eq!(summary.recoveries, 1, "{cut}");
    }
}

#[test]
fn what_was_changed_and_not_interrupted_is_not_continued() {
    let whole = text(&lines(3));
    for damaged in [
        whole.replace("\"number\":2", "\"number\":7"),
        format!("{whole}a\nb\nc\n"),
        format!("{whole}\n"),
        "hello\nworld\nand more\n".to_owned(),
        "hello\n".to_owned(),
        "hello".to_owned(),
        "\n".to_owned(),
        format!("{}\n{}", text(&lines(3)[..2]), &lines(3)[2][..20]),
        format!("{whole}x\n"),
        format!("{whole}x"),
        // The last line, changed so that it is no record any more; and the last two replaced.
        format!(
            "{}{}\n",
            text(&lines(3)[..2]),
            lines(3)[2].replace("\"event\"", "\"evemt\"")
        ),
        format!(
            "{}{}\n",
            text(&lines(3)[..2]),
            lines(3)[2].replace("\"hash\"", "\"hush\"")
        ),
        format!("{}x\n", text(&lines(3)[..1])),
        format!("{}x\ny\n", text(&lines(3)[..1])),
        // The beginning of a record, but not of the next one.
        format!("{whole}{}", &lines(3)[2][..40]),
        format!("{}{}", text(&lines(3)[..1]), &lines(3)[2][..80]),
        // A whole record of another log in the place of the end of one.
        format!("{}{}", text(&lines(3)[..1]), lines(3)[2]),
    ] {
        let place = Place::new();
        fs::write(place.path(), &damaged).unwrap();
        assert!(
            matches!(place.open(), Err(OpenError::Damaged { .. })),
            "{damaged}"
        );
        assert_eq!(place.read(), damaged.as_bytes());
    }
}

#[test]
fn zeros_that_a_machine_without_power_leaves_are_a_crash() {
    let whole = text(&lines(2)).into_bytes();
    for cut in [whole.len() - 30, whole.len() - lines(2)[1].len() - 1, 0] {
        let place = Place::new();
        let left = [&whole[..cut], &[0; 4096]].concat();
        fs::write(place.path(), &left).unwrap();
        assert!(place.open().unwrap().recovered, "{cut}");
        // Again, at the first byte of the recovery.
        fs::write(place.path(), [&left[..], b"\n"].concat()).unwrap();
        assert!(place.open().unwrap().recovered, "{cut}");
        place.add(1);
        assert_eq!(verify(place.read()).unwrap().recoveries, 1, "{cut}");
        assert!(place.read().starts_with(&left));
    }
}

#[test]
fn two_writers_never_have_one_log() {
    let place = Place::new();
    let first = place.open().unwrap();
    assert!(matches!(place.open(), Err(OpenError::Busy { .. })));
    drop(first);
    assert!(place.open().is_ok());
}

#[test]
fn a_log_is_put_aside_and_the_chain_goes_on() {
    let place = Place::new();
    let last = place.add(2);
    let mut opened = place.open().unwrap();
    opened.log.rotate(&last).unwrap();
    assert_eq!(opened.log.length(), 0);
    drop(opened);
    // A crash right now leaves no record in the new file.
    assert_eq!(place.open().unwrap().last, last);
    place.add(2);
    let files = all_files(place.dir.path());
    assert_eq!(files.len(), 2);
    assert!(
        files[1].to_str().unwrap().ends_with("audit.log.000000000002"),
        "{files:?}"
    );
    let mut verifier = Verifier::after(Link::START);
    for file in [&files[1], &files[0]] {
        verifier.read(&fs::read(file).unwrap()[..]).unwrap().unwrap();
    }
    assert_eq!(verifier.finish().unwrap().records, 4);
    // Alone, the new one does not pass for a whole log.
    assert!(matches!(
        verify(place.read()).unwrap_err().kind,
        FaultKind::Missing {
            expected: 1,
            found: 3
        }
    ));
}

#[test]
fn a_place_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    let missing = place.dir.path().join("missing/audit.log");
    assert!(matches!(LogFile::open(&missing, NOW), Err(OpenError::Io { .. })));
}
