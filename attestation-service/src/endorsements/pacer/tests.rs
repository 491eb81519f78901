use super::*;

fn limited(seconds: u64) -> EndorsementError {
    EndorsementError::Unavailable {
        source_name: "kds".to_owned(),
        reason: "too much".to_owned(),
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

fn down() -> EndorsementError {
    EndorsementError::unavailable("kds", "down")
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_new_source_may_be_asked_at_once_by_everybody() {
    let now = Instant::now();
    let mut pacer = Pacer::new(now);
    assert!((0..100).all(|_| pacer.reserve(now, Duration::ZERO) == Ok(now)));
    assert_eq!(pacer.left_alone(now), None);
}

#[test]
fn a_source_that_had_too_much_is_left_alone_as_it_wants_and_then_asked_at_that_pace() {
    let now = Instant::now();
    let mut pacer = Pacer::new(now);
    pacer.failed(now, &limited(10));
    let left_alone = LeftAlone {
        remaining: 10 * SECOND,
        reason: "too much".to_owned(),
    };
    assert_eq!(pacer.reserve(now, 9 * SECOND), Err(left_alone.clone()));
    assert_eq!(pacer.left_alone(now), Some(left_alone));
    assert_eq!(pacer.reserve(now, 25 * SECOND), Ok(now + 10 * SECOND));
    assert_eq!(pacer.reserve(now, 25 * SECOND), Ok(now + 20 * SECOND));
    assert!(
        pacer.reserve(now, 25 * SECOND).is_err(),
        "the third would wait 30 seconds"
    );
    assert_eq!(pacer.left_alone(now + 10 * SECOND), None);
}

#[test]
fn the_pace_eases_with_every_answer() {
    let now = Instant::now();
    let mut pacer = Pacer::new(now);
    pacer.failed(now, &limited(1));
    let later = now + SECOND;
    assert_eq!(pacer.reserve(later, SECOND), Ok(later));
    for _ in 0..3 {
        pacer.answered();
    }
    assert_eq!(pacer.reserve(later, 2 * SECOND), Ok(later + SECOND));
    assert_eq!(pacer.reserve(later, 2 * SECOND), Ok(later + SECOND));
}

#[test]
fn one_that_does_not_answer_is_tried_again_and_then_left_alone_for_longer_and_longer() {
    let mut now = Instant::now();
    let mut pacer = Pacer::new(now);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        if let Err(left_alone) = pacer.reserve(now, 60 * SECOND) {
            now += left_alone.remaining;
        }
        now = pacer.reserve(now, 60 * SECOND).unwrap();
        pacer.failed(now, &down());
        pauses.push(
            pacer
                .left_alone(now)
                .map_or(0, |left_alone| left_alone.remaining.as_secs()),
        );
    }
    assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
    now += LONGEST_PAUSE;
    pacer.answered();
    pacer.failed(now, &down());
    assert_eq!(pacer.left_alone(now), None, "it begins anew");
}

#[test]
fn no_wish_is_granted_for_ever() {
    let now = Instant::now();
    let mut pacer = Pacer::new(now);
    pacer.failed(now, &limited(u64::MAX));
    assert_eq!(pacer.left_alone(now).unwrap().remaining, LONGEST_WISH);
    assert!(pacer.reserve(now + LONGEST_WISH, Duration::ZERO).is_ok());
    assert!(pacer.reserve(now + LONGEST_WISH, SLOWEST_PACE).is_ok());
}
