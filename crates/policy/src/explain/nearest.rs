//! Names that look almost the same: what a typing error was meant to be.

/// The most names that are compared; more would take longer than a hint is worth.
const MAX_NAMES: usize = 2000;
/// The longest name that is compared, in bytes.
const MAX_LENGTH: usize = 128;

/// The name that differs least from `wanted`, if it differs in little.
pub(crate) fn of<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let few = (wanted.len() / 4).clamp(1, 3);
    let near = |name: &&str| name.len().abs_diff(wanted.len()) <= few && name.len() <= MAX_LENGTH;
    let names = names.take(MAX_NAMES).filter(near);
    let distances = names.map(|name| (distance(wanted, name), name));
    let (least, name) = distances.min()?;
    (least <= few && least > 0).then(|| name.to_owned())
}

/// How many characters have to be put in, taken out, exchanged, or swapped with the next, to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, c) in one.iter().enumerate() {
        let earlier = number.checked_sub(1).and_then(|at| one.get(at));
        let mut next = Vec::with_capacity(row.len());
        let mut left = number.saturating_add(1);
        next.push(left);
        for (at, (two, d)) in row.windows(2).zip(&other).enumerate() {
            let &[diagonal, above] = two else { continue };
            let exchanged = diagonal.saturating_add(usize::from(c != d));
            left = exchanged.min(above.saturating_add(1)).min(left.saturating_add(1));
            if let Some(at) = at.checked_sub(1)
                && (earlier, other.get(at)) == (Some(d), Some(c))
                && let Some(swapped) = before.get(at)
            {
                left = left.min(swapped.saturating_add(1));
            }
            next.push(left);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_counted() {
        for (one, other, apart) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("mesurement", "measurement", 1),
            ("spn", "snp", 1),
            ("ca", "abc", 3),
            ("matches_refrence_value", "matches_reference_value", 1),
        ] {
            assert_eq!(distance(one, other), apart, "{one} {other}");
            assert_eq!(distance(other, one), apart, "{other} {one}");
        }
    }

    #[test]
    fn only_what_looks_almost_the_same_is_near() {
        let names = ["snp_launch_measurement", "snp_bootloader", "svn"];
        let nearest = |wanted| of(wanted, names.into_iter());
        assert_eq!(
            nearest("snp_launch_mesurement").as_deref(),
            Some("snp_launch_measurement")
        );
        assert_eq!(nearest("snv").as_deref(), Some("svn"));
        assert_eq!(nearest("svm").as_deref(), Some("svn"));
        assert_eq!(nearest("svn"), None);
        assert_eq!(nearest("rtmr_1"), None);
    }
}
