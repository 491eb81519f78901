use super::*;
use crate::endorsements::record::tests::{ISSUED, TCB_INFO, record, vcek};

const LIMITS: Limits = Limits {
    entries: 40,
    bytes: 1 << 20,
};

fn memory() -> Memory {
    Memory::new(LIMITS)
}

fn any_record() -> Arc<Record> {
    Arc::new(record(1, ISSUED))
}

/// Puts a record and proves it.
fn keep(memory: &Memory, id: &EndorsementId) -> Vec<EndorsementId> {
    let record = any_record();
    memory.put(id, Arc::clone(&record), false, 0);
    let (is_news, gone) = memory.prove(id, &record);
    assert!(is_news);
    gone
}

#[test]
fn a_flood_of_newcomers_pushes_out_none_that_proved_to_hold() {
    let memory = memory();
    for chip in 0..30 {
        assert!(keep(&memory, &vcek(chip)).is_empty());
    }
    for chip in 100..=255 {
        assert_eq!(
            memory.put(&vcek(chip), any_record(), false, 0),
            (false, Vec::new())
        );
    }
    assert!((0..30).all(|chip| memory.peek(&vcek(chip)).is_some()));
    let [kept, trial] = memory.totals();
    assert_eq!((kept.entries, trial.entries), (30, 10));
    assert_eq!(memory.list().len(), 40);
}

#[test]
fn too_many_kept_ones_push_out_what_is_not_used_and_say_so() {
    let memory = memory();
    for chip in 0..30 {
        keep(&memory, &vcek(chip));
    }
    memory.get(&vcek(0), 0).unwrap();
    assert_eq!(keep(&memory, &vcek(30)), [vcek(1)]);
    assert!(memory.peek(&vcek(0)).is_some());
    assert_eq!(keep(&memory, &vcek(31)), [vcek(2)]);
}

#[test]
fn the_limit_of_bytes_holds_as_well() {
    let size = any_record().size();
    let memory = Memory::new(Limits {
        entries: 1000,
        bytes: size * 40,
    });
    for chip in 0..=255 {
        memory.put(&vcek(chip), any_record(), true, 0);
        memory.put(&vcek(chip), any_record(), false, 0);
    }
    let [kept, trial] = memory.totals();
    assert_eq!((kept.entries, trial.entries), (30, 0));
    assert_eq!(kept.bytes, size * 30);
}

#[test]
fn the_same_thing_for_ever_takes_no_more_room() {
    let memory = memory();
    for _ in 0..1000 {
        memory.put(&TCB_INFO, any_record(), false, 0);
        memory.doubt(&TCB_INFO);
        memory.put(&TCB_INFO, any_record(), false, 0);
    }
    assert_eq!(memory.list().len(), 1);
    assert_eq!(memory.totals()[1].entries, 1);
    assert!(memory.lock().trial.next().is_some());
    assert!(memory.lock().next_ticket >= 2000);
}

#[test]
fn only_the_very_record_that_was_used_is_proved() {
    let memory = memory();
    memory.put(&TCB_INFO, any_record(), false, 0);
    let other = any_record();
    assert!(!memory.prove(&TCB_INFO, &other).0);
    let record = memory.peek(&TCB_INFO).unwrap();
    assert!(memory.prove(&TCB_INFO, &record).0);
    assert!(!memory.prove(&TCB_INFO, &record).0, "it is no news");
    assert!(memory.get(&TCB_INFO, 0).unwrap().proved);
}

#[test]
fn the_same_content_again_stays_proved_and_another_is_on_trial() {
    let memory = memory();
    keep(&memory, &TCB_INFO);
    assert!(memory.put(&TCB_INFO, Arc::new(record(1, ISSUED + 9)), false, 0).0);
    assert!(memory.get(&TCB_INFO, 0).unwrap().proved);
    assert!(!memory.put(&TCB_INFO, Arc::new(record(2, ISSUED)), false, 0).0);
    assert!(!memory.get(&TCB_INFO, 0).unwrap().proved);
    assert_eq!(memory.totals()[0].entries, 1, "it is kept all the same");
}

#[test]
fn a_newer_one_that_does_not_hold_gives_way_to_the_one_before() {
    let memory = memory();
    keep(&memory, &TCB_INFO);
    memory.put(&TCB_INFO, Arc::new(record(2, ISSUED)), false, 0);
    memory.put(&TCB_INFO, Arc::new(record(3, ISSUED)), false, 0);
    assert_eq!(
        memory.proved_record(&TCB_INFO).unwrap().endorsement.bytes,
        any_record().endorsement.bytes
    );
    assert_eq!(memory.doubt(&TCB_INFO), Doubted::Reverted);
    let found = memory.get(&TCB_INFO, 0).unwrap();
    assert!(found.proved && found.record.same_content(&any_record()));
    assert_eq!(memory.doubt(&TCB_INFO), Doubted::Stays);
    assert!(memory.peek(&TCB_INFO).is_some());
}

#[test]
fn what_never_held_is_forgotten_when_it_is_doubted() {
    let memory = memory();
    assert_eq!(memory.doubt(&TCB_INFO), Doubted::Absent);
    memory.put(&TCB_INFO, any_record(), true, 0);
    assert_eq!(memory.doubt(&TCB_INFO), Doubted::Forgotten);
    assert!(memory.peek(&TCB_INFO).is_none());
    assert_eq!(memory.totals()[0], Limits { entries: 0, bytes: 0 });
}

#[test]
fn one_of_many_is_the_one_to_ask() {
    let memory = memory();
    assert!(!memory.claim_refresh(&TCB_INFO, 0, 60));
    memory.put(&TCB_INFO, any_record(), false, 0);
    assert!(memory.claim_refresh(&TCB_INFO, 0, 60));
    assert!(!memory.claim_refresh(&TCB_INFO, 59, 119));
    assert!(memory.get(&TCB_INFO, 59).unwrap().just_asked);
    assert!(memory.claim_refresh(&TCB_INFO, 60, 120));
}

#[test]
fn what_nobody_uses_is_not_refreshed() {
    let memory = memory();
    memory.put(&TCB_INFO, any_record(), false, ISSUED);
    let late = ISSUED + 10 * 24 * 3600;
    assert_eq!(memory.due(ISSUED, ISSUED, 9), []);
    assert_eq!(memory.due(late, ISSUED, 9), [TCB_INFO]);
    assert_eq!(memory.due(late, ISSUED + 1, 9), []);
    memory.get(&TCB_INFO, late).unwrap();
    assert_eq!(memory.due(late, ISSUED + 1, 9), [TCB_INFO]);
    assert_eq!(memory.due(late, 0, 0), []);
}
