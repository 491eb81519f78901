//! Where values come from, and what they were.

use protos::reference::{
    ReferenceValueHistoryResponse, ReferenceValueMessage, ReferenceValueRegistrar, ReferenceValueRevocation,
    ReferenceValueVersion,
};
use serde_json::{Value, json};

use super::{
    super::{Format, ToolError, client::parse},
    printable, time,
};

/// The value that is served, or an older version, with where it comes from.
pub(in crate::tool) fn provenance(
    id: &str,
    history: ReferenceValueHistoryResponse,
    number: Option<u64>,
    format: Format,
) -> Result<String, ToolError> {
    if let Some(number) = number {
        let version = history.versions.iter().find(|version| version.number == number);
        let version = version.ok_or_else(|| ToolError::NoVersion {
            id: id.to_owned(),
            number,
        })?;
        return Ok(match format {
            Format::Json => version_json(version)?.to_string(),
            Format::Text => format!("{}\n{}", printable(id), version_with_value(version)),
        });
    }
    let Some(current) = &history.current else {
        return match (format, history.versions.first()) {
            (Format::Json, _) => Ok(json!({"id": id, "value": null}).to_string()),
            (Format::Text, Some(latest)) => Ok(format!(
                "{} has no value{}.\n{}",
                printable(id),
                expired(latest),
                version_text(latest)
            )),
            (Format::Text, None) => Ok(format!("{} has no value.", printable(id))),
        };
    };
    let newest = history.versions.first().filter(|_| history.current_is_newest);
    Ok(match format {
        Format::Json => json!({
            "id": id,
            "value": parse(&current.value)?,
            "expires_at": time(current.expires_at),
            "version": newest.map(version_json).transpose()?,
        })
        .to_string(),
        Format::Text => {
            let from = newest.map_or_else(
                || "  not from a message: it was put into storage".to_owned(),
                version_text,
            );
            let expires = time(current.expires_at);
            format!(
                "{}  {}\n  expires {expires}\n{from}",
                printable(id),
                printable(&current.value)
            )
        }
    })
}

/// All versions, the newest first, and what is revoked.
pub(in crate::tool) fn history(
    id: &str,
    history: &ReferenceValueHistoryResponse,
    format: Format,
) -> Result<String, ToolError> {
    if format == Format::Json {
        let versions: Vec<_> = history
            .versions
            .iter()
            .map(version_json)
            .collect::<Result<_, _>>()?;
        let revoked: Vec<_> = history
            .revoked
            .iter()
            .map(revoked_json)
            .collect::<Result<_, _>>()?;
        return Ok(json!({"id": id, "versions": versions, "revoked": revoked}).to_string());
    }
    let mut text = vec![printable(id)];
    if history.current.is_some() && !history.current_is_newest {
        text.push("  (the value that is served was put into storage, not registered)".to_owned());
    }
    text.extend(history.versions.iter().map(version_with_value));
    for revoked in &history.revoked {
        let (value, by) = (printable(&revoked.value), registrar(revoked.by.as_ref()));
        let why = because(revoked.reason.as_deref());
        text.push(format!(
            "  never again {value}: revoked {} by {by}{why}",
            time(revoked.at)
        ));
    }
    Ok(text.join("\n"))
}

/// What nobody took away and is not served any more has expired.
fn expired(newest: &ReferenceValueVersion) -> String {
    match newest.expires_at.filter(|_| newest.event == "registered") {
        Some(at) => format!(" any more: it expired at {}", time(at)),
        None => String::new(),
    }
}

/// A version, and below it what its value is and how long it is good.
fn version_with_value(version: &ReferenceValueVersion) -> String {
    let value = version
        .value
        .as_deref()
        .map_or_else(|| "no value".to_owned(), printable);
    let until = version.expires_at.map(|at| format!(", until {}", time(at)));
    let until = until.unwrap_or_default();
    format!("{}\n      {value}{until}", version_text(version))
}

fn version_text(version: &ReferenceValueVersion) -> String {
    let by = registrar(version.by.as_ref());
    let why = because(version.reason.as_deref());
    let mut text = format!(
        "  version {}: {} {} by {by}{why}",
        version.number,
        printable(&version.event),
        time(version.at)
    );
    if let Some(renewed) = version.renewed_at {
        text.push_str(&format!(", again {}", time(renewed)));
    }
    if let Some(message) = &version.message {
        text.push_str(&format!("\n      {}", message_text(message)));
    }
    text
}

fn message_text(message: &ReferenceValueMessage) -> String {
    let issued = message.issued_at.map(|at| format!(", issued {}", time(at)));
    let signed = match (&message.anchor, &message.key) {
        (Some(anchor), key) => {
            let key = key.as_deref().unwrap_or_default();
            format!(
                "signed by {} (key {})",
                printable(anchor),
                printable(key.get(..16).unwrap_or(key))
            )
        }
        (None, _) => "unsigned".to_owned(),
    };
    let digest = message.digest.get(..16).unwrap_or(&message.digest);
    format!(
        "{} message {}, {signed}{}",
        printable(&message.r#type),
        printable(digest),
        issued.unwrap_or_default()
    )
}

fn registrar(by: Option<&ReferenceValueRegistrar>) -> String {
    let Some(by) = by else {
        return "unknown".to_owned();
    };
    let who = match by.name.as_str() {
        "" => printable(&by.how),
        name => format!("{} ({})", printable(name), printable(&by.how)),
    };
    match &by.on_behalf_of {
        Some(name) => format!("{who}, for {}", printable(name)),
        None => who,
    }
}

fn because(reason: Option<&str>) -> String {
    reason
        .map(|reason| format!(": {}", printable(reason)))
        .unwrap_or_default()
}

fn version_json(version: &ReferenceValueVersion) -> Result<Value, ToolError> {
    Ok(json!({
        "number": version.number,
        "event": version.event,
        "at": time(version.at),
        "by": registrar_json(version.by.as_ref()),
        "reason": version.reason,
        "renewed_at": version.renewed_at.map(time),
        "value": version.value.as_deref().map(parse).transpose()?,
        "expires_at": version.expires_at.map(time),
        "message": version.message.as_ref().map(|message| json!({
            "type": message.r#type,
            "digest": message.digest,
            "issued_at": message.issued_at.map(time),
            "signer": message.anchor.as_ref().map(|anchor| json!({"anchor": anchor, "key": message.key})),
        })),
    }))
}

fn revoked_json(revoked: &ReferenceValueRevocation) -> Result<Value, ToolError> {
    Ok(json!({
        "value": parse(&revoked.value)?,
        "at": time(revoked.at),
        "by": registrar_json(revoked.by.as_ref()),
        "reason": revoked.reason,
    }))
}

fn registrar_json(by: Option<&ReferenceValueRegistrar>) -> Value {
    by.map_or(
        Value::Null,
        |by| json!({"how": by.how, "name": by.name, "on_behalf_of": by.on_behalf_of}),
    )
}
