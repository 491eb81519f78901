//! What a policy gets to see of a verified token. The table in docs/tees/cca.md lists the same names.

use super::appraisal::RealmOutcome;
use super::platform::{Component, PlatformClaims};
use super::realm::RealmClaims;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// `platform`, `realm` and `appraisal`. Byte strings are base64, as existing policies read them.
pub(super) fn of(
    platform: &PlatformClaims,
    realm: &RealmClaims,
    outcome: RealmOutcome,
) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("platform".to_owned(), self::platform(platform));
    claims.insert("realm".to_owned(), self::realm(realm));
    // A platform that is not in a known good state has been refused before: these are the values that AR4SI has
    // for one that is.
    let appraisal = json!({
        "platform": {
            "instance-identity": 2,
            "configuration": 2,
            "executables": 3,
            "hardware": 2,
            "runtime-opaque": 32,
        },
        "realm": {"instance-identity": 2, "executables": outcome as i8},
    });
    claims.insert("appraisal".to_owned(), appraisal);
    claims
}

fn platform(platform: &PlatformClaims) -> Value {
    let components: Vec<Value> = platform.components.iter().map(component).collect();
    let mut claims = json!({
        "cca-platform-profile": platform.profile,
        "cca-platform-challenge": STANDARD.encode(&platform.challenge),
        "cca-platform-implementation-id": STANDARD.encode(platform.implementation_id),
        "cca-platform-instance-id": STANDARD.encode(platform.instance_id),
        "cca-platform-config": STANDARD.encode(&platform.config),
        "cca-platform-lifecycle": platform.lifecycle.value(),
        "cca-platform-lifecycle-state": platform.lifecycle.state(),
        "cca-platform-sw-components": components,
        "cca-platform-hash-algo-id": platform.hash.name(),
    });
    put(
        &mut claims,
        "cca-platform-service-indicator",
        platform.verification_service.as_deref(),
    );
    claims
}

fn component(component: &Component) -> Value {
    let mut claims = json!({
        "measurement-value": STANDARD.encode(&component.measurement),
        "signer-id": STANDARD.encode(&component.signer),
    });
    put(&mut claims, "measurement-type", component.kind.as_deref());
    put(&mut claims, "version", component.version.as_deref());
    put(
        &mut claims,
        "measurement-description",
        component.hash.map(|hash| hash.name()),
    );
    claims
}

fn realm(realm: &RealmClaims) -> Value {
    let extensible = realm
        .extensible_measurements
        .iter()
        .map(|value| STANDARD.encode(value));
    let mut claims = json!({
        "cca-realm-challenge": STANDARD.encode(realm.challenge),
        "cca-realm-personalization-value": STANDARD.encode(realm.personalization_value),
        "cca-realm-initial-measurement": STANDARD.encode(&realm.initial_measurement),
        "cca-realm-extensible-measurements": extensible.collect::<Vec<_>>(),
        "cca-realm-hash-algo-id": realm.hash.name(),
        "cca-realm-public-key": STANDARD.encode(&realm.public_key),
        "cca-realm-public-key-hash-algo-id": realm.public_key_hash.name(),
    });
    put(&mut claims, "cca-realm-profile", realm.profile.as_deref());
    put(&mut claims, "cca-realm-mec-policy", realm.mec_policy.as_deref());
    let instance_id = realm.instance_id.map(|id| STANDARD.encode(id));
    put(&mut claims, "cca-realm-instance-id", instance_id.as_deref());
    claims
}

/// A claim that the token does not have is absent.
fn put(claims: &mut Value, name: &str, value: Option<&str>) {
    if let (Some(claims), Some(value)) = (claims.as_object_mut(), value) {
        claims.insert(name.to_owned(), value.into());
    }
}
