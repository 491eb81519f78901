//! What goes over the wire.

use protos::reference::{
    ReferenceValue as WireValue, ReferenceValueChange, ReferenceValueHistoryResponse, ReferenceValueMessage,
    ReferenceValueRegistrar, ReferenceValueRevocation, ReferenceValueVersion,
};

use crate::{Change, Event, Overview, ReferenceValue, Registrar, Revoked, Version};

pub(super) fn value(value: &ReferenceValue) -> WireValue {
    WireValue {
        id: value.id().to_owned(),
        value: value.json().to_owned(),
        expires_at: value.expires_at(),
    }
}

/// One message, however large: whoever takes it in has the whole change, never a part.
pub(super) fn change(change: Change) -> ReferenceValueChange {
    ReferenceValueChange {
        reset: change.reset,
        changed: change.changed.iter().map(|changed| value(changed)).collect(),
        removed: change.removed,
    }
}

pub(super) fn history(overview: Overview) -> ReferenceValueHistoryResponse {
    let Overview { current, record } = overview;
    let newest = record.latest().and_then(|latest| latest.value.as_ref());
    ReferenceValueHistoryResponse {
        current_is_newest: current.as_ref().map(|current| current.value()) == newest,
        current: current.as_deref().map(value),
        versions: record.versions().iter().rev().map(version).collect(),
        revoked: record.revoked().iter().map(revoked).collect(),
    }
}

fn version(version: &Version) -> ReferenceValueVersion {
    ReferenceValueVersion {
        number: version.number,
        event: match version.event {
            Event::Registered => "registered",
            Event::Deleted => "deleted",
            Event::Revoked => "revoked",
        }
        .to_owned(),
        at: version.at,
        by: Some(registrar(&version.by)),
        reason: version.reason.clone(),
        value: version.value.as_ref().map(ToString::to_string),
        expires_at: version.expires_at,
        message: version.message.as_ref().map(|message| ReferenceValueMessage {
            r#type: message.kind.clone(),
            digest: message.digest.clone(),
            issued_at: message.issued_at,
            anchor: message.signer.as_ref().map(|signer| signer.anchor.clone()),
            key: message.signer.as_ref().map(|signer| signer.key.clone()),
        }),
        renewed_at: version.renewed_at,
    }
}

fn revoked(revoked: &Revoked) -> ReferenceValueRevocation {
    ReferenceValueRevocation {
        value: revoked.value.to_string(),
        at: revoked.at,
        by: Some(registrar(&revoked.by)),
        reason: revoked.reason.clone(),
    }
}

fn registrar(registrar: &Registrar) -> ReferenceValueRegistrar {
    ReferenceValueRegistrar {
        how: registrar.how.as_str().to_owned(),
        name: registrar.name.clone(),
        on_behalf_of: registrar.on_behalf_of.clone(),
    }
}
