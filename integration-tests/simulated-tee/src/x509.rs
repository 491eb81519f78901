//! Parts of certificates and revocation lists that every vendor writes alike (RFC 5280).

use crate::SimulationError;
use der::asn1::{ObjectIdentifier, OctetString, UtcTime};
use std::time::Duration;
use x509_cert::ext::Extension;
use x509_cert::time::{Time, Validity};

/// Seconds since the Unix epoch, before 2050.
pub(crate) fn time(seconds: u64) -> Result<Time, SimulationError> {
    Ok(Time::UtcTime(UtcTime::from_unix_duration(Duration::from_secs(
        seconds,
    ))?))
}

/// Between two such times.
pub(crate) fn validity(not_before: u64, not_after: u64) -> Result<Validity, SimulationError> {
    Ok(Validity {
        not_before: time(not_before)?,
        not_after: time(not_after)?,
    })
}

/// One that a reader may pass over; set `critical` for another.
pub(crate) fn extension(id: ObjectIdentifier, value: Vec<u8>) -> Result<Extension, SimulationError> {
    Ok(Extension {
        extn_id: id,
        critical: false,
        extn_value: OctetString::new(value)?,
    })
}
