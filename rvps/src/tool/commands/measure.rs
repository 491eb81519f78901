//! Computing the measurements of a guest.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use measure::{
    snp::{DirectBoot, Hypervisor, Launch, PROCESSORS, launch_digest, signature},
    tdx::{
        PageOrder, Separator, TdxError, as_loaded_by_qemu, command_line_event, kernel_event, mrtd, rtmr1,
        rtmr2,
    },
};
use serde_json::{Map, Value, json};

use super::{
    super::{Format, ToolError, client::Client, connection::Connection, output},
    beside, read,
};

#[derive(Debug, Args)]
pub(in crate::tool) struct Measure {
    #[command(subcommand)]
    platform: Platform,
}

#[derive(Debug, Subcommand)]
enum Platform {
    /// AMD SEV-SNP: the launch digest, as the reference value `snp_launch_measurement`.
    Snp(Snp),
    /// Intel TDX: MRTD as `mr_td` and, with a kernel, RTMR1 and RTMR2 as `rtmr_1` and `rtmr_2`, and what the event log says
    /// of kernel and command line as `tdvfkernel` and `tdvfkernelparams`.
    Tdx(Tdx),
}

#[derive(Debug, Args)]
struct Snp {
    /// OVMF for SEV-SNP.
    #[arg(long, value_name = "FILE")]
    ovmf: PathBuf,
    #[command(flatten)]
    boot: Boot,
    /// How many processors the guest has.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    vcpus: u32,
    /// QEMU's name of the processors, such as EPYC-Milan; or FAMILY,MODEL,STEPPING.
    #[arg(long, value_name = "NAME", default_value = "EPYC-v4")]
    vcpu_type: String,
    /// SEV_FEATURES of the guest, in hex: 0x1, or 0x21 with debug swap.
    #[arg(long, value_name = "BITS", default_value = "0x1", value_parser = hexadecimal)]
    guest_features: u64,
    /// Who starts the guest.
    #[arg(long, value_name = "NAME", default_value = "qemu")]
    hypervisor: HypervisorName,
    #[command(flatten)]
    result: Outcome,
}

#[derive(Debug, Args)]
struct Tdx {
    /// OVMF for TDX (TDVF).
    #[arg(long, value_name = "FILE")]
    ovmf: PathBuf,
    #[command(flatten)]
    boot: Boot,
    /// The guest's memory, such as 2G, if the firmware gets the kernel with QEMU's changes in its header (QEMU before
    /// 10, or OVMF before edk2-stable202505). Without it the kernel is measured as it is.
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "kernel")]
    memory: Option<u64>,
    /// How the host adds the firmware: page by page (Linux since 6.16), or section by section.
    #[arg(long, value_name = "ORDER", default_value = "page")]
    page_order: PageOrderName,
    /// Which register OVMF's separator before the kernel goes into, as the event log of a guest shows.
    #[arg(long, value_name = "REGISTER", default_value = "rtmr0")]
    separator: SeparatorName,
    #[command(flatten)]
    result: Outcome,
}

/// A kernel that the hypervisor hands over.
#[derive(Debug, Args)]
struct Boot {
    /// The kernel, if the hypervisor hands it to the firmware.
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Its initrd.
    #[arg(long, value_name = "FILE", requires = "kernel")]
    initrd: Option<PathBuf>,
    /// Its command line.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "kernel",
        default_value = "",
        allow_hyphen_values = true
    )]
    append: String,
}

/// What happens to what is computed.
#[derive(Debug, Args)]
struct Outcome {
    /// Begin the names of the values with this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// Register the values, unsigned, instead of printing a file for `rvps-tool message`. They take the place of those
    /// that are registered, unless --add is given.
    #[arg(long)]
    register: bool,
    /// Register them beside those that are registered: other images stay good.
    #[arg(long, requires = "register")]
    add: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum HypervisorName {
    Qemu,
    Ec2,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PageOrderName {
    Page,
    Section,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeparatorName {
    Rtmr0,
    Rtmr1,
}

impl Measure {
    pub(in crate::tool) async fn run(self) -> Result<String, ToolError> {
        match self.platform {
            Platform::Snp(command) => {
                let values = command.measure()?;
                command.result.give(values).await
            }
            Platform::Tdx(command) => {
                let values = command.measure()?;
                command.result.give(values).await
            }
        }
    }
}

impl Snp {
    fn measure(&self) -> Result<Values, ToolError> {
        let firmware = read(&self.ovmf)?;
        let (kernel, initrd) = self.boot.read()?;
        let digest = launch_digest(&Launch {
            firmware: &firmware,
            boot: kernel.as_ref().map(|kernel| DirectBoot {
                kernel,
                initrd: &initrd,
                command_line: &self.boot.append,
            }),
            vcpus: self.vcpus,
            vcpu_signature: processor(&self.vcpu_type)?,
            guest_features: self.guest_features,
            hypervisor: match self.hypervisor {
                HypervisorName::Qemu => Hypervisor::Qemu,
                HypervisorName::Ec2 => Hypervisor::Ec2,
            },
        });
        let digest = digest.map_err(|error| ToolError::Message(error.to_string()))?;
        Ok(vec![("snp_launch_measurement", one_of(digest))])
    }
}

impl Tdx {
    fn measure(&self) -> Result<Values, ToolError> {
        let failed = |error: TdxError| ToolError::Message(error.to_string());
        let firmware = read(&self.ovmf)?;
        let order = match self.page_order {
            PageOrderName::Page => PageOrder::PageByPage,
            PageOrderName::Section => PageOrder::SectionBySection,
        };
        let mut values = vec![("mr_td", one_of(mrtd(&firmware, order).map_err(failed)?))];
        if let (Some(mut kernel), initrd) = self.boot.read()? {
            if let Some(memory) = self.memory {
                kernel = as_loaded_by_qemu(&kernel, initrd.len(), memory).map_err(failed)?;
            }
            let separator = match self.separator {
                SeparatorName::Rtmr0 => Separator::Rtmr0,
                SeparatorName::Rtmr1 => Separator::Rtmr1,
            };
            values.push(("rtmr_1", one_of(rtmr1(&kernel, separator).map_err(failed)?)));
            values.push(("rtmr_2", one_of(rtmr2(&self.boot.append, &initrd))));
            // The default policy compares these with `==`: they are no arrays.
            let kernel = kernel_event(&kernel).map_err(failed)?;
            values.push(("tdvfkernel", hex::encode(kernel).into()));
            if let Some(options) = command_line_event(&self.boot.append, !initrd.is_empty()) {
                values.push(("tdvfkernelparams", hex::encode(options).into()));
            }
        }
        Ok(values)
    }
}

impl Boot {
    fn read(&self) -> Result<(Option<Vec<u8>>, Vec<u8>), ToolError> {
        let kernel = self.kernel.as_deref().map(read).transpose()?;
        let initrd = self.initrd.as_deref().map(read).transpose()?;
        Ok((kernel, initrd.unwrap_or_default()))
    }
}

impl Outcome {
    async fn give(self, values: Values) -> Result<String, ToolError> {
        let named = |(name, value): (&str, Value)| (format!("{}{name}", self.prefix), value);
        let values: Map<String, Value> = values.into_iter().map(named).collect();
        if self.register {
            let client = Client::new(&self.connection)?;
            let gone = match self.add {
                true => beside::add(&client, &values)
                    .await
                    .map(|()| beside::Gone::new())?,
                false => beside::replace(&client, &values).await?,
            };
            return Ok(output::registered_in_place_of(&gone, self.connection.output));
        }
        let text = Value::Object(values);
        match self.connection.output {
            Format::Json => Ok(text.to_string()),
            Format::Text => {
                serde_json::to_string_pretty(&text).map_err(|error| ToolError::Message(error.to_string()))
            }
        }
    }
}

/// Names as the default policies ask for them, and values.
type Values = Vec<(&'static str, Value)>;

/// A list of the only good value.
fn one_of(digest: measure::Digest) -> Value {
    json!([hex::encode(digest)])
}

fn processor(text: &str) -> Result<u32, ToolError> {
    let by_name = PROCESSORS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    if let Some((_, known)) = by_name {
        return Ok(*known);
    }
    let numbers: Vec<u32> = text
        .split(',')
        .map_while(|number| number.trim().parse().ok())
        .collect();
    match (numbers.as_slice(), text.split(',').count()) {
        (&[family, model, stepping], 3) => Ok(signature(family, model, stepping)),
        _ => {
            let names: Vec<_> = PROCESSORS.iter().map(|(name, _)| *name).collect();
            Err(ToolError::Usage(format!(
                "--vcpu-type {text} is not known: use FAMILY,MODEL,STEPPING or one of {}",
                names.join(", ")
            )))
        }
    }
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|error| error.to_string())
}

/// A number of bytes, with K, M or G for powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((end, 'K' | 'k')) => (text.get(..end), 10),
        Some((end, 'M' | 'm')) => (text.get(..end), 20),
        Some((end, 'G' | 'g')) => (text.get(..end), 30),
        _ => (Some(text), 0),
    };
    let number: u64 = digits
        .unwrap_or_default()
        .parse()
        .map_err(|_| "a size is like 2G, 512M or a number of bytes")?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "the size is too large".to_owned())
}
