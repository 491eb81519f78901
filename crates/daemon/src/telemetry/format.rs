//! What a log line looks like.

use std::fmt::{self, Write};

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::{LogFormat, RequestContext};

/// Names that a field of an event cannot take in JSON.
const RESERVED: &[&str] = &[
    "timestamp",
    "level",
    "target",
    "message",
    "request_id",
    "trace_id",
];

/// Writes one event as one line. Nothing that is logged can begin a second one.
pub(super) struct Line(LogFormat);

impl Line {
    pub(super) fn new(format: LogFormat) -> Self {
        Self(format)
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut timestamp = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let entry = Entry {
            timestamp: &timestamp,
            level: event.metadata().level().as_str(),
            target: event.metadata().target(),
            context: RequestContext::current(),
            fields: &fields,
        };
        match self.0 {
            LogFormat::Text => entry.text(&mut writer)?,
            LogFormat::Json => writer.write_str(&entry.json().map_err(|_| fmt::Error)?)?,
        }
        writer.write_char('\n')
    }
}

/// Everything that is in a line.
struct Entry<'a> {
    timestamp: &'a str,
    level: &'a str,
    target: &'a str,
    context: Option<RequestContext>,
    fields: &'a Fields,
}

impl Entry<'_> {
    fn text(&self, writer: &mut dyn Write) -> fmt::Result {
        let mut line = OneLine(writer);
        write!(
            line,
            "{} {:>5} {}: {}",
            self.timestamp, self.level, self.target, self.fields.message
        )?;
        for (name, value) in &self.fields.others {
            match value {
                Value::String(text) if plain(text) => write!(line, " {name}={text}")?,
                value => write!(line, " {name}={value}")?,
            }
        }
        match &self.context {
            Some(context) => write!(line, " request_id={}", context.request_id()),
            None => Ok(()),
        }
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        let mut buffer = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::new(&mut buffer);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", self.timestamp)?;
        map.serialize_entry("level", self.level)?;
        map.serialize_entry("target", self.target)?;
        map.serialize_entry("message", &self.fields.message)?;
        if let Some(context) = &self.context {
            map.serialize_entry("request_id", &context.request_id().to_string())?;
            map.serialize_entry("trace_id", &context.trace_id().to_string())?;
        }
        for (name, value) in &self.fields.others {
            match RESERVED.contains(name) {
                true => map.serialize_entry(&format!("field.{name}"), value)?,
                false => map.serialize_entry(name, value)?,
            }
        }
        SerializeMap::end(map)?;
        // serde_json writes UTF-8 only.
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    }
}

/// Whether a text needs no quotes to be told from what is around it.
fn plain(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '='))
}

/// Escapes control characters, so that foreign text can neither begin a line nor steer a terminal.
struct OneLine<'a>(&'a mut dyn Write);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((before, control, after)) = split_at_control(rest) {
            self.0.write_str(before)?;
            write!(self.0, "{}", control.escape_default())?;
            rest = after;
        }
        self.0.write_str(rest)
    }
}

fn split_at_control(text: &str) -> Option<(&str, char, &str)> {
    let (at, control) = text.char_indices().find(|(_, c)| c.is_control())?;
    let (before, from) = text.split_at(at);
    Some((before, control, from.strip_prefix(control).unwrap_or_default()))
}
