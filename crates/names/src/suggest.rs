//! The nearest known word to one that is unknown, for messages.

/// The candidate nearest to `word`, if it is near: a third of its letters may differ, two swapped ones count as one, or
/// one word is a part of the other.
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

/// How many letters have to be put in, taken out, replaced, or swapped with the next, to make one word of the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (number, from) in a.iter().enumerate() {
        let earlier = number.checked_sub(1).and_then(|at| a.get(at));
        let mut next = Vec::with_capacity(row.len());
        let mut left = number + 1;
        next.push(left);
        for (at, (two, to)) in row.windows(2).zip(b).enumerate() {
            let &[diagonal, above] = two else { continue };
            let replaced = diagonal + usize::from(from != to);
            left = replaced.min(above + 1).min(left + 1);
            if let Some(at) = at.checked_sub(1)
                && (earlier, b.get(at)) == (Some(to), Some(from))
                && let Some(swapped) = before.get(at)
            {
                left = left.min(swapped + 1);
            }
            next.push(left);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_counted() {
        for (one, other, apart) in [
            ("", "", 0),
            ("", "abc", 3),
            ("same", "same", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("mesurement", "measurement", 1),
            ("spn", "snp", 1),
            ("pns", "snp", 2),
            ("ca", "abc", 3),
        ] {
            let check = |a: &str, b: &str| distance(&normalised(a), &normalised(b));
            assert_eq!(check(one, other), apart, "{one} {other}");
            assert_eq!(check(other, one), apart, "{other} {one}");
        }
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
        let short = ["tdx", "snp", "svn"];
        assert_eq!(nearest("spn", short), Some("snp"));
        assert_eq!(nearest("svm", short), Some("svn"));
        assert_eq!(nearest("vsn", short), Some("svn"));
        assert_eq!(nearest("cca", short), None);
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
