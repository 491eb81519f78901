//! `kbs-client`: see `kbs-client --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kbs_client::cli::main()
}
