//! The nearest known word to one that is unknown, in serde's messages.

use crate::suggest::nearest;

/// A suggestion to put behind serde's message about an unknown field or variant: `; did you mean ...?`.
/// Empty if the message is about something else or nothing known is near.
///
/// serde words it so: "unknown field `a`, expected `b`" or "expected one of `b`, `c`"; every name is
/// between backquotes, the unknown one first.
pub(super) fn hint(message: &str) -> String {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return String::new();
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let Some(unknown) = names.next() else {
        return String::new();
    };
    match nearest(unknown, names) {
        Some(known) => format!("; did you mean `{known}`?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_field_is_recognised() {
        let message = "unknown field `certificat`, expected one of `private_key`, `certificate`, `sockets`";
        assert_eq!(hint(message), "; did you mean `certificate`?");
    }

    #[test]
    fn a_word_like_none_of_the_known_gets_no_suggestion() {
        assert_eq!(
            hint("unknown field `zebra`, expected one of `private_key`, `certificate`"),
            ""
        );
    }

    #[test]
    fn other_messages_get_no_suggestion() {
        assert_eq!(hint("missing field `zebra`"), "");
    }
}
