//! The records of a log (TCG PC Client Platform Firmware Profile 1.06, sections 10.2.2 and 10.4.5.1).

use crate::details::{Budget, Details};
use crate::reader::Reader;
use crate::{Algorithm, Digest, EventLogError, EventType};
use std::borrow::Cow;
use std::ops::Range;

/// More than any boot logs, with many entries of the attestation agent behind it.
const MAX_EVENTS: usize = 4096;
/// The signature of the header of a crypto-agile log.
const SIGNATURE: &[u8; 16] = b"Spec ID Event03\0";
/// Bytes of the digest in the header's own record, which has the form of TPM 1.2.
const SHA1_SIZE: usize = 20;

/// A log in form: a header, which is not kept, and records. Nothing about it is proved.
#[derive(Clone, Debug)]
pub struct EventLog {
    /// The log as it came, up to the end of its last record.
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// Where a record's parts are in the bytes.
#[derive(Clone, Debug)]
struct Record {
    register: u32,
    event_type: EventType,
    offset: usize,
    digests: Range<usize>,
    data: Range<usize>,
}

/// A record.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    log: &'a [u8],
    record: &'a Record,
}

impl EventLog {
    /// Reads a log up to its end, or up to eight bytes of 0x00 or of 0xFF where a record would begin: a CCEL is
    /// an area of fixed size. What is behind these is not looked at. Takes time and memory in proportion to the
    /// log's length. Whoever gives the bytes away spares a copy.
    ///
    /// # Errors
    /// The first thing that is wrong with it. One record in a wrong form makes the whole log useless.
    pub fn parse<'a>(log: impl Into<Cow<'a, [u8]>>) -> Result<Self, EventLogError> {
        let log: Cow<'a, [u8]> = log.into();
        let mut reader = Reader::new(&log);
        let announced = header(&mut reader)?;
        let mut budget = Budget::default();
        let mut records = Vec::new();
        while !at_end(reader.rest()) {
            if records.len() == MAX_EVENTS {
                return Err(EventLogError::TooMany("records"));
            }
            records.push(record(&mut reader, &announced, &mut budget)?);
        }
        let end = reader.position();
        let bytes = match log {
            Cow::Borrowed(log) => log.get(..end).unwrap_or_default().to_vec(),
            Cow::Owned(mut log) => {
                log.truncate(end);
                log
            }
        };
        Ok(Self { bytes, records })
    }

    /// The records in order, without the header.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.records.iter().map(|record| Event {
            log: &self.bytes,
            record,
        })
    }
}

impl<'a> Event<'a> {
    /// The register: a PCR, or a CCMR.
    pub fn register(&self) -> u32 {
        self.record.register
    }

    /// The type.
    pub fn event_type(&self) -> EventType {
        self.record.event_type
    }

    /// Where the record begins in the log.
    pub fn offset(&self) -> usize {
        self.record.offset
    }

    /// Is it extended into its register? An `EV_NO_ACTION` record is not.
    pub fn is_measured(&self) -> bool {
        self.record.event_type != EventType::EV_NO_ACTION
    }

    /// What was measured, or a description of it.
    pub fn data(&self) -> &'a [u8] {
        self.log.get(self.record.data.clone()).unwrap_or_default()
    }

    /// The digests, one for each algorithm at most.
    pub fn digests(&self) -> impl Iterator<Item = Digest<'a>> + use<'a> {
        let mut reader = Reader::new(self.log.get(self.record.digests.clone()).unwrap_or_default());
        std::iter::from_fn(move || digest(&mut reader))
    }

    /// The digest of one algorithm.
    pub fn digest(&self, algorithm: Algorithm) -> Option<&'a [u8]> {
        let found = self.digests().find(|digest| digest.algorithm == algorithm);
        found.map(|digest| digest.bytes)
    }

    /// What the data says. It was in form when the log was read, and the budget was for all records together.
    pub(crate) fn details(&self) -> Details<'a> {
        let read = Details::parse(self.event_type(), self.data(), &mut Budget::default());
        read.unwrap_or(Details::None)
    }
}

/// The first record: `EV_NO_ACTION` in the form of TPM 1.2, with the algorithms that the other records use.
fn header(reader: &mut Reader<'_>) -> Result<Vec<Algorithm>, EventLogError> {
    let mut parts = || {
        reader.u32()?;
        let event_type = EventType(reader.u32()?);
        reader.take(SHA1_SIZE)?;
        Some((event_type, reader.sized()?))
    };
    let (event_type, data) = parts().ok_or(EventLogError::Truncated(0))?;
    let mut data = Reader::new(data);
    if event_type != EventType::EV_NO_ACTION || data.array().as_ref() != Some(SIGNATURE) {
        return Err(EventLogError::Header);
    }
    // The platform's class, the version of the profile and the size of a native integer.
    data.take(8).ok_or(EventLogError::Header)?;
    let count = data.u32().ok_or(EventLogError::Header)?;
    let mut announced = Vec::new();
    for _ in 0..count {
        let (id, size) = data.u16().zip(data.u16()).ok_or(EventLogError::Header)?;
        let algorithm = Algorithm::from_id(id).ok_or(EventLogError::UnknownAlgorithm(id))?;
        if usize::from(size) != algorithm.size() {
            return Err(EventLogError::DigestSize(algorithm));
        }
        if announced.contains(&algorithm) {
            return Err(EventLogError::Header);
        }
        announced.push(algorithm);
    }
    let vendor = data.u8().and_then(|length| data.take(usize::from(length)));
    if vendor.is_none() || !data.rest().is_empty() {
        return Err(EventLogError::Header);
    }
    Ok(announced)
}

fn at_end(rest: &[u8]) -> bool {
    let filled_with = |byte| rest.get(..8).is_some_and(|head| head == [byte; 8]);
    rest.is_empty() || filled_with(0) || filled_with(0xff)
}

fn record(
    reader: &mut Reader<'_>,
    announced: &[Algorithm],
    budget: &mut Budget,
) -> Result<Record, EventLogError> {
    let offset = reader.position();
    let truncated = EventLogError::Truncated(offset);
    let register = reader.u32().ok_or_else(|| truncated.clone())?;
    let event_type = EventType(reader.u32().ok_or_else(|| truncated.clone())?);
    let count = reader.u32().ok_or_else(|| truncated.clone())?;
    let first = reader.position();
    let mut seen = Vec::new();
    for _ in 0..count {
        let id = Reader::new(reader.rest())
            .u16()
            .ok_or_else(|| truncated.clone())?;
        let algorithm = Algorithm::from_id(id).ok_or(EventLogError::UnknownAlgorithm(id))?;
        if !announced.contains(&algorithm) {
            return Err(EventLogError::UnannouncedAlgorithm { offset, algorithm });
        }
        if seen.contains(&algorithm) {
            return Err(EventLogError::DuplicateDigest { offset, algorithm });
        }
        seen.push(algorithm);
        let digest = digest(reader).ok_or_else(|| truncated.clone())?;
        if event_type == EventType::EV_NO_ACTION && digest.bytes.iter().any(|byte| *byte != 0) {
            return Err(EventLogError::DigestOfNoAction(offset));
        }
    }
    let digests = first..reader.position();
    let data = reader.sized().ok_or(truncated)?;
    Details::parse(event_type, data, budget).map_err(|error| error.at(offset, event_type))?;
    Ok(Record {
        register,
        event_type,
        offset,
        digests,
        data: reader.position() - data.len()..reader.position(),
    })
}

/// `TPMT_HA`: the algorithm, then a digest of its size.
fn digest<'a>(reader: &mut Reader<'a>) -> Option<Digest<'a>> {
    let algorithm = Algorithm::from_id(reader.u16()?)?;
    let bytes = reader.take(algorithm.size())?;
    Some(Digest { algorithm, bytes })
}
