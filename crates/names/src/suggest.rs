//! The nearest known word to one that is unknown, for messages.

/// The candidate nearest to `word`, if it is near: a third of its letters may differ, or one is a part of
/// the other.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = normalised(word);
    candidates
        .into_iter()
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

/// The candidate that differs from `word` in no more than two letters, and in no more than a quarter of them: where
/// another word may well be meant as it is written.
pub fn almost<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = normalised(word);
    let near = candidates
        .into_iter()
        .map(|candidate| (distance(&word, &normalised(candidate)), candidate));
    let near = near.filter(|(distance, _)| *distance <= 2 && distance * 4 <= word.len());
    near.min_by_key(|(distance, _)| *distance)
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
    fn the_nearest_word_is_named_and_a_strange_one_has_none() {
        let known = ["snp_launch_measurement", "snp_bootloader", "mr_td"];
        assert_eq!(
            nearest("snp_lauch_measurment", known),
            Some("snp_launch_measurement")
        );
        assert_eq!(nearest("MR-TD", known), Some("mr_td"));
        assert_eq!(nearest("elephants", known), None);
    }

    #[test]
    fn a_word_with_a_slip_is_almost_one_and_a_word_of_the_same_length_is_not() {
        let known = ["secure-boot", "vbios-version", "alg"];
        assert_eq!(almost("secure-bot", known), Some("secure-boot"));
        assert_eq!(almost("vbios-versoin", known), Some("vbios-version"));
        for other in ["secure-root-kit", "cpu-version", "all", "", "boot"] {
            assert_eq!(almost(other, known), None, "{other}");
        }
    }
}
