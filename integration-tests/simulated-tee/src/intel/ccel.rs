//! Event logs as a TD finds them (TCG PC Client Platform Firmware Profile 1.06, section 10), with the attestation
//! agent's entries.

use ring::digest::{SHA384, digest};

const SHA384_ID: u16 = 0x000c;
const EV_NO_ACTION: u32 = 3;
const EV_SEPARATOR: u32 = 4;
const EV_EVENT_TAG: u32 = 6;
const EV_EFI_BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;

/// A log in the making, and the registers that it replays to.
#[derive(Clone, Debug)]
pub struct Ccel {
    records: Vec<Vec<u8>>,
    rtmrs: [[u8; 48]; 4],
}

impl Default for Ccel {
    fn default() -> Self {
        Self::new()
    }
}

impl Ccel {
    /// A log with its header and no records.
    pub fn new() -> Self {
        Self {
            records: vec![header()],
            rtmrs: [[0; 48]; 4],
        }
    }

    /// The log of a boot straight into a kernel with this digest and a command line with that one.
    pub fn of_direct_boot(kernel: &[u8; 48], command_line: &[u8; 48]) -> Self {
        let mut log = Self::new();
        log.separator(1);
        log.measured(2, EV_EFI_BOOT_SERVICES_APPLICATION, &loaded_kernel(), kernel);
        log.measured(
            3,
            EV_EVENT_TAG,
            &tagged(0x8f3b_22ed, b"LOADED_IMAGE::LoadOptions\0"),
            command_line,
        );
        log.separator(2);
        log
    }

    /// Adds a record with the digest of its data.
    pub fn event(&mut self, register: u32, event_type: u32, data: &[u8]) {
        let measured = sha384(&[data]);
        self.measured(register, event_type, data, &measured);
    }

    /// Adds a record with another digest.
    pub fn measured(&mut self, register: u32, event_type: u32, data: &[u8], measured: &[u8; 48]) {
        self.unmeasured(register, event_type, data, measured);
        let rtmr = usize::try_from(register)
            .ok()
            .and_then(|register| register.checked_sub(1));
        if let Some(rtmr) = rtmr.and_then(|rtmr| self.rtmrs.get_mut(rtmr)) {
            *rtmr = sha384(&[rtmr, measured]);
        }
    }

    /// Adds a record that no register shows.
    pub fn unmeasured(&mut self, register: u32, event_type: u32, data: &[u8], claimed: &[u8; 48]) {
        let mut record = Vec::new();
        record.extend(register.to_le_bytes());
        record.extend(event_type.to_le_bytes());
        record.extend(1_u32.to_le_bytes());
        record.extend(SHA384_ID.to_le_bytes());
        record.extend(claimed);
        record.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        record.extend(data);
        self.records.push(record);
    }

    /// Adds the end of a phase.
    pub fn separator(&mut self, register: u32) {
        self.event(register, EV_SEPARATOR, &[0; 4]);
    }

    /// Adds an entry of the attestation agent.
    pub fn entry(&mut self, domain: &str, operation: &str, content: &str) {
        let text = format!("{domain} {operation} {content}");
        self.event(4, EV_EVENT_TAG, &tagged(0x4141_454c, text.as_bytes()));
    }

    /// Swaps two records, counted from 0 behind the header. The registers stay.
    pub fn swap(&mut self, one: usize, other: usize) {
        self.records.swap(one + 1, other + 1);
    }

    /// Leaves out a record, counted from 0 behind the header. The registers stay.
    pub fn leave_out(&mut self, record: usize) {
        self.records.remove(record + 1);
    }

    /// The log with its end.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.records.concat();
        bytes.extend([0xff; 8]);
        bytes
    }

    /// The registers that the records were measured into.
    pub fn rtmrs(&self) -> [[u8; 48]; 4] {
        self.rtmrs
    }
}

fn header() -> Vec<u8> {
    let mut data = b"Spec ID Event03\0".to_vec();
    data.extend([0, 0, 0, 0, 0, 2, 0, 2]);
    data.extend(1_u32.to_le_bytes());
    data.extend(SHA384_ID.to_le_bytes());
    data.extend(48_u16.to_le_bytes());
    data.push(0);
    let mut record = Vec::new();
    record.extend(1_u32.to_le_bytes());
    record.extend(EV_NO_ACTION.to_le_bytes());
    record.extend([0; 20]);
    record.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend(data);
    record
}

/// An image loaded from `VenMedia(…)/File(kernel)`, as QEMU gives a kernel to the firmware.
fn loaded_kernel() -> Vec<u8> {
    let mut path = vec![4, 3, 20, 0];
    path.extend([
        0x72, 0xf7, 0x28, 0x14, 0x4a, 0xb6, 0x1e, 0x44, 0xb8, 0xc3, 0x9e, 0xbd, 0xd7, 0xf8, 0x93, 0xc7,
    ]);
    path.extend([4, 4, 18, 0]);
    path.extend("kernel\0".encode_utf16().flat_map(u16::to_le_bytes));
    path.extend([0x7f, 0xff, 4, 0]);
    let mut data = vec![0; 24];
    data.extend(u64::try_from(path.len()).unwrap_or(u64::MAX).to_le_bytes());
    data.extend(path);
    data
}

fn tagged(tag: u32, text: &[u8]) -> Vec<u8> {
    let mut data = tag.to_le_bytes().to_vec();
    data.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    data.extend(text);
    data
}

fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    let hash = digest(&SHA384, &parts.concat());
    hash.as_ref().try_into().unwrap_or([0; 48])
}
