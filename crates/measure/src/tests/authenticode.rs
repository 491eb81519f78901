//! PE images made here, and the hash computed in another way: by cutting out what does not count.

use proptest::prelude::*;
use sha2::{Digest as _, Sha384};

use crate::tdx::{Separator, TdxError, rtmr1};

const HEADERS: usize = 0x400;
const PE: usize = 0x80;

/// An image of one section with `content`, and certificates after it.
pub(super) fn pe(content: &[u8], certificates: &[u8]) -> Vec<u8> {
    let mut image = vec![0; HEADERS];
    image[..2].copy_from_slice(b"MZ");
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    put(0x3c, &number(PE));
    put(PE, b"PE\0\0");
    put(PE + 6, &1_u16.to_le_bytes());
    put(PE + 20, &0xf0_u16.to_le_bytes());
    put(PE + 24, &0x20b_u16.to_le_bytes());
    put(PE + 24 + 60, &number(HEADERS));
    put(PE + 24 + 64, &[0xcc; 4]);
    put(PE + 24 + 108, &number(16));
    put(PE + 24 + 112 + 32, &number(HEADERS + content.len()));
    put(PE + 24 + 112 + 36, &number(certificates.len()));
    let section = PE + 24 + 0xf0;
    put(section + 16, &number(content.len()));
    put(section + 20, &number(HEADERS));
    [&image[..], content, certificates].concat()
}

/// The hash of an image that [`pe`] has made.
pub(super) fn hash(image: &[u8]) -> [u8; 48] {
    let entry = PE + 24 + 112 + 32;
    let size = u32::from_le_bytes(image[entry + 4..entry + 8].try_into().unwrap()) as usize;
    let checksum = PE + 24 + 64;
    let kept = [
        &image[..checksum],
        &image[checksum + 4..entry],
        &image[entry + 8..image.len() - size],
    ];
    Sha384::digest(kept.concat()).into()
}

fn register(image: &[u8]) -> [u8; 48] {
    rtmr1(image, Separator::Rtmr0).unwrap()
}

#[test]
fn checksum_and_certificates_do_not_count_and_all_else_does() {
    let plain = pe(b"content", b"");
    let base = register(&plain);
    assert_eq!(register(&pe(b"content", b"a certificate")), base);
    let mut checksum = plain.clone();
    checksum[PE + 24 + 64] ^= 1;
    assert_eq!(register(&checksum), base);
    for at in [2, PE + 24 + 68, HEADERS - 1, HEADERS, plain.len() - 1] {
        let mut changed = plain.clone();
        changed[at] ^= 1;
        assert_ne!(register(&changed), base, "{at:#x}");
    }
    assert_ne!(register(&[&plain[..], b"trailing"].concat()), base);
}

#[test]
fn what_is_no_pe_image_is_refused() {
    let good = pe(b"content", b"");
    for (at, value) in [
        (0, 0),
        (0x3f, 0xff),
        (PE, 0),
        (PE + 7, 0xff),
        (PE + 24, 0),
        (PE + 24 + 63, 0xff),
        (PE + 24 + 0xf0 + 19, 0xff),
        (PE + 24 + 112 + 39, 0xff),
    ] {
        let mut changed = good.clone();
        changed[at] = value;
        assert!(
            matches!(rtmr1(&changed, Separator::Rtmr0), Err(TdxError::NotPe(_))),
            "{at:#x}"
        );
    }
    for length in [0, 2, PE, PE + 24, HEADERS - 1, good.len() - 1] {
        assert!(rtmr1(&good[..length], Separator::Rtmr0).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn no_image_panics(at in 0_usize..0x400, value in any::<u8>()) {
        let mut image = pe(b"content", b"certificates");
        image[at] = value;
        let _ = rtmr1(&image, Separator::Rtmr0);
    }
}
