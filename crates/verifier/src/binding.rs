//! What the evidence must be bound to: freshness and key through the report data, start-up configuration
//! through the init data.

use crate::VerifyError;

/// The values that the evidence must carry. An absent value is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedBinding {
    /// The digest over nonce and TEE key, or the caller's own bytes.
    pub report_data: Option<Vec<u8>>,
    /// The digest of the init-data.
    pub init_data: Option<Vec<u8>>,
}

/// Lengths of the digests that init-data may name: SHA-256 or SM3, SHA-384, SHA-512.
const DIGEST_LENGTHS: [usize; 3] = [32, 48, 64];

/// Is `expected`, padded with zeros to the register's size, what the register of the evidence holds?
///
/// An empty expectation would be met by a register that nobody set, so it is an error, and so is a longer one.
pub(crate) fn check_report_data(expected: Option<&[u8]>, register: &[u8]) -> Result<(), VerifyError> {
    let Some(expected) = expected else { return Ok(()) };
    if expected.is_empty() || expected.len() > register.len() {
        return Err(VerifyError::BindingLength {
            field: "report data",
            length: expected.len(),
        });
    }
    padded_equal(expected, register)
        .then_some(())
        .ok_or(VerifyError::ReportDataMismatch)
}

/// The same for the init data. Guests put the leading bytes of a longer digest into a smaller register, so a
/// whole digest (48 or 64 bytes) is compared by as many bytes as the register holds.
pub(crate) fn check_init_data(expected: Option<&[u8]>, register: &[u8]) -> Result<(), VerifyError> {
    let Some(expected) = expected else { return Ok(()) };
    let fits = expected.len() <= register.len() || DIGEST_LENGTHS.contains(&expected.len());
    if expected.is_empty() || !fits {
        return Err(VerifyError::BindingLength {
            field: "init data",
            length: expected.len(),
        });
    }
    let held = expected.get(..register.len()).unwrap_or(expected);
    padded_equal(held, register)
        .then_some(())
        .ok_or(VerifyError::InitDataMismatch)
}

/// `short` is not longer than `register`.
fn padded_equal(short: &[u8], register: &[u8]) -> bool {
    match register.split_at_checked(short.len()) {
        Some((head, padding)) => head == short && padding.iter().all(|byte| *byte == 0),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_value_is_padded_with_zeros() {
        let mut register = [0; 64];
        register[..48].fill(7);
        assert_eq!(check_report_data(Some(&[7; 48]), &register), Ok(()));
        register[63] = 1;
        assert_eq!(
            check_report_data(Some(&[7; 48]), &register),
            Err(VerifyError::ReportDataMismatch)
        );
    }

    #[test]
    fn report_data_is_never_truncated() {
        let error = check_report_data(Some(&[7; 65]), &[7; 64]);
        assert_eq!(
            error,
            Err(VerifyError::BindingLength {
                field: "report data",
                length: 65
            })
        );
    }

    #[test]
    fn an_empty_value_matches_nothing() {
        assert!(check_report_data(Some(&[]), &[0; 64]).is_err());
        assert!(check_init_data(Some(&[]), &[0; 32]).is_err());
    }

    #[test]
    fn an_absent_value_is_not_compared() {
        assert_eq!(check_report_data(None, &[9; 64]), Ok(()));
        assert_eq!(check_init_data(None, &[9; 32]), Ok(()));
    }

    #[test]
    fn init_data_digests_of_every_length_match_a_register_of_32_bytes_by_their_leading_bytes() {
        for length in 1..80 {
            let outcome = check_init_data(Some(&vec![5; length]), &[5; 32]);
            match length {
                32 | 48 | 64 => assert_eq!(outcome, Ok(()), "{length}"),
                1..32 => assert_eq!(outcome, Err(VerifyError::InitDataMismatch), "{length}"),
                _ => assert!(
                    matches!(outcome, Err(VerifyError::BindingLength { .. })),
                    "{length}"
                ),
            }
        }
    }

    #[test]
    fn one_flipped_bit_in_the_init_data_is_a_mismatch() {
        for bit in 0..256 {
            let mut register = [5; 32];
            register[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                check_init_data(Some(&[5; 48]), &register),
                Err(VerifyError::InitDataMismatch)
            );
        }
    }
}
