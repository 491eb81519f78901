//! AMD's Key Distribution Service, for simulated platforms (AMD 57230, revision 1.00, chapter 4).

use std::sync::Arc;

use simulated_tee::SimulationError;
use simulated_tee::snp::{CrlSpec, Issuer, Platform, Revoked};

use super::{Knowledge, Reply, Vendor};

/// Starts one that knows these platforms. Its revocation lists are good up to 2049.
///
/// # Errors
/// There is no randomness, or no free port.
pub async fn start(platforms: Vec<Arc<Platform>>) -> anyhow::Result<Vendor> {
    let known = platforms.into_iter().map(Known::new).collect::<Result<_, _>>()?;
    Vendor::start(Kds(known)).await
}

struct Kds(Vec<Known>);

struct Known {
    platform: Arc<Platform>,
    /// Another platform of the same generation.
    other: Platform,
    list: Vec<u8>,
    /// That for reports by VLEKs.
    vlek_list: Vec<u8>,
}

/// 2026-01-01.
const ISSUED: u64 = 1_767_225_600;

/// 2049-12-31.
const UNTIL: u64 = 2_524_521_600;

impl Known {
    fn new(platform: Arc<Platform>) -> Result<Self, SimulationError> {
        let list = |revoked| {
            platform.revocation_list(&CrlSpec {
                this_update: ISSUED,
                next_update: Some(UNTIL),
                revoked,
                issuer: Issuer::Ark,
            })
        };
        // Each names what the other is about: whoever mixes them up trusts nobody.
        let (list, vlek_list) = (list(vec![Revoked::Asvk])?, list(vec![Revoked::Ask])?);
        let other = Platform::new(platform.generation())?;
        Ok(Self {
            platform,
            other,
            list,
            vlek_list,
        })
    }

    /// `{hwid}?blSPL=…`, as a client asks for this platform's certificate.
    fn vcek_request(&self) -> String {
        let platform = &self.platform;
        let length = platform.generation().hwid_length();
        let chip_id = platform.chip_id();
        let hwid = hex::encode(chip_id.get(..length).unwrap_or_default());
        let tcb = platform.tcb();
        let fmc = tcb.fmc.map(|fmc| format!("fmcSPL={fmc:02}&")).unwrap_or_default();
        format!(
            "{hwid}?{fmc}blSPL={:02}&teeSPL={:02}&snpSPL={:02}&ucodeSPL={:02}",
            tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode
        )
    }
}

impl Knowledge for Kds {
    fn answer(&self, path: &str, query: &str, wrong: bool) -> Option<Reply> {
        let (kind, rest) = path.strip_prefix('/')?.split_once("/v1/")?;
        let (product, what) = rest.split_once('/')?;
        let mut of_product = self
            .0
            .iter()
            .filter(|known| known.platform.generation().as_str() == product);
        let body = match (kind, what) {
            ("vcek", "crl") => of_product.next()?.list.clone(),
            ("vlek", "crl") => of_product.next()?.vlek_list.clone(),
            ("vlek", "cert_chain") => of_product.next()?.platform.roots_pem().into_bytes(),
            ("vcek", hwid) => {
                let request = format!("{hwid}?{query}");
                let known = of_product.find(|known| known.vcek_request() == request)?;
                match wrong {
                    true => known.other.vcek_der().to_vec(),
                    false => known.platform.vcek_der().to_vec(),
                }
            }
            _ => return None,
        };
        Some(body.into())
    }
}
