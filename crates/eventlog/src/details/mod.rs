//! What the data of a record says, by the record's type (firmware profile 1.06, sections 10.2 and 10.4).

mod content;
mod device_path;
mod tagged;
mod text;
mod variable;

use crate::json::Json;
use crate::{EventLogError, EventType};

/// What a record's data says: borrowed from the data, and put into other words only for the claims.
#[derive(Clone, Debug)]
pub(crate) enum Details<'a> {
    /// Nothing.
    None,
    /// A text as it is.
    Text(&'a str),
    /// Whatever the manufacturer chose.
    Printable(&'a [u8]),
    /// What a boot loader wrote.
    Loader(text::Loader<'a>),
    /// A tagged event: a text, which may be an entry of the attestation agent.
    Tagged(tagged::Tagged<'a>),
    /// A UEFI variable.
    Variable(variable::Variable<'a>),
    /// The path to an image.
    DevicePath(device_path::DevicePath<'a>),
}

/// What one log may still spend on what costs more than its length.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Nodes of device paths.
    nodes: usize,
    /// Bytes of JSON texts to parse.
    json: usize,
    /// Values in these.
    values: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            nodes: 16384,
            json: 1 << 20,
            values: 16384,
        }
    }
}

impl Budget {
    fn spend(left: &mut usize, cost: usize, what: &'static str) -> Result<(), DetailsError> {
        *left = left.checked_sub(cost).ok_or(DetailsError::TooMany(what))?;
        Ok(())
    }
}

/// Why data is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DetailsError {
    /// Not of the form that the type prescribes.
    Malformed(&'static str),
    /// The budget is spent.
    TooMany(&'static str),
}

impl DetailsError {
    pub(crate) fn at(self, offset: usize, event_type: EventType) -> EventLogError {
        match self {
            DetailsError::Malformed(reason) => EventLogError::Details {
                offset,
                event_type,
                reason,
            },
            DetailsError::TooMany(what) => EventLogError::TooMany(what),
        }
    }
}

impl<'a> Details<'a> {
    /// What cannot be told is an error: see [`Details::write`].
    pub(crate) fn parse(
        event_type: EventType,
        data: &'a [u8],
        budget: &mut Budget,
    ) -> Result<Self, DetailsError> {
        match event_type {
            EventType::EV_POST_CODE
            | EventType::EV_ACTION
            | EventType::EV_COMPACT_HASH
            | EventType::EV_OMIT_BOOT_DEVICE_EVENTS
            | EventType::EV_EFI_ACTION => text::whole(data).map(Details::Text),
            EventType::EV_PLATFORM_CONFIG_FLAGS => Ok(Details::Printable(data)),
            EventType::EV_IPL => text::Loader::parse(data).map(Details::Loader),
            EventType::EV_EFI_PLATFORM_FIRMWARE_BLOB2 | EventType::EV_EFI_HANDOFF_TABLES2 => {
                text::counted(data).map(Details::Text)
            }
            EventType::EV_EVENT_TAG => tagged::Tagged::parse(data, budget).map(Details::Tagged),
            EventType::EV_EFI_VARIABLE_DRIVER_CONFIG
            | EventType::EV_EFI_VARIABLE_BOOT
            | EventType::EV_EFI_VARIABLE_BOOT2
            | EventType::EV_EFI_VARIABLE_AUTHORITY => variable::Variable::parse(data).map(Details::Variable),
            EventType::EV_EFI_BOOT_SERVICES_APPLICATION => {
                let path = device_path::of_image(data, budget)?;
                Ok(path.map_or(Details::None, Details::DevicePath))
            }
            _ => Ok(Details::None),
        }
    }

    /// The object `details`.
    pub(crate) fn write(&self, json: &mut Json) {
        match self {
            Details::None => json.raw("{}"),
            Details::Text(text) => write_text(json, text),
            Details::Printable(data) => json.about(data.len().saturating_add(AROUND), |json| {
                write_text(json, &text::printable(data));
            }),
            Details::Loader(loader) => loader.write(json),
            Details::Tagged(tagged) => tagged.write(json),
            Details::Variable(variable) => variable.write(json),
            Details::DevicePath(path) => json.about(path.length().saturating_mul(2), |json| {
                json.raw(r#"{"device_paths":"#);
                json.array(path.nodes(), |json, node| json.text(&node));
                json.raw("}");
            }),
        }
    }
}

/// Bytes around a text.
const AROUND: usize = r#"{"string":""}"#.len();

fn write_text(json: &mut Json, text: &str) {
    json.raw(r#"{"string":"#);
    json.text(text);
    json.raw("}");
}
