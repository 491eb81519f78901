//! The table of `docs/tees/README.md`: what the last test run proved of each TEE.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use simulated_tee::proof::{self, Proof};

/// The table lies between these two lines.
const BEGIN: &str = "<!-- proofs: begin -->";
const END: &str = "<!-- proofs: end -->";

/// What was proved, summed up by TEE.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notes {
    counts: BTreeMap<(String, &'static str), usize>,
    tees: BTreeSet<String>,
}

/// How the page compares with the notes.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They agree.
    Same,
    /// They do not, because evidence that the page tells of is not on this machine.
    Incomparable,
    /// They do not.
    Different,
}

impl Notes {
    /// Reads the notes that tests of this build have left.
    ///
    /// # Errors
    /// There are none, or one is not a note.
    pub fn read() -> anyhow::Result<Self> {
        let folder = proof::folder().context("there is no target folder")?;
        Self::read_from(&folder)
    }

    fn read_from(folder: &Path) -> anyhow::Result<Self> {
        let mut notes = Self::default();
        let files = std::fs::read_dir(folder)
            .with_context(|| format!("there are no notes in {}: run the tests first", folder.display()))?;
        for file in files {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            let count: usize = std::fs::read_to_string(file.path())?.trim().parse()?;
            let mut parts = name.split('.');
            let (Some(tee), Some(kind)) = (parts.next(), parts.next()) else {
                bail!("{name} is not a note");
            };
            let kind = Proof::ALL.into_iter().find(|proof| proof.as_str() == kind);
            let kind = kind.with_context(|| format!("{name} is not a note"))?;
            notes.tees.insert(tee.to_owned());
            *notes.counts.entry((tee.to_owned(), kind.as_str())).or_default() += count;
        }
        Ok(notes)
    }

    /// The table as Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| TEE | vectors of real machines verified | changed by one bit and refused | simulated guest, end to end |\n\
             |---|---|---|---|\n",
        );
        for tee in &self.tees {
            let walk = if self.count(tee, Proof::Walk) > 0 {
                "refused, vouched for, released"
            } else {
                "—"
            };
            text.push_str(&format!(
                "| [`{tee}`]({tee}.md) | {} | {} | {walk} |\n",
                dash(self.count(tee, Proof::Vectors)),
                dash(self.count(tee, Proof::Mutations)),
            ));
        }
        text
    }

    /// Holds the page's table against the notes.
    ///
    /// # Errors
    /// The page has no place for a table.
    pub fn compare(&self, page: &str) -> anyhow::Result<Outcome> {
        let (_, table, _) = split(page)?;
        Ok(if table.trim() == self.table().trim() {
            Outcome::Same
        } else if self.tees.iter().any(|tee| self.count(tee, Proof::Absent) > 0) {
            Outcome::Incomparable
        } else {
            Outcome::Different
        })
    }

    /// The page with the table of these notes.
    ///
    /// # Errors
    /// The page has no place for a table.
    pub fn write_into(&self, page: &str) -> anyhow::Result<String> {
        let (before, _, after) = split(page)?;
        Ok(format!("{before}{BEGIN}\n{}{END}{after}", self.table()))
    }

    fn count(&self, tee: &str, proof: Proof) -> usize {
        let key = (tee.to_owned(), proof.as_str());
        self.counts.get(&key).copied().unwrap_or(0)
    }
}

fn dash(count: usize) -> String {
    if count == 0 {
        "—".to_owned()
    } else {
        count.to_string()
    }
}

fn split(page: &str) -> anyhow::Result<(&str, &str, &str)> {
    let no_place = || format!("the page has no lines {BEGIN} and {END}");
    let (before, rest) = page.split_once(BEGIN).with_context(no_place)?;
    let (table, after) = rest.split_once(END).with_context(no_place)?;
    Ok((before, table, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(files: &[(&str, &str)]) -> Notes {
        let folder = tempfile::tempdir().unwrap();
        for (name, count) in files {
            std::fs::write(folder.path().join(name), count).unwrap();
        }
        Notes::read_from(folder.path()).unwrap()
    }

    const PAGE: &str = "before\n<!-- proofs: begin -->\nold\n<!-- proofs: end -->\nafter\n";

    #[test]
    fn notes_of_one_tee_are_summed_up_in_its_row() {
        let notes = notes(&[
            ("tdx.vectors.one", "2"),
            ("tdx.vectors.other", "3"),
            ("tdx.walk.it", "1"),
            ("cca.mutations.it", "7"),
        ]);
        let table = notes.table();
        assert!(
            table.contains("| [`tdx`](tdx.md) | 5 | — | refused, vouched for, released |"),
            "{table}"
        );
        assert!(table.contains("| [`cca`](cca.md) | — | 7 | — |"), "{table}");
    }

    #[test]
    fn a_page_that_was_written_agrees_and_an_older_one_does_not() {
        let notes = notes(&[("tdx.vectors.one", "2")]);
        assert_eq!(notes.compare(PAGE).unwrap(), Outcome::Different);
        let page = notes.write_into(PAGE).unwrap();
        assert!(page.starts_with("before\n") && page.ends_with("after\n"));
        assert_eq!(notes.compare(&page).unwrap(), Outcome::Same);
        assert!(notes.compare("no table").is_err());
    }

    #[test]
    fn without_all_the_evidence_a_page_cannot_be_held_against_the_notes() {
        let notes = notes(&[("tdx.vectors.one", "2"), ("tdx.absent.other", "1")]);
        assert_eq!(notes.compare(PAGE).unwrap(), Outcome::Incomparable);
    }

    #[test]
    fn a_file_that_is_no_note_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tdx.guesses.one"), "2").unwrap();
        assert!(Notes::read_from(folder.path()).is_err());
        assert!(Notes::read_from(Path::new("/no/such/folder")).is_err());
    }
}
