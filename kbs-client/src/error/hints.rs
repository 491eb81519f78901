//! What one can do about an error, where that depends on what the KBS said.

use super::Refusal;

/// There is no such thing.
pub(super) fn not_found(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal.kind.as_str() {
        "PolicyNotFound" if refusal.detail.contains(", version ") => {
            "Check the number: `config attestation-policy-history` and `config resource-policy-history` show the versions \
             that are kept."
        }
        "PolicyNotFound" => {
            "Check the id: `config list-resource-policies` and `config list-attestation-policies` show what a KBS of this \
             project has. That of an attestation policy has the class of TEEs behind it (`default_cpu`)."
        }
        "RvpsError" => {
            "Check the id; `config list-reference-values` shows what a KBS of this project has. A value that has expired \
             is not there any more."
        }
        "DecisionNotFound" => "Check the id; `decisions list` shows those that are still kept.",
        "PluginNotFound" => {
            "Check the plugin; the KBS serves those under `[[plugins]]` in its configuration."
        }
        "NotOffered" if refusal.detail.contains("decisions.enabled") => return None,
        "NotOffered" => {
            "This KBS, or the Attestation Service or RVPS behind it, does not offer that: see how it is set up, and which \
             version it is. One with `type = \"none\"` attests nobody: bring the token of another with \
             --attestation-token and --tee-key-file."
        }
        "NotFound" => return None,
        "" => {
            "This is no answer of a KBS: --url is its root, such as https://kbs.example:8080, mostly without a path."
        }
        _ => "Check the name; `config list-resources` shows what a KBS of this project has.",
    })
}

/// Something is down.
pub(super) fn unavailable(refusal: &Refusal) -> &'static str {
    match refusal.kind.as_str() {
        "AuditUnavailable" => {
            "This KBS does nothing that it cannot write down, and its audit log cannot be written: mostly the disk is full. \
             Its operator finds the cause in the log of the KBS; it goes on by itself when there is room again."
        }
        "TooBusy" | "TooManySessions" => "Try again later: nothing is down, there is too much at a time.",
        _ => "Try again later; the log of the KBS names the service that is down.",
    }
}

/// The administrator is not let do this.
pub(super) fn unauthorized(refusal: &Refusal) -> &'static str {
    if refusal.detail.contains("DenyAll") {
        "This KBS lets nobody administer. Its operator has to say in `[admin]` of its configuration who may."
    } else if refusal.detail.contains("not allowed for path") {
        "The credential holds, but nothing gives its role this right: take another role (--auth-role), or ask the operator \
         for a rule in `[admin.authorization.regex_acl]`."
    } else {
        "Give the key or the token that this KBS was set up with: `config --auth-private-key KEY` or \
         `config --admin-token-file FILE`. If the KBS names an issuer for that key, say the same with --auth-issuer, and \
         with --auth-role the role."
    }
}

/// Nobody answers, or not as they should.
pub(super) fn unreachable(url: &str, cause: &str) -> &'static str {
    let plain = url.starts_with("http://");
    if plain
        && ["invalid HTTP version", "connection closed", "reset"]
            .iter()
            .any(|word| cause.contains(word))
    {
        "Something answers there, but not in plain HTTP: if the KBS serves TLS, say https:// in --url."
    } else if !plain && cause.contains("CaUsedAsEndEntity") {
        "The server shows the certificate of an authority as its own. Give that very certificate with --cert-file, or let \
         the server have one made with `-addext basicConstraints=critical,CA:FALSE`."
    } else if !plain && cause.contains("not valid for any names") {
        "The server's certificate has no subjectAltName: a common name alone does not count, also where the certificate is \
         given with --cert-file. Let it be made again with the name or the address that is in --url, such as \
         `-addext subjectAltName=DNS:kbs.example,IP:127.0.0.1` (docs/keys.md)."
    } else if !plain && cause.contains("not valid for name") {
        "The server's certificate is for other names. Say one of them in --url, or let the certificate be made again with \
         this one in its subjectAltName (docs/keys.md)."
    } else if !plain
        && ["InvalidContentType", "corrupt message"]
            .iter()
            .any(|word| cause.contains(word))
    {
        "Something answers there, but not with TLS: if the KBS serves plain HTTP, say http:// in --url."
    } else {
        "Check --url, that the KBS runs, and for https that --cert-file is the root of its certificate."
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Caller, ClientError};
    use super::*;

    fn hint(status: u16, kind: &str, detail: &str) -> String {
        let body = format!(r#"{{"type":"https://x/{kind}","detail":"{detail}"}}"#);
        let body = if kind.is_empty() { String::new() } else { body };
        let error = Refusal::read(status, body.as_bytes(), None).into_error(Caller::Admin);
        error.hint().unwrap_or("none").to_owned()
    }

    #[test]
    fn what_is_not_there_is_looked_up_where_its_kind_is_listed() {
        for (kind, detail, word) in [
            ("ResourceNotFound", "Resource not found", "config list-resources"),
            ("RvpsError", "No reference value found", "list-reference-values"),
            (
                "PolicyNotFound",
                "Policy x not found",
                "list-attestation-policies",
            ),
            (
                "PolicyNotFound",
                "Policy x, version 9 not found",
                "resource-policy-history",
            ),
            ("DecisionNotFound", "Decision x not found", "decisions list"),
            ("NotOffered", "not offered", "--attestation-token"),
            ("NotOffered", "`decisions.enabled` is false", "none"),
            ("", "", "--url is its root"),
        ] {
            assert!(
                hint(404, kind, detail).contains(word),
                "{kind}: {}",
                hint(404, kind, detail)
            );
        }
    }

    #[test]
    fn an_administrator_who_is_refused_hears_which_part_of_the_credential_to_change() {
        let denied = "Admin access denied: Admin access denied as DenyAll authorization_mode is enabled";
        for (status, detail, word) in [
            (403, denied, "lets nobody administer"),
            (
                403,
                "Role a not allowed for path /kbs/v0/x with method GET",
                "--auth-role",
            ),
            (
                401,
                "Cannot verify token with any of the issuers",
                "--auth-issuer",
            ),
        ] {
            assert!(hint(status, "AdminAuthAccess", detail).contains(word), "{detail}");
        }
        assert!(!hint(403, "AdminAuthAccess", denied).contains("--auth-private-key"));
    }

    #[test]
    fn what_cannot_be_served_now_is_told_with_what_is_in_the_way() {
        for (kind, word) in [
            ("AuditUnavailable", "disk is full"),
            ("TooManySessions", "nothing is down"),
            ("TokenVerifierError", "names the service"),
        ] {
            assert!(hint(503, kind, "").contains(word), "{kind}");
        }
    }

    #[test]
    fn a_url_of_the_wrong_scheme_and_a_certificate_that_cannot_be_taken_are_told() {
        let hint = |url: &str, cause: &str| {
            let (url, cause) = (url.to_owned(), cause.to_owned());
            ClientError::Unreachable { url, cause }.hint().unwrap()
        };
        assert!(hint("http://kbs", "invalid HTTP version parsed").contains("say https://"));
        assert!(
            hint(
                "https://kbs",
                "received corrupt message of type InvalidContentType"
            )
            .contains("say http://")
        );
        assert!(hint("https://kbs", "Other(OtherError(CaUsedAsEndEntity))").contains("CA:FALSE"));
        let names = "certificate not valid for name \"kbs\"; certificate is";
        assert!(
            hint("https://kbs", &format!("{names} only valid for DnsName(\"x\")"))
                .contains("for other names")
        );
        assert!(
            hint("https://kbs", &format!("{names} not valid for any names")).contains("no subjectAltName")
        );
        assert!(hint("http://kbs", "Connection refused").contains("that the KBS runs"));
    }
}
