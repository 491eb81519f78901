//! Server processes for the demonstration and the benchmark: started, watched, and stopped when dropped.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A running server. Dropping it stops it.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    started: Instant,
}

/// What to start.
pub struct Launch<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where its output goes.
    pub log: PathBuf,
    /// The one core it may run on, if it is pinned.
    pub core: Option<usize>,
    /// `RUST_LOG` for it.
    pub log_filter: &'a str,
}

impl Process {
    /// Starts the program; it is not yet ready when this returns.
    pub fn start(launch: Launch<'_>) -> anyhow::Result<Self> {
        let name = launch
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let output = File::create(&launch.log)?;
        let mut command = match launch.core {
            None => Command::new(launch.program),
            Some(core) => {
                let mut pinned = Command::new("taskset");
                pinned.arg("-c").arg(core.to_string()).arg(launch.program);
                pinned
            }
        };
        let child = command
            .args(&launch.arguments)
            .env("RUST_LOG", launch.log_filter)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", launch.program.display()))?;
        Ok(Self {
            name,
            child,
            log: launch.log,
            started: Instant::now(),
        })
    }

    /// Waits until the server accepts connections, or says why it never will.
    pub fn wait_until_listening(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        while !self.listens(address)? {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether the server accepts connections by now. Fails where it never will, or has had 30 seconds.
    pub fn listens(&mut self, address: SocketAddr) -> anyhow::Result<bool> {
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return Ok(true);
        }
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "{} ended with {status} before it listened; its log says:\n{}",
                self.name,
                self.log_text()
            );
        }
        if self.started.elapsed() > Duration::from_secs(30) {
            bail!(
                "{} does not listen on {address}; its log says:\n{}",
                self.name,
                self.log_text()
            );
        }
        Ok(false)
    }

    /// All that the server has printed so far.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The memory that the process holds, in MiB (`VmRSS` of proc(5)).
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS in proc")?;
        let kib: f64 = line
            .split_whitespace()
            .nth(1)
            .context("VmRSS has no value")?
            .parse()?;
        Ok(kib / 1024.0)
    }

    /// The processor time that its threads have used so far, those that ended among them; in steps of 10 ms, the
    /// unit of `utime` and `stime` in proc_pid_stat(5).
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program, in parentheses, may have anything in it (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat without a name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<_, _>>()?;
        Ok(Duration::from_millis(10) * u32::try_from(ticks)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that is free now.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The program of that name beside the running one: all of them come from the same build.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let mut path = std::env::current_exe()?;
    path.set_file_name(name);
    anyhow::ensure!(
        path.is_file(),
        "{} is not built: run it through `make`",
        path.display()
    );
    Ok(path)
}
