//! What the demonstration says while it runs.

use std::time::Instant;

/// Prints numbered steps.
pub(super) struct Narrator {
    started: Instant,
    step: u32,
    steps: u32,
}

impl Narrator {
    /// A story of `steps` steps.
    pub(super) fn new(steps: u32) -> Self {
        Self {
            started: Instant::now(),
            step: 0,
            steps,
        }
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: &str) {
        self.step += 1;
        println!(
            "\n[{}/{}] {title}   ({:.0} s)",
            self.step,
            self.steps,
            self.started.elapsed().as_secs_f32()
        );
    }

    /// Explains.
    pub(super) fn say(&self, line: &str) {
        println!("      {line}");
    }

    /// Shows a command that is being run, so that it can be repeated by hand.
    pub(super) fn command(&self, line: &str) {
        println!("      $ {line}");
    }

    /// Says that the step came out as expected.
    pub(super) fn good(&self, line: &str) {
        println!("   ok {line}");
    }
}
