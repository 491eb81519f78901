//! What the demonstration leaves nothing of: its processes, and its folder with the keys.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::processes::{Launch, Process};

/// All that is cleared away when this is dropped, or when a signal ends the demonstration.
pub(super) struct Stage(Arc<Props>);

/// What is on the stage.
pub(super) struct Props {
    path: PathBuf,
    kept: AtomicBool,
    running: Mutex<Running>,
}

/// The servers are stopped before the folder goes, and the other way round nothing is.
#[derive(Default)]
struct Running {
    tool: Option<Child>,
    servers: Vec<Process>,
    folder: Option<TempDir>,
}

impl Stage {
    /// Makes the folder. From now on SIGINT, SIGTERM and SIGHUP clear everything away and end this process.
    pub(super) fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [mut interrupted, mut terminated, mut hung_up] = {
            let _entered = runtime.enter();
            let [first, second, third] = kinds.map(signal);
            [first?, second?, third?]
        };
        let folder = tempfile::Builder::new().prefix("trustee-demo-").tempdir()?;
        let props = Arc::new(Props {
            path: folder.path().to_owned(),
            kept: AtomicBool::new(false),
            running: Mutex::new(Running {
                folder: Some(folder),
                ..Running::default()
            }),
        });
        let stage = Self(Arc::clone(&props));
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let kind = runtime.block_on(async {
                    tokio::select! {
                        _ = interrupted.recv() => SignalKind::interrupt(),
                        _ = terminated.recv() => SignalKind::terminate(),
                        _ = hung_up.recv() => SignalKind::hangup(),
                    }
                });
                // Whoever would start something more waits until this process is gone.
                let mut running = props.running();
                running.clear();
                std::process::exit(match props.kept.load(Ordering::Relaxed) {
                    true => 0,
                    false => 128 + kind.as_raw_value(),
                })
            })?;
        Ok(stage)
    }

    /// What is on it.
    pub(super) fn props(&self) -> &Arc<Props> {
        &self.0
    }

    /// Leaves everything as it is until a signal comes, which is then how this ends well.
    pub(super) fn keep(&self) -> ! {
        self.0.kept.store(true, Ordering::Relaxed);
        loop {
            std::thread::park();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.0.running().clear();
    }
}

impl Props {
    /// The folder for everything.
    pub(super) fn folder(&self) -> &Path {
        &self.path
    }

    /// Starts a server, and waits until it accepts connections.
    pub(super) fn serve(&self, launch: Launch<'_>, address: SocketAddr) -> anyhow::Result<()> {
        {
            let mut running = self.running();
            running.servers.push(Process::start(launch)?);
        }
        loop {
            let mut running = self.running();
            let server = running.servers.last_mut().context("the server was stopped")?;
            if server.listens(address)? {
                return Ok(());
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a tool to its end.
    pub(super) fn run(&self, mut command: Command) -> anyhow::Result<Output> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (out, err) = {
            let mut running = self.running();
            let mut child = command
                .spawn()
                .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
            let pipes = (child.stdout.take(), child.stderr.take());
            running.tool = Some(child);
            pipes
        };
        let (stdout, stderr) = std::thread::scope(|scope| {
            let stderr = scope.spawn(|| all(err));
            (all(out), stderr.join())
        });
        let child = self.running().tool.take();
        let status = child.context("the tool was stopped")?.wait()?;
        let stderr = stderr.map_err(|_| anyhow::anyhow!("what the tool said cannot be read"))?;
        Ok(Output {
            status,
            stdout: stdout?,
            stderr: stderr?,
        })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn clear(&mut self) {
        if let Some(mut tool) = self.tool.take() {
            // It may have ended already; then there is nothing to stop.
            let _ = tool.kill();
            let _ = tool.wait();
        }
        self.servers.clear();
        // Something may be written into it while it is emptied.
        let path = self.folder.take().map(TempDir::keep);
        let gone = |path: &Path| std::fs::remove_dir_all(path).is_ok() || !path.exists();
        if let Some(path) = path.filter(|path| !(0..10).any(|_| gone(path))) {
            eprintln!(
                "Error: cannot remove {}, which has keys in it: remove it",
                path.display()
            );
        }
    }
}

fn all(pipe: Option<impl Read>) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut read))?;
    Ok(read)
}
