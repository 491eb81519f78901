//! The session cookie, with the attributes existing clients know and no others.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderValue, header};

use super::SessionId;

const NAME: &str = "kbs-session-id";

/// The session a request names. Several different session cookies name none.
pub fn session_id(headers: &HeaderMap) -> Option<SessionId> {
    let mut found = None;
    for header in headers.get_all(header::COOKIE) {
        for pair in header.to_str().ok()?.split(';') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if name.trim() != NAME {
                continue;
            }
            let id = SessionId::parse(value.trim())?;
            if found.is_some_and(|other| other != id) {
                return None;
            }
            found = Some(id);
        }
    }
    found
}

/// `kbs-session-id=<32 hex digits>; Expires=<HTTP date>`.
pub fn set_cookie(id: SessionId, expires_at: i64) -> Option<HeaderValue> {
    let seconds = u64::try_from(expires_at).ok()?;
    let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    let text = format!(
        "{NAME}={}; Expires={}",
        id.to_cookie_value(),
        httpdate::fmt_http_date(expires)
    );
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "b28c08b568ee481f8dd8feee2a4b2e8f";

    fn cookies(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn the_cookie_is_exactly_what_existing_clients_read() {
        let id = SessionId::parse(ID).unwrap();
        assert_eq!(
            set_cookie(id, 1_795_309_455).unwrap(),
            "kbs-session-id=b28c08b568ee481f8dd8feee2a4b2e8f; Expires=Sun, 22 Nov 2026 01:04:15 GMT"
        );
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let expected = SessionId::parse(ID);
        let line = format!("a=b; kbs-session-id={ID}; c=d");
        assert_eq!(session_id(&cookies(&[&line])), expected);
        assert_eq!(session_id(&cookies(&["a=b", &line])), expected);
    }

    #[test]
    fn two_different_sessions_name_none() {
        let first = format!("kbs-session-id={ID}");
        let second = format!("kbs-session-id={}", "0".repeat(32));
        assert_eq!(session_id(&cookies(&[&first, &second])), None);
        assert_eq!(session_id(&cookies(&["kbs-session-id=deadbeef"])), None);
        assert_eq!(session_id(&HeaderMap::new()), None);
    }
}
