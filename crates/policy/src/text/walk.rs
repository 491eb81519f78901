use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::paths::{Paths, Wanted};

/// Is told of the parts of a text that [`Paths`] name, in the order of the text.
pub(crate) trait Visitor {
    /// A member or an element that is on a path: what comes next is in it.
    fn member(&mut self, name: &str);
    /// An object (`{`) or an array (`[`) begins on the way to a part.
    fn open(&mut self, bracket: u8);
    /// It ends.
    fn close(&mut self);
    /// Where a path goes on there is neither object nor array, but something of the kind of `example`.
    fn dead_end(&mut self, example: &'static str);
    /// A part.
    fn part(&mut self, wanted: Wanted, text: &str);
}

/// Goes through `json`. An object that has a member on a path twice is an error: readers differ in which one counts.
pub(crate) fn walk(json: &str, paths: &Paths, visitor: &mut impl Visitor) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let place = Place { paths, visitor };
    place.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// A place in the text, to be gone through.
struct Place<'p, V> {
    paths: &'p Paths,
    visitor: &'p mut V,
}

impl<'de, V: Visitor> DeserializeSeed<'de> for Place<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let wanted = match self.paths.wanted() {
            Some(wanted) if matches!(wanted, Wanted::Whole(_)) || !self.paths.goes_on() => wanted,
            // What is wanted below tells more than whether there is something.
            _ => return deserializer.deserialize_any(self),
        };
        let text = <&RawValue>::deserialize(deserializer)?.get();
        self.visitor.part(wanted, text);
        if self.paths.goes_on() {
            let mut below = serde_json::Deserializer::from_str(text);
            below.deserialize_any(self).map_err(D::Error::custom)?;
        }
        Ok(())
    }
}

impl<V: Visitor> Place<'_, V> {
    /// Neither object nor array. Of a number and of a text nothing is wanted but that they are there.
    fn scalar<E>(self, text: &'static str) -> Result<(), E> {
        match self.paths.wanted() {
            Some(Wanted::Presence) => self.visitor.part(Wanted::Presence, text),
            _ => self.visitor.dead_end(text),
        }
        Ok(())
    }
}

impl<'de, V: Visitor> serde::de::Visitor<'de> for Place<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar("null")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(if value { "true" } else { "false" })
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar("0")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar("0")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar("0")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar("\"\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.visitor.open(b'[');
        for index in 0_usize.. {
            let name = index.to_string();
            let more = match self.paths.member(&name) {
                Some((paths, _)) => {
                    self.visitor.member(&name);
                    let visitor = &mut *self.visitor;
                    items.next_element_seed(Place { paths, visitor })?
                }
                None => items.next_element::<IgnoredAny>()?.map(drop),
            };
            if more.is_none() {
                break;
            }
        }
        self.visitor.close();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.visitor.open(b'{');
        let mut seen: Vec<&Paths> = Vec::new();
        loop {
            let visitor = &mut *self.visitor;
            let name = Name {
                paths: self.paths,
                visitor,
            };
            let Some(found) = members.next_key_seed(name)? else {
                break;
            };
            let Some((paths, by_name)) = found else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            if by_name {
                if seen.iter().any(|known| std::ptr::eq(*known, paths)) {
                    return Err(A::Error::custom("a member is there twice"));
                }
                seen.push(paths);
            }
            let visitor = &mut *self.visitor;
            members.next_value_seed(Place { paths, visitor })?;
        }
        self.visitor.close();
        Ok(())
    }
}

/// The name of a member, to be looked for.
struct Name<'p, 'v, V> {
    paths: &'p Paths,
    visitor: &'v mut V,
}

impl<'de, 'p, V: Visitor> DeserializeSeed<'de> for Name<'p, '_, V> {
    type Value = Option<(&'p Paths, bool)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p, V: Visitor> serde::de::Visitor<'_> for Name<'p, '_, V> {
    type Value = Option<(&'p Paths, bool)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let found = self.paths.member(name);
        if found.is_some() {
            self.visitor.member(name);
        }
        Ok(found)
    }
}
