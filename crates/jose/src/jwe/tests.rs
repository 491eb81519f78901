//! Tests of sealing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::tee_key::TeeKeyKind;

/// Recorded from the existing implementation, for a key that is not known.
const RECORDED: &str = r#"{"protected":"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJlcGsiOnsiY3J2IjoiUC0yNTYiLCJrdHkiOiJFQyIsIngiOiJhLTR6MW5vUDNiM1hjakhZUkxfTVJtck9NaVE4dDZxMTl3clk4WExESGp3IiwieSI6ImtiY1FyZFdXRVhxZ3lZa3FTRmhzM3k1QlhYQklibmZVVnR2alpHR0cwY2sifX0","encrypted_key":"rvNt8Lx7xpJNa79K1cVXAoaZevJymh2kiLRF1HncHgAs9MkROXcXfA","iv":"mFzXP6pxc0oF_V9e","ciphertext":"FRZGTIH8eI9iiIx8AgEJEHsbIcEmDjNLILbxmhFl","tag":"sdtNQLZPUCV5iFuoSpweCw"}"#;

const KINDS: [TeeKeyKind; 3] = [TeeKeyKind::P256, TeeKeyKind::P521, TeeKeyKind::Rsa];

fn key(kind: TeeKeyKind) -> TeePrivateKey {
    TeePrivateKey::generate(kind).unwrap()
}

fn seal_for(key: &TeePrivateKey, secret: &[u8]) -> Jwe {
    seal(&Secret::from(secret.to_vec()), &key.public_key().unwrap()).unwrap()
}

fn header(jwe: &Jwe) -> String {
    String::from_utf8(decode(&jwe.protected).unwrap()).unwrap()
}

#[test]
fn what_is_sealed_for_a_key_is_opened_with_it() {
    for kind in KINDS {
        let key = key(kind);
        for secret in [&b""[..], b"s", &[7; 4097]] {
            assert_eq!(
                open(&seal_for(&key, secret), &key).unwrap().expose(),
                secret,
                "{kind:?}"
            );
        }
    }
}

#[test]
fn a_sealed_secret_has_the_shape_of_a_recorded_one() {
    let recorded: Jwe = serde_json::from_str(RECORDED).unwrap();
    let sealed = seal_for(&key(TeeKeyKind::P256), &[0; 30]);
    let shape = |jwe: &Jwe| {
        [
            &jwe.protected,
            &jwe.encrypted_key,
            &jwe.iv,
            &jwe.ciphertext,
            &jwe.tag,
        ]
        .map(String::len)
    };
    assert_eq!(shape(&sealed), shape(&recorded));
    let names = |jwe: &Jwe| {
        let text = serde_json::to_string(jwe).unwrap() + &header(jwe);
        text.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .filter(|part| part.len() < 14)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&sealed), names(&recorded));
    assert_eq!(serde_json::to_string(&recorded).unwrap(), RECORDED);
}

#[test]
fn headers_stand_in_the_order_that_clients_reproduce() {
    let rsa = header(&seal_for(&key(TeeKeyKind::Rsa), b"s"));
    assert_eq!(rsa, r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    for kind in [TeeKeyKind::P256, TeeKeyKind::P521] {
        let text = header(&seal_for(&key(kind), b"s"));
        let value: Value = serde_json::from_str(&text).unwrap();
        // serde_json sorts: this is what a client makes of the header.
        assert_eq!(value.to_string(), text);
        let width = if kind == TeeKeyKind::P256 { 32 } else { 66 };
        for coordinate in ["x", "y"] {
            assert_eq!(
                decode(value["epk"][coordinate].as_str().unwrap()).unwrap().len(),
                width
            );
        }
    }
}

#[test]
fn another_key_does_not_open_it() {
    for kind in KINDS {
        let sealed = seal_for(&key(kind), b"s");
        assert_eq!(
            open(&sealed, &key(kind)).unwrap_err(),
            JweError::NotForThisKey,
            "{kind:?}"
        );
    }
    let recorded: Jwe = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(
        open(&recorded, &key(TeeKeyKind::P256)).unwrap_err(),
        JweError::NotForThisKey
    );
    assert_eq!(
        open(&recorded, &key(TeeKeyKind::P521)).unwrap_err(),
        JweError::Malformed("epk")
    );
    assert_eq!(
        open(&recorded, &key(TeeKeyKind::Rsa)).unwrap_err(),
        JweError::Unsupported
    );
}

#[test]
fn no_two_seals_are_alike() {
    let key = key(TeeKeyKind::P256);
    let (one, two) = (seal_for(&key, b"s"), seal_for(&key, b"s"));
    assert!(one.protected != two.protected && one.encrypted_key != two.encrypted_key && one.iv != two.iv);
}

#[test]
fn a_change_to_any_member_is_noticed() {
    let key = key(TeeKeyKind::P256);
    let sealed = serde_json::to_value(seal_for(&key, b"a secret of some length")).unwrap();
    for member in ["protected", "encrypted_key", "iv", "ciphertext", "tag"] {
        let mut changed = sealed.clone();
        let mut bytes = decode(changed[member].as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        changed[member] = json!(encode(bytes));
        let changed: Jwe = serde_json::from_value(changed).unwrap();
        assert!(open(&changed, &key).is_err(), "{member}");
    }
    // The header is authenticated as text: another spelling of the same header does not do.
    let mut spelled: Jwe = serde_json::from_value(sealed).unwrap();
    spelled.protected = encode(header(&spelled) + " ");
    assert_eq!(open(&spelled, &key).unwrap_err(), JweError::NotForThisKey);
}

#[test]
fn other_algorithms_and_extensions_are_refused() {
    let key = key(TeeKeyKind::P256);
    let sealed = seal_for(&key, b"s");
    let header: Value = serde_json::from_str(&header(&sealed)).unwrap();
    for (member, value) in [
        ("alg", json!("dir")),
        ("alg", json!("RSA-OAEP-256")),
        ("enc", json!("A128GCM")),
        ("crit", json!(["x"])),
        ("zip", json!("DEF")),
    ] {
        let mut header = header.clone();
        header[member] = value;
        let changed = Jwe {
            protected: encode(header.to_string()),
            ..sealed.clone()
        };
        assert_eq!(
            open(&changed, &key).unwrap_err(),
            JweError::Unsupported,
            "{member}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_opening_panic(
        member in "(protected|encrypted_key|iv|ciphertext|tag)",
        text in "[A-Za-z0-9_-]{0,300}",
        header in "\\PC{0,100}",
    ) {
        let key = key(TeeKeyKind::P256);
        for value in [text, encode(header)] {
            let mut sealed = serde_json::to_value(seal_for(&key, b"s")).unwrap();
            sealed[&member] = json!(value);
            let _ = open(&serde_json::from_value(sealed).unwrap(), &key);
        }
    }
}

#[test]
fn secrets_for_one_recipient_share_an_agreement_and_nothing_else() {
    for kind in [TeeKeyKind::P256, TeeKeyKind::P521, TeeKeyKind::Rsa] {
        let key = key(kind);
        let recipient = Recipient::new(&key.public_key().unwrap()).unwrap();
        let sealed: Vec<Jwe> = (0..3)
            .map(|_| recipient.seal(&Secret::from(b"the same".to_vec())).unwrap())
            .collect();
        for (one, other) in [(0, 1), (1, 2), (0, 2)].map(|(a, b)| (&sealed[a], &sealed[b])) {
            assert_eq!(one.protected, other.protected);
            assert_ne!(one.encrypted_key, other.encrypted_key);
            assert_ne!(one.iv, other.iv);
            assert_ne!(one.ciphertext, other.ciphertext);
        }
        for jwe in &sealed {
            assert_eq!(open(jwe, &key).unwrap().expose(), b"the same");
        }
    }
}

#[test]
fn two_recipients_of_one_key_have_agreed_on_different_keys() {
    let public = key(TeeKeyKind::P256).public_key().unwrap();
    let (one, other) = (Recipient::new(&public).unwrap(), Recipient::new(&public).unwrap());
    assert_ne!(one.protected, other.protected);
    assert_eq!(format!("{one:?}"), "Recipient { .. }");
}
