//! What the data of a record says, by the record's type (firmware profile 1.06, sections 10.2 and 10.4).

mod device_path;
mod tagged;
mod text;
mod variable;

use crate::{EventLogError, EventType};
use serde_json::{Map, Value};

/// What is told of a record's data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Details {
    /// Nothing.
    None,
    /// All of it is a text, which is not kept twice.
    Whole,
    /// A text.
    Text(String),
    /// A tagged event: a text, which may be an entry of the attestation agent.
    Tagged(tagged::Tagged),
    /// A UEFI variable.
    Variable(variable::Variable),
    /// The nodes of the path to an image.
    DevicePaths(Vec<String>),
}

/// What one log may still spend on what costs more than its length.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Nodes of device paths.
    pub(crate) nodes: usize,
    /// Bytes of JSON texts to parse.
    pub(crate) json: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            nodes: 16384,
            json: 1 << 20,
        }
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

impl Details {
    pub(crate) fn parse(
        event_type: EventType,
        data: &[u8],
        budget: &mut Budget,
    ) -> Result<Self, DetailsError> {
        match event_type {
            EventType::EV_POST_CODE
            | EventType::EV_ACTION
            | EventType::EV_COMPACT_HASH
            | EventType::EV_OMIT_BOOT_DEVICE_EVENTS
            | EventType::EV_EFI_ACTION => text::whole(data).map(|_| Details::Whole),
            EventType::EV_PLATFORM_CONFIG_FLAGS => Ok(Details::Text(text::printable(data))),
            EventType::EV_IPL => text::of_loader(data).map(Details::Text),
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
                Ok(path.map_or(Details::None, Details::DevicePaths))
            }
            _ => Ok(Details::None),
        }
    }

    /// The members of `details`. `data` is the data that was parsed.
    pub(crate) fn claims(&self, data: &[u8]) -> Map<String, Value> {
        match self {
            Details::None => Map::new(),
            Details::Whole => members([("string", text::whole(data).unwrap_or_default().into())]),
            Details::Text(text) => members([("string", text.as_str().into())]),
            Details::Tagged(tagged) => tagged.claims(),
            Details::Variable(variable) => variable.claims(data),
            Details::DevicePaths(nodes) => members([("device_paths", nodes.clone().into())]),
        }
    }
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
