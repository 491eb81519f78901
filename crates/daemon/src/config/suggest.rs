//! The nearest known word to one that is unknown.

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

/// The candidate nearest to `word`, if it is near: a third of its letters may differ, or one is a part of
/// the other.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = normalised(word);
    candidates
        .filter_map(|candidate| {
            let known = normalised(candidate);
            let distance = distance(&word, &known);
            let contained =
                word.len().min(known.len()) >= 4 && (contains(&word, &known) || contains(&known, &word));
            let near = distance <= word.len().max(known.len()).div_ceil(3);
            (near || contained).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn normalised(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn contains(long: &[char], short: &[char]) -> bool {
    long.windows(short.len().max(1)).any(|window| window == short)
}

/// Levenshtein's distance: letters to insert, remove or replace.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_letters() {
        let check = |a: &str, b: &str| distance(&normalised(a), &normalised(b));
        assert_eq!(check("kitten", "sitting"), 3);
        assert_eq!(check("", "abc"), 3);
        assert_eq!(check("same", "same"), 0);
    }

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
