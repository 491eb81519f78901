//! An error with what caused it.

use std::error::Error;

/// The error and its causes in one text. A cause that the text before it quotes already is not repeated.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(said.trim()) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
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
