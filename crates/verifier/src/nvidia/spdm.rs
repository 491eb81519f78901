//! The report: an SPDM GET_MEASUREMENTS request with its MEASUREMENTS response (DMTF DSP0274 1.1.1, tables 44 to
//! 47), end to end. Numbers are little-endian.

use super::NvidiaError;
use super::opaque::OpaqueData;
use std::collections::BTreeMap;

/// SPDM 1.1.
const VERSION: u8 = 0x11;
const GET_MEASUREMENTS: u8 = 0xe0;
const MEASUREMENTS: u8 = 0x60;
/// Param1 of the request: a signature is wanted.
const SIGNED: u8 = 1;
/// Param2 of the request: all measurements are wanted.
const ALL: u8 = 0xff;
/// The measurement specification of DMTF, bit 0 of the mask.
const DMTF: u8 = 1;
/// r and s of P-384, big-endian.
const SIGNATURE: usize = 96;
/// "OpaqueLength … shall not be greater than 1024 bytes."
const MAX_OPAQUE: usize = 1024;
/// A digest has at most 64 bytes; what is not a digest may have more.
const MAX_VALUE: usize = 1024;

/// A report in form.
#[derive(Debug, PartialEq)]
pub(super) struct Report {
    /// The nonce that the device was asked with.
    pub(super) nonce: [u8; 32],
    /// The values by index.
    pub(super) measurements: BTreeMap<u8, Vec<u8>>,
    pub(super) opaque: OpaqueData,
    /// Everything that is signed: all but the signature.
    pub(super) signed: Vec<u8>,
    /// r and s, big-endian.
    pub(super) signature: [u8; SIGNATURE],
}

impl Report {
    /// Reads a report to its last byte.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NvidiaError> {
        let (signed, signature) = bytes
            .split_last_chunk::<SIGNATURE>()
            .ok_or(NvidiaError::Length("signature"))?;
        let mut reader = Reader(signed);
        let request = Request::parse(&mut reader)?;
        let [version, code, total, slot] = reader.array("header")?;
        require(version == VERSION, "version")?;
        require(code == MEASUREMENTS, "response code")?;
        // Only the answer to a question about the number of measurements says it here.
        require(total == 0, "first parameter")?;
        require(slot == request.slot, "slot")?;
        let [blocks] = reader.array("header")?;
        let [low, middle, high] = reader.array("header")?;
        let length = u32::from_le_bytes([low, middle, high, 0]);
        let length = usize::try_from(length).map_err(|_| NvidiaError::Length("measurement record"))?;
        let record = reader.take(length, "measurement record")?;
        let measurements = measurements(record, blocks)?;
        // The responder's own nonce makes the signature unpredictable and says nothing else.
        let _: [u8; 32] = reader.array("nonce")?;
        let length = usize::from(u16::from_le_bytes(reader.array("opaque data")?));
        require(length <= MAX_OPAQUE, "opaque length")?;
        let opaque = OpaqueData::parse(reader.take(length, "opaque data")?)?;
        reader.end("response")?;
        Ok(Self {
            nonce: request.nonce,
            measurements,
            opaque,
            signed: signed.to_vec(),
            signature: *signature,
        })
    }
}

/// The nonce of a request, whatever minor version of SPDM it is of, and whatever comes after it.
pub(super) fn requested_nonce(bytes: &[u8]) -> Result<[u8; 32], NvidiaError> {
    let mut reader = Reader(bytes);
    let [version, code, _, _] = reader.array("request")?;
    require(version >> 4 == VERSION >> 4, "version")?;
    require(code == GET_MEASUREMENTS, "request code")?;
    reader.array("request")
}

/// Table 44, with a signature: 37 bytes.
struct Request {
    nonce: [u8; 32],
    slot: u8,
}

impl Request {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, NvidiaError> {
        let [version, code, attributes, operation] = reader.array("request")?;
        require(version == VERSION, "version")?;
        require(code == GET_MEASUREMENTS, "request code")?;
        require(attributes == SIGNED, "request attributes")?;
        require(operation == ALL, "requested measurements")?;
        let nonce = reader.array("request")?;
        let [slot] = reader.array("request")?;
        require(slot >> 4 == 0, "slot")?;
        Ok(Self { nonce, slot })
    }
}

/// Table 46, each block with the DMTF measurement of table 47.
fn measurements(record: &[u8], blocks: u8) -> Result<BTreeMap<u8, Vec<u8>>, NvidiaError> {
    let mut reader = Reader(record);
    let mut measurements = BTreeMap::new();
    for _ in 0..blocks {
        let [index, specification, low, high] = reader.array("measurement record")?;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let mut block = Reader(reader.take(length, "measurement record")?);
        let malformed = |_| NvidiaError::Measurement(index);
        let [_kind, low, high] = block.array("measurement").map_err(malformed)?;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let value = block.take(length, "measurement").map_err(malformed)?;
        block.end("measurement").map_err(malformed)?;
        // Index 0 and 0xff mean something else in requests, so no block has them.
        let sound = specification == DMTF && (1..=MAX_VALUE).contains(&length) && !matches!(index, 0 | 0xff);
        if !sound || measurements.insert(index, value.to_vec()).is_some() {
            return Err(NvidiaError::Measurement(index));
        }
    }
    reader.end("measurement record")?;
    Ok(measurements)
}

fn require(holds: bool, what: &'static str) -> Result<(), NvidiaError> {
    holds.then_some(()).ok_or(NvidiaError::Spdm(what))
}

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], NvidiaError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(NvidiaError::Length(what))?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], NvidiaError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NvidiaError::Length(what))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn end(&self, what: &'static str) -> Result<(), NvidiaError> {
        self.0.is_empty().then_some(()).ok_or(NvidiaError::Length(what))
    }
}
