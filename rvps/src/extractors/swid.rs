//! Type `swid`: a SWID tag (ISO/IEC 19770-2:2015) that is a TCG Reference Integrity Manifest, as GPU vendors publish
//! for firmware and drivers. See `docs/extractors/swid.md`.
//!
//! The tag's own signature (XML-DSig) is not verified: a tag that is to be trusted for its signature comes in a JWS or
//! DSSE envelope.

use std::collections::BTreeMap;

use quick_xml::{
    NsReader, XmlVersion,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};
use serde_json::Value;

use super::{Extracted, Extractor, Named, Settings};
use crate::signature::Times;

const SWID: &str = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
const RIM: &str =
    "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/";
const HASH: &str = "http://www.w3.org/2001/04/xmlenc#sha384";

/// The deepest nesting of elements.
const MAX_DEPTH: usize = 64;

/// The most elements, the most attributes of one, and the most declarations of namespaces: each look-up of a name
/// goes through those in force.
const MAX_ELEMENTS: usize = 100_000;
const MAX_ATTRIBUTES: usize = 1024;
const MAX_NAMESPACES: usize = 64;

/// The end of the name under which the zeros are registered that a measurement may be as well.
const ZEROS: &str = "_zeros";

/// Reads the tag.
pub(crate) struct Swid;

impl Extractor for Swid {
    fn kind(&self) -> &'static str {
        "swid"
    }

    fn content_types(&self) -> &'static [&'static str] {
        &["application/swid+xml"]
    }

    fn extract(&self, payload: &[u8], _: &Settings) -> Result<Extracted, String> {
        let text = std::str::from_utf8(payload).map_err(|error| error.to_string())?;
        let tag = Tag::read(text)?;
        let Meta {
            manufacturer,
            edition,
        } = tag.meta.ok_or("Could not find meta information.")?;
        let manufacturer = manufacturer
            .ok_or("Could not find manufacturer information.")?
            .replace(' ', "_");
        let edition = edition.ok_or("Could not find edition information.")?;
        let resources = tag.resources.ok_or("Could not find SWID payload.")?;
        let mut values = Vec::new();
        for resource in resources {
            let index = resource.index.ok_or("Could not find measurement name")?;
            if !resource.hashes.is_empty() {
                let name = format!("{manufacturer}.{edition}.measurement_{index}").replace('-', "_");
                let zeros = format!("{name}{ZEROS}");
                values.push(Named::new(name, resource.hashes.into()));
                if !resource.zeros.is_empty() {
                    values.push(Named::new(zeros, resource.zeros.into()));
                }
            }
        }
        Ok(Extracted {
            values,
            times: Times::default(),
        })
    }
}

/// What counts in a tag.
#[derive(Default)]
struct Tag {
    /// The first `Meta` element.
    meta: Option<Meta>,
    /// The measurements in the first `Payload` element, if there is one.
    resources: Option<Vec<Resource>>,
    /// How many namespaces were declared.
    namespaces: usize,
}

struct Meta {
    manufacturer: Option<String>,
    edition: Option<String>,
}

struct Resource {
    index: Option<String>,
    /// Those that are not all zeros.
    hashes: Vec<Value>,
    /// Those that are, of a measurement that counts: nothing measured is as good as the others.
    zeros: Vec<Value>,
}

/// Attributes by namespace (empty: none) and name.
type Attributes = BTreeMap<(String, String), String>;

impl Tag {
    fn read(text: &str) -> Result<Self, String> {
        let mut reader = NsReader::from_str(text);
        let mut tag = Self::default();
        let (mut depth, mut elements) = (0_usize, 0_usize);
        // The depth of the first payload while the reader is inside it.
        let mut payload_depth = None;
        let mut root_seen = false;
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            match event {
                Event::Start(ref start) | Event::Empty(ref start) => {
                    elements += 1;
                    if elements > MAX_ELEMENTS || depth >= MAX_DEPTH {
                        return Err("too many elements, or nested too deeply".to_owned());
                    }
                    if depth == 0 && std::mem::replace(&mut root_seen, true) {
                        return Err("there are several root elements".to_owned());
                    }
                    let closed = matches!(event, Event::Empty(_));
                    tag.element(&reader, start, closed, depth, &mut payload_depth)?;
                    depth += usize::from(!closed);
                }
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    if payload_depth == Some(depth) {
                        payload_depth = None;
                    }
                }
                Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
                Event::Eof => break,
                // Text, comments, processing instructions and references do not count.
                _ => {}
            }
        }
        if depth != 0 || !root_seen {
            return Err("the document is not complete".to_owned());
        }
        Ok(tag)
    }

    /// Takes in a start tag. `depth`: of its parent's children.
    fn element(
        &mut self,
        reader: &NsReader<&[u8]>,
        start: &BytesStart<'_>,
        closed: bool,
        depth: usize,
        payload_depth: &mut Option<usize>,
    ) -> Result<(), String> {
        // Every start tag is checked, also of elements that do not count.
        let attributes = self.attributes(reader, start)?;
        let (namespace, name) = reader.resolver().resolve_element(start.name());
        if namespace != ResolveResult::Bound(Namespace(SWID)) {
            return Ok(());
        }
        let plain = |name: &str| attributes.get(&(String::new(), name.to_owned())).cloned();
        match name.into_inner() {
            "Meta" if self.meta.is_none() => {
                let manufacturer = (RIM.to_owned(), "PlatformManufacturerStr".to_owned());
                self.meta = Some(Meta {
                    manufacturer: attributes.get(&manufacturer).cloned(),
                    edition: plain("edition"),
                });
            }
            "Payload" if self.resources.is_none() => {
                self.resources = Some(Vec::new());
                *payload_depth = (!closed).then_some(depth);
            }
            "Resource" if payload_depth.is_some() && plain("type").as_deref() == Some("Measurement") => {
                let numbered = (0..).map_while(|number: usize| {
                    attributes
                        .get(&(HASH.to_owned(), format!("Hash{number}")))
                        .cloned()
                });
                let (hashes, mut zeros): (Vec<String>, Vec<String>) =
                    numbered.partition(|hash| hash.chars().any(|digit| digit != '0'));
                if hashes.is_empty() || plain("active").as_deref() == Some("False") {
                    zeros.clear();
                }
                let resource = Resource {
                    index: plain("index"),
                    hashes: hashes.into_iter().map(Value::from).collect(),
                    zeros: zeros.into_iter().map(Value::from).collect(),
                };
                self.resources.get_or_insert_default().push(resource);
            }
            _ => {}
        }
        Ok(())
    }

    fn attributes(&mut self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Attributes, String> {
        let mut declared = Vec::new();
        let mut plain = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            match attribute.key.as_namespace_binding() {
                Some(_) => declared.push(attribute),
                None => plain.push(attribute),
            }
            if declared.len() + self.namespaces > MAX_NAMESPACES || plain.len() > MAX_ATTRIBUTES {
                return Err("too many attributes or namespaces".to_owned());
            }
        }
        self.namespaces += declared.len();
        let mut read = Attributes::new();
        for attribute in plain {
            let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
            let namespace = match namespace {
                ResolveResult::Bound(Namespace(namespace)) => namespace.to_owned(),
                ResolveResult::Unbound => String::new(),
                ResolveResult::Unknown(_) => {
                    return Err("a prefix of an attribute has no namespace".to_owned());
                }
            };
            // Knows the five predefined entities and numbers, and refuses the others.
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| error.to_string())?
                .into_owned();
            if read
                .insert((namespace, name.into_inner().to_owned()), value)
                .is_some()
            {
                return Err("an element has an attribute twice".to_owned());
            }
        }
        Ok(read)
    }
}
