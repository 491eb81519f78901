//! Concat KDF (NIST SP 800-56A revision 3 section 5.8.2.1, as profiled by RFC 7518 section 4.6.2).

use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// Derives 256 bits from the agreed secret in one round of SHA-256.
///
/// `algorithm` is the name of the key wrap with its agreement, `apu` and `apv` are the decoded header members.
pub(super) fn derive(secret: &[u8], algorithm: &str, apu: &[u8], apv: &[u8]) -> Zeroizing<[u8; 32]> {
    round(secret, algorithm, apu, apv, 256)
}

fn round(secret: &[u8], algorithm: &str, apu: &[u8], apv: &[u8], bits: u32) -> Zeroizing<[u8; 32]> {
    let mut context = Context::new(&SHA256);
    context.update(&1_u32.to_be_bytes());
    context.update(secret);
    for part in [algorithm.as_bytes(), apu, apv] {
        // Parts come from a header of bounded length.
        context.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        context.update(part);
    }
    context.update(&bits.to_be_bytes());
    let digest = context.finish();
    let mut key = Zeroizing::new([0; 32]);
    key.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518 appendix C.
    #[test]
    fn the_published_example_is_reproduced() {
        let secret = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163,
            218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = round(&secret, "A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(crate::encoding::encode(&key[..16]), "VqqN6vgjbSBcIijNcacQGg");
    }
}
