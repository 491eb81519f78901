//! `trustee-demo`: see `make demo`.

fn main() -> anyhow::Result<()> {
    integration_tests::demo::run(std::env::args().any(|argument| argument == "--keep"))
}
