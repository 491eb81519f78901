use super::{Paths, Visitor, Wanted, walk};
use crate::footprint::Step;

/// JSON pointers (RFC 6901), to be looked for in a text all at once.
#[derive(Debug, Clone, Default)]
pub struct Pointers {
    paths: Paths,
    /// As they were given.
    texts: Vec<String>,
}

/// Why a text cannot be looked through. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no JSON, or has a member twice")]
pub struct FindError;

impl Pointers {
    /// For these pointers: each is empty or begins with a slash. Any other leads nowhere.
    pub fn new(pointers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut this = Self::default();
        for pointer in pointers.into_iter().map(Into::into) {
            if this.texts.contains(&pointer) {
                continue;
            }
            if let Some(path) = path(&pointer) {
                this.paths.add(&path, Wanted::Whole(this.texts.len()));
            }
            this.texts.push(pointer);
        }
        this
    }

    /// What stands in `json` at the pointers, in their order: the pointer, and the text of the value. Those that lead
    /// nowhere are left out.
    pub fn find<'t>(
        &'t self,
        json: &str,
    ) -> Result<impl Iterator<Item = (&'t str, String)> + use<'t>, FindError> {
        let mut found = Found(vec![None; self.texts.len()]);
        walk(json, &self.paths, &mut found).map_err(|_| FindError)?;
        let texts = self.texts.iter().map(String::as_str);
        Ok(texts
            .zip(found.0)
            .filter_map(|(pointer, value)| Some((pointer, value?))))
    }
}

fn path(pointer: &str) -> Option<Vec<Step>> {
    let mut steps = pointer.split('/');
    steps.next().filter(|before| before.is_empty())?;
    let name = |step: &str| Step::Name(step.replace("~1", "/").replace("~0", "~"));
    Some(steps.map(name).collect())
}

struct Found(Vec<Option<String>>);

impl Visitor for Found {
    fn member(&mut self, _: &str) {}

    fn open(&mut self, _: u8) {}

    fn close(&mut self) {}

    fn dead_end(&mut self, _: &'static str) {}

    fn part(&mut self, wanted: Wanted, text: &str) {
        if let Wanted::Whole(number) = wanted
            && let Some(place) = self.0.get_mut(number)
        {
            *place = Some(text.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What `serde_json` finds there, in a document of its own.
    #[track_caller]
    fn check(document: &Value, pointers: &[&str]) {
        let pointers = Pointers::new(pointers.iter().copied());
        let found = pointers.find(&document.to_string()).unwrap();
        let found: Vec<(&str, Value)> = found
            .map(|(pointer, text)| (pointer, serde_json::from_str(&text).unwrap()))
            .collect();
        let texts = pointers.texts.iter();
        let expected: Vec<(&str, Value)> = texts
            .filter_map(|pointer| Some((pointer.as_str(), document.pointer(pointer)?.clone())))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_pointer_leads_where_the_standard_says() {
        let document = json!({"a": {"b/c": [1, {"~": "x"}]}, "": null, "0": true, "d": 1.5});
        let pointers = [
            "/",
            "/a",
            "/a/b~1c/1/~0",
            "/a/b~1c/0",
            "/a/b~1c/00",
            "/a/b~1c/01",
            "/a/b~1c/+0",
            "/a/b~1c/2",
            "/a/b~1c/-",
            "/0",
            "/d",
            "/d/x",
            "a",
            "/absent",
            "//",
            "",
        ];
        check(&document, &pointers);
        for pointer in pointers {
            check(&document, &[pointer]);
        }
    }

    #[test]
    fn what_is_no_json_or_can_be_read_in_two_ways_is_not_looked_through() {
        let pointers = Pointers::new(["/a/b"]);
        for text in [
            "",
            "{",
            "{}x",
            r#"{"a":{"b":1}"#,
            r#"{"a":{"b":1},"a":{}}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":{"b":1,"\u0062":2}}"#,
        ] {
            assert_eq!(pointers.find(text).map(drop), Err(FindError), "{text}");
        }
        let elsewhere = r#"{"c":1,"c":2,"a":{"b":[1],"d":1,"d":2}}"#;
        let found: Vec<_> = pointers.find(elsewhere).unwrap().collect();
        assert_eq!(found, [("/a/b", "[1]".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_pointers_are_answered_as_serde_json_answers_them(
            pointers in prop::collection::vec("(/([ab]|~[01]|[0-2]|){1,2}){0,4}", 1..5),
        ) {
            let inner = json!({"a": [0, {"b": "x"}, [1, 2]], "b": {"a": {"~": 1, "/": 2}}, "": {"1": 3}});
            let document = json!({"a": inner, "b": [inner, 1], "1": inner, "~": inner});
            check(&document, &pointers.iter().map(String::as_str).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_breaks_it(text in "[\\[\\]{}\",:ab0-1.eE+\\\\ -]{0,40}", deep in 0_usize..300) {
            let pointers = Pointers::new(["/a", "/a/b", "/0/1", "/b"]);
            let _ = pointers.find(&text);
            let _ = pointers.find(&format!("{}1{}", r#"{"a":"#.repeat(deep), "}".repeat(deep)));
            let _ = pointers.find(&format!("{}1{}", "[".repeat(deep), "]".repeat(deep)));
        }
    }
}
