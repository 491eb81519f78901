//! Certificates as `csv-rs` and `serde` write them.

use serde_json::{Value, json};

/// `certs::ca::Certificate`.
pub(super) fn ca_certificate(bytes: &[u8]) -> Value {
    let mut fields = Fields(bytes);
    let ver = fields.number(4);
    let data = json!({
        "kid": fields.list(16),
        "sid": fields.list(16),
        "usage": fields.number(4),
        "reserved": fields.list(24),
    });
    let body = json!({
        "preamble": {"ver": ver, "data": data},
        "pubkey": fields.point(),
        "uid_size": fields.number(2),
        "user_id": fields.list(254),
        "reserved": fields.list(108),
    });
    json!({"body": body, "signature": fields.signature(), "_reserved": fields.list(112)})
}

/// `certs::csv::Certificate`.
pub(super) fn platform_certificate(bytes: &[u8]) -> Value {
    let mut fields = Fields(bytes);
    let ver = fields.number(4);
    let firmware = json!({"major": fields.number(1), "minor": fields.number(1)});
    let reserved1 = fields.number(2);
    let pubkey = json!({"usage": fields.number(4), "algo": fields.number(4), "key": fields.point()});
    let data = json!({
        "firmware": firmware,
        "reserved1": reserved1,
        "pubkey": pubkey,
        "uid_size": fields.number(2),
        "user_id": fields.list(254),
        "sid": fields.list(16),
        "reserved2": fields.list(608),
    });
    let sigs = [fields.signature_block(), fields.signature_block()];
    json!({"body": {"ver": ver, "data": data}, "sigs": sigs})
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn list(&mut self, length: usize) -> Vec<u8> {
        let (field, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        field.to_vec()
    }

    fn number(&mut self, length: usize) -> u32 {
        let bytes = self.list(length);
        bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u32::from(*byte))
    }

    fn point(&mut self) -> Value {
        json!({"g": self.number(4), "x": self.list(72), "y": self.list(72)})
    }

    fn signature(&mut self) -> Value {
        json!({"r": self.list(72), "s": self.list(72)})
    }

    fn signature_block(&mut self) -> Value {
        json!({
            "usage": self.number(4),
            "algo": self.number(4),
            "signature": self.signature(),
            "_reserved": self.list(368),
        })
    }
}
