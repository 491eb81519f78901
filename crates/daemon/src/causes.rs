//! An error with what caused it.

use std::error::Error;

/// The error and its causes in one text. A cause that the text before it quotes already is not repeated.
pub fn causes(error: &dyn Error) -> String {
    joined(chain(error))
}

/// The causes alone, outermost first, likewise.
pub fn causes_below(error: &dyn Error) -> String {
    joined(chain(error).skip(1))
}

fn chain<'e>(error: &'e (dyn Error + 'e)) -> impl Iterator<Item = &'e (dyn Error + 'e)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source().map(|cause| cause as &'e (dyn Error + 'e));
        Some(error)
    })
}

fn joined<'e>(errors: impl Iterator<Item = &'e (dyn Error + 'e)>) -> String {
    let mut text = String::new();
    for said in errors.map(ToString::to_string) {
        if text.is_empty() {
            text = said;
        } else if !text.contains(said.trim()) {
            text.push_str(": ");
            text.push_str(&said);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] crate::config::ConfigError);

    #[test]
    fn what_is_wrong_in_a_configuration_file_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.toml");
        let refused = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let refused = crate::config::load::<u8>(Path::new(&path), &[]).unwrap_err();
            causes(&Outer(refused))
        };
        for (text, word) in [("[a\nx", "TOML parse error"), ("a = 1", "invalid type")] {
            let said = refused(text);
            assert!(said.starts_with("cannot start: failed to load"), "{said}");
            assert_eq!(said.matches(word).count(), 1, "{said}");
        }
    }
}
