//! The nonce of a quote.

use crate::VerifyError;

/// Bytes of the nonce that guests with a bare TPM ask for.
const BARE: usize = 32;
/// Lengths of the digests that the nonce may be cut from: SHA-384, SHA-512.
const DIGESTS: [usize; 2] = [48, 64];

/// Is the nonce exactly what was expected? Nothing is padded or cut. Azure's guests do it so; they have no
/// other freshness, so that there must be an expectation.
pub(crate) fn check_nonce(expected: Option<&[u8]>, nonce: &[u8]) -> Result<(), VerifyError> {
    const FIELD: &str = "report data";
    let expected = expected.ok_or(VerifyError::BindingRequired { field: FIELD })?;
    if expected.is_empty() {
        return Err(VerifyError::BindingLength {
            field: FIELD,
            length: 0,
        });
    }
    (expected == nonce)
        .then_some(())
        .ok_or(VerifyError::ReportDataMismatch)
}

/// The same for guests with a bare TPM, which resize the report data to 32 bytes: what is shorter is padded
/// with zeros, a SHA-384 or SHA-512 digest is cut. 32 bytes of such a digest still are one of 256 bits; anything
/// else that is longer would lose bytes that the caller counts on, and is an error. The nonce in the quote must
/// have 32 bytes: it is never resized. An absent expectation is not compared.
pub(super) fn check_resized_nonce(expected: Option<&[u8]>, nonce: &[u8]) -> Result<(), VerifyError> {
    let Some(expected) = expected else { return Ok(()) };
    let fits = (1..=BARE).contains(&expected.len()) || DIGESTS.contains(&expected.len());
    if !fits {
        return Err(VerifyError::BindingLength {
            field: "report data",
            length: expected.len(),
        });
    }
    let mut resized = [0; BARE];
    resized
        .iter_mut()
        .zip(expected)
        .for_each(|(to, from)| *to = *from);
    (resized == nonce)
        .then_some(())
        .ok_or(VerifyError::ReportDataMismatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_long(length: usize) -> Result<(), VerifyError> {
        Err(VerifyError::BindingLength {
            field: "report data",
            length,
        })
    }

    #[test]
    fn an_exact_nonce_is_neither_padded_nor_cut() {
        assert_eq!(check_nonce(Some(&[7; 48]), &[7; 48]), Ok(()));
        for other in [&[7_u8; 47][..], &[7; 49], &[8; 48], &[]] {
            assert_eq!(
                check_nonce(Some(&[7; 48]), other),
                Err(VerifyError::ReportDataMismatch)
            );
        }
    }

    #[test]
    fn without_an_expectation_an_exact_nonce_is_refused() {
        let missing = VerifyError::BindingRequired { field: "report data" };
        assert_eq!(check_nonce(None, &[7; 48]), Err(missing));
        assert_eq!(check_nonce(Some(&[]), &[]), too_long(0));
    }

    #[test]
    fn expectations_of_every_length_are_resized_or_refused() {
        for length in 0..100 {
            let expected = vec![5; length];
            let mut nonce = [0; 32];
            nonce[..length.min(32)].fill(5);
            let outcome = check_resized_nonce(Some(&expected), &nonce);
            match length {
                1..=32 | 48 | 64 => assert_eq!(outcome, Ok(()), "{length}"),
                _ => assert_eq!(outcome, too_long(length), "{length}"),
            }
        }
    }

    #[test]
    fn the_nonce_in_the_quote_is_never_resized() {
        for length in (0..32).chain(33..70) {
            let nonce = vec![5; length];
            assert_eq!(
                check_resized_nonce(Some(&[5; 48]), &nonce),
                Err(VerifyError::ReportDataMismatch),
                "{length}"
            );
        }
        assert_eq!(check_resized_nonce(None, &[5; 9]), Ok(()));
    }
}
