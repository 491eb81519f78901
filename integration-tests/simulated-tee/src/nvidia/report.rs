//! SPDM reports with any field set (DMTF DSP0274 1.1.1, GET_MEASUREMENTS and MEASUREMENTS).

use super::device::Device;

/// A measurement block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// From 1 on.
    pub index: u8,
    /// 1: DMTF's form.
    pub specification: u8,
    /// DMTF's kind of measurement: 1, a digest of mutable firmware.
    pub kind: u8,
    /// The digest.
    pub value: Vec<u8>,
}

/// Makes a report. Every field can be changed before it is signed; lengths are right unless they are set.
#[derive(Clone)]
pub struct ReportBuilder<'a> {
    device: &'a Device,
    /// Version, code, attributes, operation of the request.
    pub request: [u8; 4],
    /// The requester's nonce.
    pub nonce: [u8; 32],
    /// The slot of the certificate chain.
    pub slot: u8,
    /// Version, code, first and second parameter of the response.
    pub response: [u8; 4],
    /// The measurements.
    pub measurements: Vec<Measurement>,
    /// Another number of blocks than there are.
    pub blocks: Option<u8>,
    /// Another length of the measurement record than it has.
    pub record_length: Option<u32>,
    /// The responder's nonce.
    pub own_nonce: [u8; 32],
    /// The opaque data: type and value.
    pub opaque: Vec<(u16, Vec<u8>)>,
    /// Another length of the opaque data than it has.
    pub opaque_length: Option<u16>,
    /// Bytes between the opaque data and the signature.
    pub trailing: Vec<u8>,
}

/// How many measurements a GPU has.
const MEASUREMENTS: u8 = 64;
/// The last one that is not zero.
const LAST_MEASURED: u8 = 8;

impl<'a> ReportBuilder<'a> {
    /// The report of a Hopper GPU with a driver and a VBIOS of 2024.
    pub(super) fn new(device: &'a Device) -> Self {
        let measurements = (1..=MEASUREMENTS).map(|index| Measurement {
            index,
            specification: 1,
            kind: 1,
            value: vec![
                if (2..=LAST_MEASURED).contains(&index) {
                    index
                } else {
                    0
                };
                48
            ],
        });
        let measurements: Vec<Measurement> = measurements.collect();
        let counts = measurements
            .iter()
            .flat_map(|it| u32::from(it.value != [0; 48]).to_le_bytes());
        let opaque = vec![
            (6, vec![0x00, 0x9f, 0x00, 0x96, 0x01, 0, 0, 0]),
            (14, vec![0xb1, 0x03, 0, 0]),
            (15, b"882\0\0\0\0\0\0".to_vec()),
            (16, b"0\0\0\0\0".to_vec()),
            (17, b"1010\0".to_vec()),
            (18, b"0200\0".to_vec()),
            (19, vec![0, 0]),
            (3, b"550.90.07\0".to_vec()),
            (4, vec![0x80, 1, 0, 0, 0, 0, 0, 0]),
            (12, counts.collect()),
            (13, vec![0, 0xc0, 1, 0]),
            (11, b"U".to_vec()),
            (20, device.fwid().to_vec()),
            (21, b"U".to_vec()),
        ];
        Self {
            device,
            request: [0x11, 0xe0, 0x01, 0xff],
            nonce: [0; 32],
            slot: 0,
            response: [0x11, 0x60, 0, 0],
            measurements,
            blocks: None,
            record_length: None,
            own_nonce: [0xa5; 32],
            opaque,
            opaque_length: None,
            trailing: Vec::new(),
        }
    }

    /// For this report data, by its first 32 bytes; what is shorter is filled up with zeros.
    pub fn report_data(mut self, data: &[u8]) -> Self {
        self.nonce = [0; 32];
        self.nonce.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        self
    }

    /// Another value of a field of the opaque data, or none.
    pub fn field(mut self, kind: u16, value: Option<&[u8]>) -> Self {
        self.opaque.retain(|(found, _)| *found != kind);
        self.opaque.extend(value.map(|value| (kind, value.to_vec())));
        self
    }

    /// Any change at all.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Writes it down and signs it.
    pub fn sign(self) -> Vec<u8> {
        let mut record = Vec::new();
        for measurement in &self.measurements {
            record.extend([measurement.index, measurement.specification]);
            record.extend(length(measurement.value.len() + 3));
            record.push(measurement.kind);
            record.extend(length(measurement.value.len()));
            record.extend(&measurement.value);
        }
        let mut opaque = Vec::new();
        for (kind, value) in &self.opaque {
            opaque.extend(kind.to_le_bytes());
            opaque.extend(length(value.len()));
            opaque.extend(value);
        }
        let mut report = self.request.to_vec();
        report.extend(self.nonce);
        report.push(self.slot);
        report.extend(self.response);
        report.push(
            self.blocks
                .unwrap_or_else(|| u8::try_from(self.measurements.len()).unwrap_or(u8::MAX)),
        );
        let record_length = u32::try_from(record.len()).unwrap_or(u32::MAX);
        let [low, middle, high, _] = self.record_length.unwrap_or(record_length).to_le_bytes();
        report.extend([low, middle, high]);
        report.extend(record);
        report.extend(self.own_nonce);
        report.extend(
            self.opaque_length
                .map_or_else(|| length(opaque.len()), u16::to_le_bytes),
        );
        report.extend(opaque);
        report.extend(&self.trailing);
        let signature = self.device.sign(&report);
        report.extend(signature);
        report
    }
}

/// Two bytes, little-endian; what does not fit is cut, as a device would not have it.
fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_le_bytes()
}
