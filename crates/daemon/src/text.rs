//! Texts that are too long for where they go.

/// The lines, each after a line break and two spaces, as far as they fit into so many bytes in all. Then how many more
/// there are, and `advice`.
pub fn lines(lines: &[String], bytes: usize, advice: &str) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let more = lines.len() - number;
        if text.len() + line.len() > bytes {
            // A first line that is too long alone is cut: something has to be said.
            if number == 0 {
                text.push_str("\n  ");
                text.extend(
                    line.char_indices()
                        .take_while(|(at, _)| *at < bytes)
                        .map(|(_, c)| c),
                );
                text.push('…');
            }
            let more = if number == 0 { more - 1 } else { more };
            if more > 0 {
                text.push_str(&format!("\n  and {more} more: {advice}"));
            }
            return text;
        }
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// A text of another service: without control characters but for line breaks, and of so many bytes at most, cut at the
/// end of a line if there is one.
pub fn bounded_lines(text: &str, bytes: usize) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let whole = |text: &str| text.chars().map(clean).collect::<String>();
    let end = text.floor_char_boundary(bytes);
    let (kept, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if rest.is_empty() {
        return whole(text);
    }
    match kept.rfind('\n').and_then(|line| text.split_at_checked(line)) {
        Some((kept, rest)) => {
            let more = rest.trim_start_matches('\n').lines().count();
            format!("{}\n  and {more} more", whole(kept))
        }
        None => format!("{}…", whole(kept)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("line {number}")).collect()
    }

    #[test]
    fn lines_that_fit_are_all_there() {
        assert_eq!(lines(&numbered(2), 100, "look"), "\n  line 1\n  line 2");
        assert_eq!(lines(&[], 100, "look"), "");
    }

    #[test]
    fn lines_that_do_not_fit_are_counted_and_none_is_cut() {
        let text = lines(&numbered(9), 20, "look");
        assert_eq!(text, "\n  line 1\n  line 2\n  and 7 more: look");
    }

    #[test]
    fn a_single_line_that_does_not_fit_is_cut() {
        let long = vec!["é".repeat(100)];
        assert_eq!(lines(&long, 10, "look"), format!("\n  {}…", "é".repeat(5)));
        let both = [long, numbered(1)].concat();
        assert_eq!(
            lines(&both, 10, "look"),
            format!("\n  {}…\n  and 1 more: look", "é".repeat(5))
        );
    }

    #[test]
    fn a_text_of_another_service_is_cut_at_the_end_of_a_line() {
        assert_eq!(bounded_lines("a\tb\n  c", 100), "a b\n  c");
        assert_eq!(
            bounded_lines("reasons:\n  one\n  two\n  three", 18),
            "reasons:\n  one\n  and 2 more"
        );
        assert_eq!(bounded_lines("ééé", 5), "éé…");
    }

    #[test]
    fn no_text_is_longer_than_it_may_be_but_for_what_is_said_of_the_rest() {
        let rest = 40;
        for bytes in 1..80 {
            let text = lines(&numbered(9), bytes, "look");
            assert!(text.len() <= bytes + 3 * 9 + rest, "{bytes}: {text}");
            let text = bounded_lines(&lines(&numbered(9), 1000, ""), bytes);
            assert!(text.len() <= bytes + rest, "{bytes}: {text}");
        }
    }
}
