//! The nonce of a quote.

use crate::VerifyError;

/// Bytes of the nonce that guests with a bare TPM ask for.
const BARE: usize = 32;
/// Lengths of the digests that the nonce may be cut from: SHA-384, SHA-512.
const DIGESTS: [usize; 2] = [48, 64];

/// Is the nonce the expected report data as guests with a bare TPM resize it, to 32 bytes? What is shorter is padded
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
