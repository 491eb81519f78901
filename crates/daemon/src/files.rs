//! How many files and connections this process may have open.
//!
//! A process that has as many as it may cannot take a connection to refuse it, nor read a file: all wait until one is
//! closed. So clients get no more connections than leave room for the rest.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as all connections of a server, and the rest, can need.
const ENOUGH: u64 = 65_536;

/// Kept for what is read and written, for other services and for the runtime.
const RESERVED: u64 = 128;

/// Raises the limit as far as it is needed and the process may do so itself.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit {
            current: Some(wanted),
            maximum,
        };
        // Where that is not allowed, it stays as it was.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// How many connections clients may have, and how many files the process may have open, if that is limited.
pub(crate) fn connections() -> (usize, Option<u64>) {
    let files = getrlimit(Resource::Nofile).current;
    (beside_the_rest(files), files)
}

fn beside_the_rest(files: Option<u64>) -> usize {
    let Some(files) = files else { return usize::MAX };
    let reserved = RESERVED.min(files / 2);
    usize::try_from(files - reserved).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_rest() {
        assert_eq!(beside_the_rest(None), usize::MAX);
        assert_eq!(beside_the_rest(Some(1024)), 896);
        assert_eq!(beside_the_rest(Some(100)), 50);
        assert_eq!(beside_the_rest(Some(0)), 1);
    }

    #[test]
    fn the_limit_is_as_high_as_this_process_may_set_it() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let possible = maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
        assert!(current.is_none_or(|current| current >= possible));
    }
}
