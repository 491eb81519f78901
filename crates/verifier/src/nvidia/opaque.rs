//! What NVIDIA puts into the opaque data of a report: a list of fields, each with a type, a length and a value.
//! Types and forms are those of NVIDIA's published verifier (`nvtrust`, local GPU verifier, class `OpaqueData`).
//! Numbers are little-endian.

use super::NvidiaError;
use super::spdm::Reader;
use serde_json::{Map, Value};

/// The fields as claims, and those that are needed here.
#[derive(Debug, PartialEq)]
pub(super) struct OpaqueData {
    /// By the names of claims.
    pub(super) fields: Map<String, Value>,
    /// The digest of the firmware that holds the signing key.
    pub(super) fwid: [u8; 48],
}

/// How a value is shown.
#[derive(Clone, Copy)]
enum Form {
    /// ASCII up to the first of the zeros at its end, or hex if it is not.
    Text,
    Hex,
    /// ASCII, and nothing else will do: policies compare it.
    Version,
    Vbios,
    Counts,
    Pdis,
    Number,
    Feature,
}

const DRIVER_VERSION: u16 = 3;
const VBIOS_VERSION: u16 = 6;
const FWID: u16 = 20;
/// "No field": never in a report.
const INVALID: u16 = 255;

/// Name and form of a field. A type that is newer than this list is shown in hex, so that a policy can see it.
fn described(kind: u16) -> Option<(&'static str, Form)> {
    Some(match kind {
        1 => ("cert_issuer_name", Form::Hex),
        2 => ("cert_authority_key_identifier", Form::Hex),
        DRIVER_VERSION => ("driver_version", Form::Version),
        4 => ("gpu_info", Form::Hex),
        5 => ("id_sku", Form::Hex),
        VBIOS_VERSION => ("vbios_version", Form::Vbios),
        7 => ("manufacturer_id", Form::Hex),
        8 => ("tamper_detection", Form::Hex),
        9 => ("smc", Form::Hex),
        10 => ("vpr", Form::Hex),
        11 => ("nvdec0_status", Form::Text),
        12 => ("measurement_count", Form::Counts),
        13 => ("cpr_info", Form::Hex),
        14 => ("board_id", Form::Hex),
        15 => ("chip_sku", Form::Text),
        16 => ("chip_sku_mod", Form::Text),
        17 => ("project", Form::Text),
        18 => ("project_sku", Form::Text),
        19 => ("project_sku_mod", Form::Hex),
        FWID => ("fwid", Form::Hex),
        21 => ("protected_pcie_status", Form::Text),
        22 => ("switch_pdi", Form::Pdis),
        23 => ("floorswept_ports", Form::Hex),
        24 => ("position_id", Form::Hex),
        25 => ("lock_switch_status", Form::Hex),
        32 => ("gpu_link_conn", Form::Hex),
        33 => ("sys_enable_status", Form::Hex),
        34 => ("opaque_data_version", Form::Number),
        35 => ("chip_info", Form::Text),
        36 => ("feature_flag", Form::Feature),
        _ => return None,
    })
}

impl OpaqueData {
    /// Reads the fields to the last byte. Driver version, VBIOS version and firmware id must be there.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NvidiaError> {
        let mut reader = Reader(bytes);
        let mut fields = Map::new();
        let mut fwid = None;
        while !reader.0.is_empty() {
            let kind = u16::from_le_bytes(reader.array("opaque data")?);
            let length = u16::from_le_bytes(reader.array("opaque data")?);
            let value = reader.take(length.into(), "opaque data")?;
            let malformed = NvidiaError::OpaqueField(kind);
            if kind == FWID {
                fwid = Some(value.try_into().map_err(|_| malformed.clone())?);
            }
            let (name, form) = match described(kind) {
                Some((name, form)) => (name.to_owned(), form),
                None if kind == INVALID => return Err(malformed),
                None => (format!("opaque_{kind}"), Form::Hex),
            };
            let shown = form.show(value).ok_or_else(|| malformed.clone())?;
            if fields.insert(name, shown).is_some() {
                return Err(malformed);
            }
        }
        for needed in ["driver_version", "vbios_version"] {
            if !fields.contains_key(needed) {
                return Err(NvidiaError::OpaqueFieldMissing(needed));
            }
        }
        let fwid = fwid.ok_or(NvidiaError::OpaqueFieldMissing("fwid"))?;
        Ok(Self { fields, fwid })
    }
}

impl Form {
    fn show(self, value: &[u8]) -> Option<Value> {
        Some(match self {
            Form::Hex => crate::digits::hex(value).into(),
            Form::Text => text(value).unwrap_or_else(|| crate::digits::hex(value)).into(),
            Form::Version => text(value).filter(|text| !text.is_empty())?.into(),
            Form::Vbios => vbios(value)?.into(),
            Form::Counts => counts(value)?,
            Form::Pdis => {
                let (pdis, []) = value.as_chunks::<8>() else {
                    return None;
                };
                pdis.iter().map(hex::encode).collect()
            }
            Form::Number => number(value)?.into(),
            Form::Feature => match number(value)? {
                0 => "SPT",
                1 => "MPT",
                2 => "PPCIE",
                _ => "unknown",
            }
            .into(),
        })
    }
}

fn text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_end_matches('\0');
    text.chars()
        .all(|character| character == ' ' || character.is_ascii_graphic())
        .then(|| text.to_owned())
}

/// Four numbers from the last to the first, then the fifth; the rest is zero.
fn vbios(value: &[u8]) -> Option<String> {
    let [a, b, c, d, e, 0, 0, 0] = value else {
        return None;
    };
    Some(format!("{d:02x}.{c:02x}.{b:02x}.{a:02x}.{e:02x}"))
}

/// How many events each measurement covers, by its index.
fn counts(value: &[u8]) -> Option<Value> {
    let (counts, []) = value.as_chunks::<4>() else {
        return None;
    };
    let numbered = (1_u8..=u8::MAX).zip(counts);
    (counts.len() <= usize::from(u8::MAX)).then(|| {
        numbered
            .map(|(index, count)| (index.to_string(), u32::from_le_bytes(*count).into()))
            .collect::<Map<_, _>>()
            .into()
    })
}

/// At most eight bytes.
fn number(value: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(..value.len())?.copy_from_slice(value);
    Some(u64::from_le_bytes(wide))
}
