//! JSON text, written piece by piece: what a large log says is written once, and nothing of it is held in between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A text that will be JSON, or how long it will be: written and counted by the same code, so that it is written into
/// memory of exactly its size, which for a long log costs less than to find more and to give some back.
pub(crate) struct Json(Target);

enum Target {
    Length(usize),
    Text(String),
}

/// So many bytes are looked at together for whether all of them can stand as they are.
pub(crate) const RUN: usize = 64;

impl Json {
    /// One that is only counted.
    pub(crate) fn counted() -> Self {
        Self(Target::Length(0))
    }

    /// One that is written, of about so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Target::Text(String::with_capacity(bytes)))
    }

    /// How long it is so far.
    pub(crate) fn length(&self) -> usize {
        match &self.0 {
            Target::Length(length) => *length,
            Target::Text(text) => text.len(),
        }
    }

    /// What was written.
    pub(crate) fn into_text(self) -> String {
        match self.0 {
            Target::Length(_) => String::new(),
            Target::Text(text) => text,
        }
    }

    /// Counts so many bytes, or writes.
    fn put(&mut self, length: impl FnOnce() -> usize, write: impl FnOnce(&mut String)) {
        match &mut self.0 {
            Target::Length(counted) => *counted = counted.saturating_add(length()),
            Target::Text(text) => write(text),
        }
    }

    /// Brackets, commas, names of members, numbers: whatever is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.put(|| json.len(), |text| text.push_str(json));
    }

    /// Whatever `write` writes. If it is only counted, `about` bytes are: for what would take as long to be counted as
    /// to be written.
    pub(crate) fn about(&mut self, about: usize, write: impl FnOnce(&mut Self)) {
        match &mut self.0 {
            Target::Length(counted) => *counted = counted.saturating_add(about),
            Target::Text(_) => write(self),
        }
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        self.raw("\"");
        self.put(|| escaped_length(text), |to| push_text(to, text));
        self.raw("\"");
    }

    /// A string that is the base64 of some bytes.
    pub(crate) fn base64(&mut self, bytes: &[u8]) {
        self.raw("\"");
        self.put(
            || bytes.len().div_ceil(3).saturating_mul(4),
            |to| STANDARD.encode_string(bytes, to),
        );
        self.raw("\"");
    }

    /// A string that is the hex of some bytes.
    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        self.raw("\"");
        self.put(|| bytes.len().saturating_mul(2), |to| push_hex(to, bytes));
        self.raw("\"");
    }

    /// Any value.
    pub(crate) fn value(&mut self, value: &Value) {
        self.raw(&serde_json::to_string(value).unwrap_or_default());
    }

    /// An array of whatever `write` writes of each item.
    pub(crate) fn array<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.raw("[");
        for (number, item) in items.enumerate() {
            if number > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]");
    }
}

/// Lower-case hex, written quickly, for logs are long.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
    push_hex(&mut digits, bytes);
    digits
}

fn push_hex(to: &mut String, bytes: &[u8]) {
    for run in bytes.chunks(RUN) {
        let mut digits = [0; 2 * RUN];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(run) {
            *pair = HEX[usize::from(*byte)];
        }
        let written = digits.get(..2 * run.len()).unwrap_or_default();
        to.push_str(std::str::from_utf8(written).unwrap_or_default());
    }
}

/// Each byte's two digits.
const HEX: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte: u8 = 0;
    loop {
        pairs[byte as usize] = [digit(byte >> 4), digit(byte & 0xf)];
        if byte == u8::MAX {
            break pairs;
        }
        byte += 1;
    }
};

/// A text, with what has to be escaped.
fn push_text(to: &mut String, text: &str) {
    for run in runs(text, RUN) {
        if is_plain(run) {
            to.push_str(run);
        } else {
            push_escaped(to, run);
        }
    }
}

/// How long it is with what has to be escaped.
fn escaped_length(text: &str) -> usize {
    let escape = |byte| usize::from(ESCAPES[usize::from(byte)].1);
    let length = |run: &str| match is_plain(run) {
        true => run.len(),
        false => run.bytes().map(escape).sum(),
    };
    runs(text, RUN).map(length).sum()
}

/// Can all of it stand as it is?
fn is_plain(run: &str) -> bool {
    is_all(run.as_bytes(), |byte| {
        byte >= 0x20 && byte != b'"' && byte != b'\\'
    })
}

/// Of one run.
fn push_escaped(to: &mut String, run: &str) {
    // Six for each byte of a run, which is at most three longer than it should be.
    let mut escaped = [0; ESCAPE * (RUN + 3)];
    let mut length = 0;
    for byte in run.bytes() {
        let (text, part) = &ESCAPES[usize::from(byte)];
        // All six, of which the next one overwrites what is too much.
        if let Some(place) = escaped.get_mut(length..length + ESCAPE) {
            place.copy_from_slice(text);
        }
        length += usize::from(*part);
    }
    let written = escaped.get(..length).unwrap_or_default();
    to.push_str(std::str::from_utf8(written).unwrap_or_default());
}

/// Bytes of the longest escape.
const ESCAPE: usize = 6;

/// What stands for each byte, and how long that is: RFC 8259, section 7, with the short forms where there are any.
const ESCAPES: [([u8; ESCAPE], u8); 256] = {
    let mut escapes = [([0; ESCAPE], 1); 256];
    let mut byte: u8 = 0;
    loop {
        let short = match byte {
            b'"' | b'\\' => Some(byte),
            0x08 => Some(b'b'),
            b'\t' => Some(b't'),
            b'\n' => Some(b'n'),
            0x0c => Some(b'f'),
            b'\r' => Some(b'r'),
            _ => None,
        };
        escapes[byte as usize] = match (short, byte) {
            (Some(letter), _) => ([b'\\', letter, 0, 0, 0, 0], 2),
            (None, 0..0x20) => ([b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)], 6),
            (None, _) => ([byte, 0, 0, 0, 0, 0], 1),
        };
        if byte == u8::MAX {
            break escapes;
        }
        byte += 1;
    }
};

const fn digit(number: u8) -> u8 {
    number + if number < 10 { b'0' } else { b'a' - 10 }
}

/// The text in pieces of about so many bytes.
pub(crate) fn runs(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        // Not in the middle of a character; one is at most four bytes long, so that a run is never empty.
        let (run, behind) = rest.split_at(rest.floor_char_boundary(length));
        rest = behind;
        (!run.is_empty()).then_some(run)
    })
}

/// Looks at all of them, which is quicker than to stop at the first that is not so.
pub(crate) fn is_all(bytes: &[u8], holds: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & holds(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_what_serde_json_makes_of_it() {
        let all: String = (0..0x250).filter_map(char::from_u32).collect();
        for text in [
            "",
            "a\"b\\c\u{1}\u{1f}d\n",
            &all,
            &all.repeat(3),
            &"\u{0}".repeat(200),
            &"é\u{2}".repeat(99),
        ] {
            let (mut json, mut counted) = (Json::with_capacity(0), Json::counted());
            json.text(text);
            counted.text(text);
            assert_eq!(counted.length(), json.length());
            assert_eq!(json.into_text(), serde_json::to_string(text).unwrap());
        }
    }
}
