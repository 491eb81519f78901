//! Device paths (UEFI 2.11, section 10.3), in the text of its section 10.6.

use super::{Budget, DetailsError, text};
use crate::json::hex;
use crate::reader::Reader;
use std::net::Ipv4Addr;

const HARDWARE: u8 = 1;
const ACPI: u8 = 2;
const MESSAGING: u8 = 3;
const MEDIA: u8 = 4;
const BIOS_BOOT: u8 = 5;
/// Type and subtype of the node that ends a whole path.
const END: (u8, u8) = (0x7f, 0xff);

/// The path of a loaded image (`UEFI_IMAGE_LOAD_EVENT`) in form, of which not even a node is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DevicePath<'a>(&'a [u8]);

/// The path of a loaded image; `None` if it has none.
pub(super) fn of_image<'a>(
    data: &'a [u8],
    budget: &mut Budget,
) -> Result<Option<DevicePath<'a>>, DetailsError> {
    let short = DetailsError::Malformed("it is shorter than it says");
    let mut reader = Reader::new(data);
    // The image's address, its length and its address at link time.
    reader.take(24).ok_or(short)?;
    let length = reader.u64().ok_or(short)?;
    if length == 0 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| short)?;
    let path = reader.take(length).ok_or(short)?;
    check(path, budget)?;
    Ok(Some(DevicePath(path)))
}

fn check(path: &[u8], budget: &mut Budget) -> Result<(), DetailsError> {
    let mut reader = Reader::new(path);
    loop {
        Budget::spend(&mut budget.nodes, 1, "nodes of device paths")?;
        let (kind, data) = node(&mut reader).ok_or(DetailsError::Malformed("its device path has no end"))?;
        if kind == END {
            let alone = data.is_empty() && reader.rest().is_empty();
            return alone
                .then_some(())
                .ok_or(DetailsError::Malformed("its device path ends too early"));
        }
    }
}

impl DevicePath<'_> {
    /// Bytes of it.
    pub(super) fn length(self) -> usize {
        self.0.len()
    }

    /// The text of each node but the last, which says that it is the last.
    pub(super) fn nodes(self) -> impl Iterator<Item = String> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || node(&mut reader))
            .take_while(|(kind, _)| *kind != END)
            .map(|(kind, data)| print(kind, data))
    }
}

/// Type, subtype, a length that counts these four bytes too, data.
fn node<'a>(reader: &mut Reader<'a>) -> Option<((u8, u8), &'a [u8])> {
    let kind = (reader.u8()?, reader.u8()?);
    let length = usize::from(reader.u16()?).checked_sub(4)?;
    Some((kind, reader.take(length)?))
}

fn print((kind, subtype): (u8, u8), data: &[u8]) -> String {
    let known = match (kind, subtype) {
        (HARDWARE, 1) => pci(data),
        (ACPI, 1) => acpi(data),
        (MESSAGING, 5) => usb(data),
        (MESSAGING, 11) => mac(data),
        (MESSAGING, 12) => ipv4(data),
        (MESSAGING, 21) => fibre_channel(data),
        (MEDIA, 1) => hard_drive(data),
        (MEDIA, 3) => vendor_media(data),
        (MEDIA, 4) => file(data),
        (BIOS_BOOT, 1) => bios_boot(data),
        _ => None,
    };
    known.unwrap_or_else(|| format!("Path({kind},{subtype},{})", hex(data)))
}

fn pci(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    Some(format!("Pci({},{})", reader.u8()?, reader.u8()?))
}

/// The name is three letters of five bits each, and four digits: `PNP0A03`.
fn acpi(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let (vendor, product, uid) = (reader.u16()?, reader.u16()?, reader.u32()?);
    let letter = |shift: u32| char::from_u32(u32::from((vendor >> shift) & 0x1f) + u32::from(b'@'));
    let (first, second, third) = (letter(10)?, letter(5)?, letter(0)?);
    Some(format!("ACPI({first}{second}{third}{product:04X},{uid})"))
}

fn usb(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    Some(format!("USB({},{})", reader.u8()?, reader.u8()?))
}

/// 32 bytes hold the address; on Ethernet it has six.
fn mac(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let address: [u8; 32] = reader.array()?;
    let kind = reader.u8()?;
    let (six, padding) = address.split_at_checked(6)?;
    let significant = if padding.iter().all(|byte| *byte == 0) {
        six
    } else {
        &address
    };
    Some(format!("Mac({},0x{kind:02X})", hex::encode_upper(significant)))
}

fn ipv4(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let (local, remote) = (reader.array::<4>()?, reader.array::<4>()?);
    // The two ports.
    reader.take(4)?;
    let protocol = match reader.u16()? {
        6 => "TCP",
        17 => "UDP",
        _ => "",
    };
    let origin = match reader.u8()? {
        0 => "DHCP",
        1 => "Static",
        _ => "",
    };
    let (gateway, mask) = (reader.array::<4>()?, reader.array::<4>()?);
    let [local, remote, gateway, mask] = [local, remote, gateway, mask].map(Ipv4Addr::from);
    let network = if gateway.is_unspecified() && mask.is_unspecified() {
        String::new()
    } else {
        format!(",{gateway},{mask}")
    };
    Some(format!("IPv4({remote},{protocol},{origin},{local}{network})"))
}

fn fibre_channel(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let (name, unit) = (reader.array::<8>()?, reader.array::<8>()?);
    Some(format!("FibreEx(0x{},0x{})", hex(&name), hex(&unit)))
}

fn hard_drive(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let (number, start, size) = (reader.u32()?, reader.u64()?, reader.u64()?);
    let signature: [u8; 16] = reader.array()?;
    let format = reader.u8()?;
    // The kind of signature, which the format implies.
    reader.u8()?;
    let signature = match format {
        1 => format!("MBR,{:#010x}", Reader::new(&signature).u32()?),
        2 => format!("GPT,{}", guid(&signature)?),
        _ => return None,
    };
    let place = if number == 0 {
        String::new()
    } else {
        format!(",{start:#x},{size:#x}")
    };
    Some(format!("HD({number},{signature}{place})"))
}

fn vendor_media(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let vendor = guid(&reader.array()?)?;
    Some(format!("VenMedia({vendor},{})", hex(reader.rest())))
}

fn file(data: &[u8]) -> Option<String> {
    if !data.len().is_multiple_of(2) {
        return None;
    }
    let name = data.strip_suffix(&[0, 0])?;
    Some(format!("File({})", text::utf16_lossy(name)))
}

fn bios_boot(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let (device, status) = (reader.u16()?, reader.u16()?);
    let device = match device {
        0x01 => "FLOPPY".to_owned(),
        0x02 => "HARD_DRIVE".to_owned(),
        0x03 => "CDROM".to_owned(),
        0x04 => "PCMCIA".to_owned(),
        0x05 => "USB".to_owned(),
        0x06 => "EMBEDDED_NETWORK".to_owned(),
        0x80 => "DEV".to_owned(),
        0xff => "UNKNOWN".to_owned(),
        other => other.to_string(),
    };
    let description = reader.rest().split(|byte| *byte == 0).next()?;
    let description = std::str::from_utf8(description).ok()?;
    Some(format!("BBS({device},{description},{status})"))
}

/// A GUID as UEFI prints it: the first three parts are little-endian numbers.
fn guid(bytes: &[u8; 16]) -> Option<String> {
    let mut reader = Reader::new(bytes);
    let (first, second, third) = (reader.u32()?, reader.u16()?, reader.u16()?);
    let (fourth, fifth) = (reader.array::<2>()?, reader.array::<6>()?);
    let (fourth, fifth) = (hex::encode_upper(fourth), hex::encode_upper(fifth));
    Some(format!("{first:08X}-{second:04X}-{third:04X}-{fourth}-{fifth}"))
}
