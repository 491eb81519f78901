//! A reference value, and the form in which it is stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, format_description::StaticFormatDescription,
    macros::format_description,
};

use crate::message::VERSION;

/// What a claim is to be compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceValue {
    id: String,
    value: Value,
    json: String,
    expires_at: i64,
}

impl ReferenceValue {
    /// A value that expires at the time given.
    pub(crate) fn new(id: String, value: Value, expires_at: i64) -> Self {
        Self {
            id,
            json: value.to_string(),
            value,
            expires_at,
        }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The value: any JSON, mostly an array of strings.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value as JSON text.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// When it expires, in seconds since the Unix epoch: from this second on it is not served.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    pub(crate) fn has_expired(&self, now: i64) -> bool {
        self.expires_at <= now
    }

    /// What is stored: `{"version", "name", "expiration", "value"}` with the expiration as
    /// `%Y-%m-%dT%H:%M:%SZ`, the form of the existing ecosystem.
    pub(crate) fn to_stored(&self) -> Result<Vec<u8>, String> {
        let stored = StoredRef {
            version: VERSION,
            name: &self.id,
            expiration: format_time(self.expires_at).ok_or("the expiration is out of range")?,
            value: &self.value,
        };
        serde_json::to_vec(&stored).map_err(|error| error.to_string())
    }

    /// Reads what is stored under `key`.
    pub(crate) fn from_stored(key: &str, bytes: &[u8]) -> Result<Self, String> {
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if stored.version != VERSION {
            return Err(format!("version {VERSION} is needed, not {:?}", stored.version));
        }
        if stored.name != key {
            return Err(format!("it is the value of another name, {:?}", stored.name));
        }
        let expiration = PrimitiveDateTime::parse(&stored.expiration, TIME_FORMAT)
            .map_err(|error| format!("expiration: {error}"))?;
        Ok(Self {
            id: stored.name,
            json: stored.value.to_string(),
            value: stored.value,
            expires_at: expiration.assume_utc().unix_timestamp(),
        })
    }
}

#[derive(Serialize)]
struct StoredRef<'a> {
    version: &'a str,
    name: &'a str,
    expiration: String,
    value: &'a Value,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(default = "default_version")]
    version: String,
    name: String,
    expiration: String,
    value: Value,
}

fn default_version() -> String {
    VERSION.to_owned()
}

/// How long a value lives whose message does not say: until the same day of the next year, or February 28 where there is none.
pub(crate) fn twelve_months_after(now: i64) -> i64 {
    const YEAR: Duration = Duration::days(365);
    let Ok(start) = OffsetDateTime::from_unix_timestamp(now) else {
        return now.saturating_add(YEAR.whole_seconds());
    };
    let next = |date: Date| {
        let year = date.year() + 1;
        date.replace_year(year)
            .or_else(|_| Date::from_calendar_date(year, date.month(), 28))
    };
    match next(start.date()) {
        Ok(date) => start.replace_date(date).unix_timestamp(),
        Err(_) => now.saturating_add(YEAR.whole_seconds()),
    }
}

/// A time as it is stored and shown; `None` outside of the years 0 to 9999.
pub(crate) fn format_time(time: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(time)
        .ok()
        .filter(|time| (0..=9999).contains(&time.year()))
        .and_then(|time| time.format(TIME_FORMAT).ok())
}

const TIME_FORMAT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
