//! `trustee-bench`: starts the release servers on one core, loads them from the other, and prints each
//! figure beside the floor that it must reach.

use integration_tests::bench;

fn main() -> anyhow::Result<()> {
    let report = bench::run()?;
    println!("{report}");
    anyhow::ensure!(report.all_reached(), "at least one figure is below its floor");
    Ok(())
}
