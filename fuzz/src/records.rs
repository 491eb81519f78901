//! What an operator hands to us: audit logs that somebody may have tampered with, and the scopes of policies.

use audit::{Link, Verifier};
use serde_json::json;

/// A log: the bytes as the file; as what the records of a whole log say; and such a log with one byte changed, which is
/// never taken for whole.
pub fn audit_log(data: &[u8]) {
    let _ = verified(data);
    let text = String::from_utf8_lossy(data);
    let mut log = Vec::new();
    let (mut link, mut records) = (Link::START, 0);
    let half = data.len() / 2;
    for event in [
        json!({"event": text}),
        json!({"event": "x", "reason": text, "torn_bytes": half}),
        json!({"event": audit::RECOVERED, "torn_bytes": data.len(), "torn_sha256": text}),
    ] {
        let now = i64::try_from(half).unwrap_or(0);
        if let Ok((line, next)) = audit::seal(&link, now, &event) {
            log.extend_from_slice(line.as_bytes());
            log.push(b'\n');
            (link, records) = (next, records + 1);
        }
    }
    let summary = verified(&log).map(|summary| (summary.records, summary.last));
    assert_eq!(summary, Some((records, link)), "a whole log is whole");
    let [at_high, at_low, change, ..] = *data else {
        return;
    };
    let at = usize::from(u16::from_be_bytes([at_high, at_low])) % log.len().max(1);
    if let Some(byte) = log.get_mut(at) {
        *byte ^= change.max(1);
        assert!(verified(&log).is_none(), "byte {at} was changed");
    }
    // Something else behind it.
    log.truncate(at);
    log.extend_from_slice(data);
    let _ = verified(&log);
}

fn verified(log: &[u8]) -> Option<audit::Summary> {
    let mut verifier = Verifier::after(Link::START);
    verifier.read(log).ok()?.ok()?;
    verifier.finish().ok()
}

/// The scope of a resource policy: what is one covers resources of its name, and the text stays what it was.
pub fn resource_scope(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for text in [text, text.trim(), text.split(' ').next().unwrap_or_default()] {
        let Ok(scope) = text.parse::<kbs::resource::Scope>() else {
            continue;
        };
        assert_eq!(scope.as_str(), text);
        let mut segments: Vec<&str> = text.split('/').collect();
        segments.resize(3, "x");
        assert!(
            kbs::resource::ResourcePath::from_segments(&segments).is_ok(),
            "no resource is in {text}"
        );
    }
}
