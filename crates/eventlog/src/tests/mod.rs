//! Tests of the whole crate: logs made here, logs of real machines beside the project, hostile input.

mod details;
mod fixtures;
mod hostile;
mod records;
mod replay;
mod text;

use crate::{Algorithm, EventLog, EventLogError, EventType};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Builds a log.
struct Log(Vec<u8>);

impl Log {
    /// A header that announces these algorithms.
    fn new(algorithms: &[Algorithm]) -> Self {
        let sizes: Vec<(u16, u16)> = algorithms
            .iter()
            .map(|algorithm| (algorithm.id(), u16::try_from(algorithm.size()).unwrap()))
            .collect();
        Self::with_header(b"Spec ID Event03\0", &sizes, b"")
    }

    fn with_header(signature: &[u8], sizes: &[(u16, u16)], vendor: &[u8]) -> Self {
        let mut data = signature.to_vec();
        data.extend([0, 0, 0, 0, 0, 2, 0, 2]);
        data.extend(u32::try_from(sizes.len()).unwrap().to_le_bytes());
        for (id, size) in sizes {
            data.extend(id.to_le_bytes());
            data.extend(size.to_le_bytes());
        }
        data.push(u8::try_from(vendor.len()).unwrap());
        data.extend(vendor);
        let mut log = vec![0; 4];
        log.extend(3_u32.to_le_bytes());
        log.extend([0; 20]);
        log.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        log.extend(data);
        Self(log)
    }

    fn sha384() -> Self {
        Self::new(&[Algorithm::Sha384])
    }

    /// A record with these digests.
    fn record(
        mut self,
        register: u32,
        event_type: EventType,
        digests: &[(Algorithm, &[u8])],
        data: &[u8],
    ) -> Self {
        self.0.extend(register.to_le_bytes());
        self.0.extend(event_type.0.to_le_bytes());
        self.0.extend(u32::try_from(digests.len()).unwrap().to_le_bytes());
        for (algorithm, digest) in digests {
            self.0.extend(algorithm.id().to_le_bytes());
            self.0.extend(*digest);
        }
        self.0.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        self.0.extend(data);
        self
    }

    /// A record with the SHA-384 digest of its data.
    fn event(self, register: u32, event_type: EventType, data: &[u8]) -> Self {
        let digest = Algorithm::Sha384.digest(&[data]);
        self.record(register, event_type, &[(Algorithm::Sha384, &digest)], data)
    }

    fn parse(&self) -> Result<EventLog, EventLogError> {
        EventLog::parse(&self.0)
    }

    fn error(&self) -> EventLogError {
        self.parse().map(|_| ()).unwrap_err()
    }
}

/// The `details` of one record.
fn details(event_type: EventType, data: &[u8]) -> Result<Value, EventLogError> {
    let log = Log::sha384().event(1, event_type, data).parse()?;
    Ok(claims(&log)[0]["details"].clone())
}

/// The claims, which are written as they would be if they had been values before.
fn claims(log: &EventLog) -> Value {
    plain(&log.claims())
}

fn claims_of(log: &EventLog, algorithm: Algorithm) -> Value {
    plain(&log.claims_of(algorithm))
}

fn plain(claims: &RawValue) -> Value {
    let value: Value = serde_json::from_str(claims.get()).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), claims.get());
    value
}
