//! Figures beside their floors.

use std::fmt;

/// One line of the report.
pub(super) struct Figure {
    /// What was measured.
    pub(super) what: String,
    /// The value, in `unit`.
    pub(super) value: f64,
    /// The value that must be reached, in `unit`.
    pub(super) floor: f64,
    /// `/s`, `MiB`, `ms`, `us` or `x`.
    pub(super) unit: &'static str,
    /// Whether less is better.
    pub(super) at_most: bool,
    /// Where the floor comes from.
    pub(super) because: String,
}

impl Figure {
    fn reached(&self) -> bool {
        if self.at_most {
            self.value <= self.floor
        } else {
            self.value >= self.floor
        }
    }
}

/// All figures of a run.
#[derive(Default)]
pub struct Report {
    /// In the order they were measured.
    pub(super) figures: Vec<Figure>,
    /// Lines that are no figure: what the cryptography costs, how the run was set up.
    pub(super) notes: Vec<String>,
}

impl Report {
    /// Whether every figure reaches its floor.
    pub fn all_reached(&self) -> bool {
        self.figures.iter().all(Figure::reached)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        writeln!(
            f,
            "\n{:<44} {:>14}   {:>16}          ",
            "figure", "measured", "floor"
        )?;
        for figure in &self.figures {
            let bound = if figure.at_most { "at most" } else { "at least" };
            writeln!(
                f,
                "{:<44} {:>10.*} {:<3}   {bound} {:>7.*} {:<3}   {}   ({})",
                figure.what,
                decimals(figure.unit),
                figure.value,
                figure.unit,
                decimals(figure.unit),
                figure.floor,
                figure.unit,
                if figure.reached() { "reached" } else { "MISSED " },
                figure.because,
            )?;
        }
        Ok(())
    }
}

fn decimals(unit: &str) -> usize {
    match unit {
        "x" => 2,
        "MiB" | "ms" | "us" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, floor: f64, at_most: bool) -> Figure {
        Figure {
            what: "a thing".to_owned(),
            value,
            floor,
            unit: "x",
            at_most,
            because: "because".into(),
        }
    }

    #[test]
    fn a_figure_is_held_against_its_floor_in_the_right_direction() {
        assert!(figure(2.0, 1.0, false).reached() && !figure(0.5, 1.0, false).reached());
        assert!(figure(0.5, 1.0, true).reached() && !figure(2.0, 1.0, true).reached());
    }

    #[test]
    fn one_missed_floor_shows_in_the_report() {
        let report = Report {
            figures: vec![figure(2.0, 1.0, false), figure(2.0, 1.0, true)],
            notes: vec![],
        };
        assert!(!report.all_reached());
        assert!(report.to_string().contains("MISSED"));
    }
}
