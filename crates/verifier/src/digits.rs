//! Hex to and from claims, of which some evidence has dozens.

/// Lower-case hex.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    eventlog::hex(bytes.as_ref())
}

/// Exactly so many bytes from hex of either case.
pub(crate) fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let (pairs, odd) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !odd.is_empty() {
        return None;
    }
    let (mut bytes, mut wrong) = ([0; N], 0);
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (VALUES[usize::from(*high)], VALUES[usize::from(*low)]);
        wrong |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    (wrong & NONE == 0).then_some(bytes)
}

/// What each character stands for as a digit.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut number: u8 = 0;
    while number < 16 {
        let place = number as usize;
        let (lower, upper) = (b"0123456789abcdef"[place], b"0123456789ABCDEF"[place]);
        values[lower as usize] = number;
        values[upper as usize] = number;
        number += 1;
    }
    values
};

/// No digit.
const NONE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hex_is_two_digits_a_byte(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let plain: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(super::hex(&bytes), plain);
        }

        #[test]
        fn hex_of_either_case_is_read_back(bytes in any::<[u8; 8]>()) {
            let text = super::hex(bytes);
            prop_assert_eq!(super::bytes(&text), Some(bytes));
            prop_assert_eq!(super::bytes(&text.to_uppercase()), Some(bytes));
            prop_assert_eq!(super::bytes::<7>(&text), None);
        }

        #[test]
        fn what_is_no_hex_is_not_read(text in "[0-9a-fA-F]{8}|[0-9a-g]{6,9}|.{3,9}") {
            let plain = hex::decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
            prop_assert_eq!(super::bytes::<4>(&text), plain);
        }
    }

    #[test]
    fn every_character_is_a_digit_or_none() {
        for character in 0..=u8::MAX {
            let text = format!("0{}", char::from(character));
            let plain = hex::decode(&text).ok().map(|bytes| [bytes[0]]);
            assert_eq!(super::bytes::<1>(&text), plain, "{character}");
        }
    }
}
