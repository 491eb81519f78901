//! JSON text, written piece by piece: what a large log says is written once, and nothing of it is held in between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A text that will be JSON.
pub(crate) struct Json(String);

/// So many bytes are looked at together for whether all of them can stand as they are.
pub(crate) const RUN: usize = 64;

impl Json {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// Brackets, commas, names of members, numbers: whatever is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.0.push_str(json);
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.push('"');
        for run in runs(text, RUN) {
            if is_all(run.as_bytes(), |byte| {
                byte >= 0x20 && byte != b'"' && byte != b'\\'
            }) {
                self.0.push_str(run);
            } else {
                push_escaped(&mut self.0, run);
            }
        }
        self.0.push('"');
    }

    /// A string that is the base64 of some bytes.
    pub(crate) fn base64(&mut self, bytes: &[u8]) {
        self.0.push('"');
        STANDARD.encode_string(bytes, &mut self.0);
        self.0.push('"');
    }

    /// A string that is the hex of some bytes.
    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        self.0.push('"');
        push_hex(&mut self.0, bytes);
        self.0.push('"');
    }

    /// Any value.
    pub(crate) fn value(&mut self, value: &Value) {
        self.0.push_str(&serde_json::to_string(value).unwrap_or_default());
    }

    /// An array of whatever `write` writes of each item.
    pub(crate) fn array<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.0.push('[');
        for (number, item) in items.enumerate() {
            if number > 0 {
                self.0.push(',');
            }
            write(self, item);
        }
        self.0.push(']');
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
            *pair = [digit(byte >> 4), digit(byte & 0xf)];
        }
        let written = digits.get(..2 * run.len()).unwrap_or_default();
        to.push_str(std::str::from_utf8(written).unwrap_or_default());
    }
}

/// A run, with what has to be escaped: RFC 8259, section 7, with the short forms where there are any.
fn push_escaped(to: &mut String, run: &str) {
    // A character more than a run may be, and six for each.
    let mut escaped = [0; 6 * (RUN + 4)];
    let mut room = escaped.iter_mut();
    // In this order: who ends first is asked first.
    let mut put = |bytes: &[u8]| {
        bytes
            .iter()
            .zip(room.by_ref())
            .for_each(|(byte, place)| *place = *byte)
    };
    let mut length = 0;
    for byte in run.bytes() {
        let long = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)];
        let short: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            0x08 => b"\\b",
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            0x0c => b"\\f",
            b'\r' => b"\\r",
            0..0x20 => &long,
            _ => &[byte],
        };
        put(short);
        length += short.len();
    }
    let written = escaped.get(..length).unwrap_or_default();
    to.push_str(std::str::from_utf8(written).unwrap_or_default());
}

fn digit(number: u8) -> u8 {
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
            let mut json = Json::with_capacity(0);
            json.text(text);
            assert_eq!(json.into_text(), serde_json::to_string(text).unwrap());
        }
    }
}
