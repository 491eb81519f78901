//! `trustee-load`: loads any KBS or Attestation Service, named by URL, and says how fast it was.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use integration_tests::load::guest::{ChallengeLoad, EvidenceMaker, GetLoad, Guest, RcarLoad, Sample};
use integration_tests::load::stats::Summary;
use integration_tests::load::target::Target;
use integration_tests::load::{self, Until, Worker, cryptography, grpc::Evaluation};

/// Loads any KBS or Attestation Service and reports rate and latencies.
#[derive(Parser)]
#[command(
    name = "trustee-load",
    after_help = "Examples:\n  \
    trustee-load challenge --url http://127.0.0.1:8080\n  \
    trustee-load get --url http://127.0.0.1:8080 --path default/test/one --seconds 20\n  \
    trustee-load rcar --url https://kbs.example:8080 --cert-file ca.pem --operations 100000\n  \
    trustee-load evaluate --url http://127.0.0.1:50004 --tee snp --evidence evidence.json\n  \
    trustee-load cryptography"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text", global = true)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// POST /kbs/v0/auth, over and over
    Challenge(Load),
    /// GET of one resource on a session that is attested once per connection
    Get {
        #[command(flatten)]
        load: Load,
        /// The resource: repository/type/tag
        #[arg(long)]
        path: String,
    },
    /// A whole handshake and one GET, on a new session each time
    Rcar {
        #[command(flatten)]
        load: Load,
        /// The resource: repository/type/tag
        #[arg(long)]
        path: String,
    },
    /// AttestationEvaluate over gRPC with evidence from a file
    Evaluate {
        #[command(flatten)]
        load: Load,
        /// The TEE's name, such as snp
        #[arg(long)]
        tee: String,
        /// File with the evidence as JSON
        #[arg(long)]
        evidence: PathBuf,
    },
    /// What the bare cryptography costs on this machine
    Cryptography,
}

#[derive(Args)]
struct Load {
    /// The server: http://host:port or https://host:port
    #[arg(long)]
    url: String,
    /// Root certificate (PEM) for https
    #[arg(long)]
    cert_file: Option<PathBuf>,
    /// Connections in parallel, each with one request under way
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How long to go on
    #[arg(long, default_value_t = 10, conflicts_with = "operations")]
    seconds: u64,
    /// Stop after this many operations instead
    #[arg(long)]
    operations: Option<u64>,
    /// Keep looking for answers instead of sleeping until they come. For a driver with a processor of its own: a server
    /// on the same machine is then not charged for waking it, which it would not do over a network
    #[arg(long)]
    poll: bool,
}

impl Load {
    fn until(&self) -> Until {
        match self.operations {
            Some(count) => Until::Operations(count),
            None => Until::Elapsed(Duration::from_secs(self.seconds)),
        }
    }

    fn root(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .with_context(|| format!("cannot read the root certificate {}", path.display()))
        };
        self.cert_file.as_ref().map(read).transpose()
    }

    /// Runs the workers, as they are to wait.
    async fn run<W: Worker + 'static>(&self, workers: Vec<W>) -> anyhow::Result<Summary> {
        let awake = self.poll.then(|| tokio::spawn(stay_awake()));
        let summary = load::run(workers, self.until()).await;
        if let Some(awake) = awake {
            awake.abort();
        }
        summary
    }

    async fn guests(&self, resource: &str) -> anyhow::Result<Vec<Guest<Sample>>> {
        let target = Target::parse(&self.url, self.root()?.as_deref())?;
        let maker = Arc::new(Sample);
        let mut guests = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            guests.push(Guest::connect(&target, maker.clone(), resource).await?);
        }
        Ok(guests)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Challenge(load) => {
            let workers = load.guests("").await?.into_iter().map(ChallengeLoad).collect();
            print(arguments.output, &load.run(workers).await?)
        }
        Command::Get { load, path } => {
            let mut guests = load.guests(&path).await?;
            for guest in &mut guests {
                attest_and_open(guest).await?;
            }
            let workers = guests.into_iter().map(GetLoad).collect();
            print(arguments.output, &load.run(workers).await?)
        }
        Command::Rcar { load, path } => {
            let mut guests = load.guests(&path).await?;
            if let Some(first) = guests.first_mut() {
                attest_and_open(first).await?;
            }
            let workers = guests.into_iter().map(RcarLoad).collect();
            print(arguments.output, &load.run(workers).await?)
        }
        Command::Evaluate { load, tee, evidence } => {
            let text = std::fs::read(&evidence)
                .with_context(|| format!("cannot read the evidence {}", evidence.display()))?;
            let root = load.root()?;
            let mut workers = Vec::with_capacity(load.connections);
            for _ in 0..load.connections {
                workers.push(Evaluation::connect(&load.url, root.as_deref(), &tee, &text).await?);
            }
            print(arguments.output, &load.run(workers).await?)
        }
        Command::Cryptography => {
            let costs = cryptography::measure(Duration::from_secs(1))?;
            match arguments.output {
                Output::Json => println!("{}", serde_json::to_string(&costs)?),
                Output::Text => println!(
                    "P-384 verify {:.1} us, P-256 verify {:.1} us, P-256 sign {:.1} us, seal {:.1} us",
                    costs.p384_verify_us, costs.p256_verify_us, costs.p256_sign_us, costs.seal_us
                ),
            }
            Ok(())
        }
    }
}

/// With this, the runtime asks the system for news without ever waiting for them.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

/// Proves once that what will be measured works: the sealed resource opens with the guest's key.
async fn attest_and_open<E: EvidenceMaker>(guest: &mut Guest<E>) -> anyhow::Result<()> {
    guest.handshake().await?;
    let sealed = guest.get().await?;
    guest
        .open(&sealed)
        .context("the resource does not open with the guest's key")?;
    Ok(())
}

fn print(output: Output, summary: &Summary) -> anyhow::Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string(summary)?),
        Output::Text => println!("{summary}"),
    }
    Ok(())
}
