//! Notes, until they are records.

use super::memory::{Limits, Memory};
use super::*;

const LIMITS: Limits = Limits {
    count: 100,
    age: 3600,
    claims: 64 * 1024,
};

/// Notes what happened, under an id of its own.
fn note(memory: &mut Memory, number: u32, what: Occurrence) -> DecisionId {
    let id: DecisionId = format!("{NOW:08x}-{number:016x}").parse().unwrap();
    memory.add(Arc::new(Noted::new(id, NOW, what)));
    id
}

#[test]
fn a_note_is_worth_what_a_record_is() {
    let mut memory = Memory::new(LIMITS);
    let attestation = note(&mut memory, 1, attested(claims(10)));
    let release = note(&mut memory, 2, released("default/key/1", Some(attestation)));
    assert_eq!(memory.unmade_bytes(), 2 * claims(10).len());
    // The release is looked at first: what it finds out of the guest, the attestation need not find out again.
    let release = Arc::clone(memory.get(release).unwrap().decision());
    let entry = memory.get(attestation).unwrap();
    assert_eq!(entry.decision().verdict, Verdict::Affirming);
    assert_eq!(release.devices["cpu0"].status, "affirming");
    assert!(Arc::ptr_eq(&release.devices, &entry.decision().devices));
    assert_eq!(entry.claims.as_deref(), Some(&*claims(10)));
}

#[test]
fn what_notes_hold_is_bounded_and_what_was_written_holds_nothing() {
    let mut memory = Memory::new(LIMITS);
    let claims = claims(9 * 1024);
    for number in 0..60 {
        let attestation = note(&mut memory, 2 * number, attested(Arc::clone(&claims)));
        note(
            &mut memory,
            2 * number + 1,
            released("default/key/1", Some(attestation)),
        );
        assert!(memory.unmade_bytes() <= LIMITS.claims, "{number}");
    }
    let all: Vec<Verdict> = memory.after(None).map(|entry| entry.decision().verdict).collect();
    assert_eq!(all.len(), LIMITS.count);
    assert!(
        all.chunks(2)
            .all(|two| two == [Verdict::Affirming, Verdict::Released])
    );
    let pending = memory.pending(LIMITS.count).unwrap();
    memory.stored(&pending, &Arc::from("batch"));
    assert_eq!(memory.unmade_bytes(), 0);
}

#[test]
fn notes_leave_with_all_that_they_hold() {
    let mut memory = Memory::new(LIMITS);
    note(&mut memory, 1, attested(claims(100)));
    note(&mut memory, 2, refused());
    memory.trim(NOW + 2 * LIMITS.age);
    assert_eq!(memory.unmade_bytes(), 0);
    assert_eq!(memory.after(None).count(), 0);
}
