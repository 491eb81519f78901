//! What is left of the demonstration when somebody interrupts it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DEMO: &str = env!("CARGO_BIN_EXE_trustee-demo");

#[test]
fn an_interrupted_demonstration_leaves_neither_servers_nor_keys() {
    if !["rvps", "attestation-service", "kbs", "kbs-client", "rvps-tool"]
        .iter()
        .all(|name| Path::new(DEMO).with_file_name(name).is_file())
    {
        eprintln!("skipped: the programs of the demonstration are not built");
        return;
    }
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let place = tempfile::tempdir().unwrap();
        let mut demo = Command::new(DEMO)
            .env("TMPDIR", place.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while of(place.path()).is_empty() {
            assert!(Instant::now() < until, "no server was started");
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill")
            .args([signal, &demo.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(demo.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "{signal}");
        assert_eq!(of(place.path()), Vec::<String>::new(), "{signal}");
    }
}

/// The command lines of running processes that name something in this folder: the services' configurations.
fn of(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy();
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    lines
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(&*folder))
        .collect()
}
