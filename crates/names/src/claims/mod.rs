//! Which claims each verifier gives, so that a policy which reads another one is found when it is set. The tests of the
//! verifiers hold the tables true.

mod azure;
mod devices;
mod near;
mod nvidia;
mod others;
mod shared;
#[cfg(test)]
mod tests;
mod x86;

/// The paths of the claims of one TEE: `/` between members, `*` for the elements of a list, `**` for whatever is below,
/// `x-*` for every member that begins so. Beside the last two stand the names that are known of what is open.
#[derive(Debug, Clone, Copy)]
pub struct ClaimPaths {
    /// In every result.
    pub always: &'static [&'static str],
    /// In those of some platforms, or of some versions.
    sometimes: &'static [&'static str],
    /// Likewise, and of several TEEs.
    groups: &'static [&'static [&'static str]],
    /// What the TEE is called, if there is no verifier for it here. It has the claims that the existing ecosystem's
    /// verifier gives, for a policy may be written for several services.
    pub elsewhere: Option<&'static str>,
}

const NONE: ClaimPaths = ClaimPaths {
    always: &[],
    sometimes: &[],
    groups: &[],
    elsewhere: None,
};

/// Every kind of evidence by its name on the wire.
const TABLE: [(&str, ClaimPaths); 14] = [
    ("az-snp-vtpm", azure::AZ_SNP_VTPM),
    ("az-tdx-vtpm", azure::AZ_TDX_VTPM),
    ("cca", others::CCA),
    ("csv", others::CSV),
    ("hygondcu", devices::HYGON_DCU),
    ("nvidia", devices::NVIDIA),
    ("nvidia-dpu", devices::NVIDIA_DPU),
    ("sample", others::SAMPLE),
    ("sampledevice", others::SAMPLE_DEVICE),
    ("se", others::SE),
    ("sgx", x86::SGX),
    ("snp", x86::SNP),
    ("tdx", x86::TDX),
    ("tpm", others::TPM),
];

/// The names of all kinds of evidence.
pub fn tees() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(tee, _)| *tee)
}

/// The paths of the claims of the TEE of this name.
pub fn of(tee: &str) -> Option<ClaimPaths> {
    let row = TABLE.iter().find(|(name, _)| *name == tee);
    row.map(|(_, paths)| *paths)
}

/// How a path stands to those that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is there.
    Unknown,
    /// In a place where anything may be.
    Open,
    /// It is one of them, or a part of one.
    Known,
}

/// What is wrong with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Whether it could be right all the same, and is only nearly one that is known.
    pub is_open: bool,
    /// The nearest right one, member by member, with `*` for the elements of a list.
    pub near: Option<Vec<String>>,
}

impl ClaimPaths {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + use<> {
        let groups = self.groups.iter().copied().flatten();
        self.always.iter().chain(self.sometimes).chain(groups).copied()
    }

    /// How this path below the TEE's claims stands to them. The member `*` is any member.
    pub fn standing(&self, path: &[impl AsRef<str>]) -> Standing {
        let all = self.iter().map(|known| standing(known, path));
        all.max().unwrap_or(Standing::Unknown)
    }

    /// What is wrong with a path: nothing is there, or something is there almost by this name.
    pub fn wrong(&self, path: &[impl AsRef<str>]) -> Option<Wrong> {
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        match self.standing(&path) {
            Standing::Known => None,
            Standing::Open => near::almost(self, &path).map(|near| Wrong {
                is_open: true,
                near: Some(near),
            }),
            Standing::Unknown => Some(Wrong {
                is_open: false,
                near: near::nearest(self, &path),
            }),
        }
    }
}

fn standing(known: &str, path: &[impl AsRef<str>]) -> Standing {
    let mut known = known.split('/');
    let mut is_open = false;
    for member in path.iter().map(AsRef::as_ref) {
        match known.next() {
            Some("**") => return Standing::Open,
            Some("*") => {}
            Some(name) if name == member || member == "*" => {}
            Some(name) if begins_so(name, member) => is_open = true,
            _ => return Standing::Unknown,
        }
    }
    match is_open {
        true => Standing::Open,
        false => Standing::Known,
    }
}

/// `x-*` and a member that begins so.
fn begins_so(pattern: &str, member: &str) -> bool {
    let start = pattern
        .strip_suffix('*')
        .filter(|start| start.ends_with(|c| c != '*'));
    start.is_some_and(|start| member.starts_with(start))
}
