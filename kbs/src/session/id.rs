//! The name of a session: 128 random bits in the shape of a version 4 UUID.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};

/// Who holds this id acts for the session, so it is never shown in logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Draws a fresh id. Fails only if the system has no randomness.
    pub fn random(random: &SystemRandom) -> Result<Self, ring::error::Unspecified> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        // RFC 9562, section 5.4: version and variant.
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Ok(Self(bytes))
    }

    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The text a cookie carries.
    pub fn to_cookie_value(self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_cookie_and_stays_out_of_debug_output() {
        let id = SessionId::random(&SystemRandom::new()).unwrap();
        let text = id.to_cookie_value();
        assert_eq!(text.len(), 32);
        assert_eq!(&text[12..13], "4");
        assert_eq!(SessionId::parse(&text), Some(id));
        assert!(!format!("{id:?}").contains(&text[..8]));
    }

    #[test]
    fn anything_but_32_lower_case_digits_is_no_id() {
        for text in [
            "",
            "deadbeef",
            "B28C08B568EE481F8DD8FEEE2A4B2E8F",
            "b28c08b568ee481f8dd8feee2a4b2e8",
            "b28c08b568ee481f8dd8feee2a4b2e8f0",
            "g28c08b568ee481f8dd8feee2a4b2e8f",
        ] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }
}
