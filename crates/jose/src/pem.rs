//! PEM blocks (RFC 7468), read leniently as to what surrounds them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One block. The bytes may be a private key and are erased when dropped.
pub(crate) struct Block {
    /// The label, for example `CERTIFICATE`.
    pub(crate) label: String,
    /// The decoded content.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Every block of `text`, in order; text around blocks is ignored. `None`: a block is broken.
pub(crate) fn blocks(text: &[u8]) -> Option<Vec<Block>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            match lines.next()? {
                line if line == end => break,
                line => body.push_str(line),
            }
        }
        let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
        blocks.push(Block {
            label: label.to_owned(),
            der,
        });
    }
    Some(blocks)
}

/// Writes one block with lines of 64 characters.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(
        body.len() + body.len() / 64 + 2 * label.len() + 40,
    ));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_among_other_text() {
        let text = format!(
            "# a comment\r\n{}between\n{}",
            *encode("A", &[7; 100]),
            *encode("B", b"")
        );
        let found = blocks(text.as_bytes()).unwrap();
        let labels: Vec<_> = found
            .iter()
            .map(|block| (block.label.as_str(), block.der.len()))
            .collect();
        assert_eq!(labels, [("A", 100), ("B", 0)]);
    }

    #[test]
    fn a_block_without_end_or_with_other_characters_is_broken() {
        assert!(blocks(b"-----BEGIN A-----\nAAAA\n").is_none());
        assert!(blocks(b"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n-----END A-----\n").is_none());
        assert!(blocks(b"nothing here").unwrap().is_empty());
    }
}
