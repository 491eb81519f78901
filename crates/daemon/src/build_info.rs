//! Which build this is.

/// The version of the workspace, such as `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source commit, where the build was told it through `TRUSTEE_COMMIT`.
pub const COMMIT: Option<&str> = option_env!("TRUSTEE_COMMIT");

/// The day of the build, where it was told one through `TRUSTEE_BUILD_DATE`: the clock is not asked, so that the same
/// source gives the same program.
pub const BUILD_DATE: Option<&str> = option_env!("TRUSTEE_BUILD_DATE");

/// The version in one line, for `--version` and the first log line: `0.1.0` or `0.1.0 (1a2b3c4)`.
pub fn version() -> String {
    match COMMIT {
        Some(commit) if !commit.is_empty() => format!("{VERSION} ({commit})"),
        _ => VERSION.to_owned(),
    }
}
