//! The names of endorsements: keys of the storage, entries of a bundle, lines of `/status`.
//!
//! ```text
//! snp-vcek.<product>[-<product>…].<chip id>.[f01-]03-00-22-213    TCB: fmc (Turin), bootloader, tee, snp, microcode
//! snp-asvk.<product>
//! snp-crl.<product>                                               for reports by VCEKs
//! snp-vlek-crl.<product>                                          for reports by VLEKs
//! dcap-tcb-info.<sgx|tdx>.<FMSPC>
//! dcap-qe-identity.<sgx|tdx>
//! dcap-pck-crl.<processor|platform>
//! dcap-root-crl
//! csv-hsk-cek.<chip>
//! nras-keys
//! ```

use verifier::EndorsementId;
use verifier::csv::CsvChipId;
use verifier::dcap::{DcapTee, Fmspc, PckCa};
use verifier::snp::{HwId, SnpProduct, SnpTcb};

/// The name of `id`, of portable characters and less than 200 bytes; `None` for what is never kept.
pub(crate) fn name(id: &EndorsementId) -> Option<String> {
    Some(match id {
        EndorsementId::SnpVcek { products, hwid, tcb } => {
            let products: Vec<&str> = products.iter().map(|product| product.as_str()).collect();
            format!("snp-vcek.{}.{hwid}.{}", products.join("-"), tcb_name(tcb))
        }
        EndorsementId::SnpAsvk { product } => format!("snp-asvk.{product}"),
        EndorsementId::SnpCrl { product } => format!("snp-crl.{product}"),
        EndorsementId::SnpVlekCrl { product } => format!("snp-vlek-crl.{product}"),
        EndorsementId::DcapTcbInfo { tee, fmspc } => format!("dcap-tcb-info.{tee}.{fmspc}"),
        EndorsementId::DcapQeIdentity { tee } => format!("dcap-qe-identity.{tee}"),
        EndorsementId::DcapPckCrl { ca } => format!("dcap-pck-crl.{ca}"),
        EndorsementId::DcapRootCrl => "dcap-root-crl".to_owned(),
        EndorsementId::CsvHskCek { chip } => format!("csv-hsk-cek.{chip}"),
        EndorsementId::NrasKeys => "nras-keys".to_owned(),
        _ => return None,
    })
}

/// What a name names. Only the spelling of [`name`] is understood, so that a thing has one name.
pub(crate) fn parse(text: &str) -> Option<EndorsementId> {
    let mut parts = text.split('.');
    let kind = parts.next()?;
    let parts: Vec<&str> = parts.collect();
    let id = match (kind, &*parts) {
        ("snp-vcek", [products, hwid, tcb]) => EndorsementId::SnpVcek {
            products: products.split('-').map(product).collect::<Option<_>>()?,
            hwid: chip_id(hwid)?,
            tcb: tcb_of(tcb)?,
        },
        ("snp-asvk", [name]) => EndorsementId::SnpAsvk {
            product: product(name)?,
        },
        ("snp-crl", [name]) => EndorsementId::SnpCrl {
            product: product(name)?,
        },
        ("snp-vlek-crl", [name]) => EndorsementId::SnpVlekCrl {
            product: product(name)?,
        },
        ("dcap-tcb-info", [tee, fmspc]) => EndorsementId::DcapTcbInfo {
            tee: dcap_tee(tee)?,
            fmspc: fmspc_of(fmspc)?,
        },
        ("dcap-qe-identity", [tee]) => EndorsementId::DcapQeIdentity { tee: dcap_tee(tee)? },
        ("dcap-pck-crl", [ca]) => EndorsementId::DcapPckCrl {
            ca: [PckCa::Processor, PckCa::Platform]
                .into_iter()
                .find(|known| known.as_str() == *ca)?,
        },
        ("dcap-root-crl", []) => EndorsementId::DcapRootCrl,
        ("csv-hsk-cek", [chip]) => EndorsementId::CsvHskCek {
            chip: CsvChipId::new(chip)?,
        },
        ("nras-keys", []) => EndorsementId::NrasKeys,
        _ => return None,
    };
    (name(&id).as_deref() == Some(text)).then_some(id)
}

/// The kind of an endorsement, for people.
pub(crate) fn kind(id: &EndorsementId) -> &'static str {
    match id {
        EndorsementId::SnpVcek { .. } => "snp-vcek",
        EndorsementId::SnpAsvk { .. } => "snp-asvk",
        EndorsementId::SnpCrl { .. } => "snp-crl",
        EndorsementId::SnpVlekCrl { .. } => "snp-vlek-crl",
        EndorsementId::DcapTcbInfo { .. } => "dcap-tcb-info",
        EndorsementId::DcapQeIdentity { .. } => "dcap-qe-identity",
        EndorsementId::DcapPckCrl { .. } => "dcap-pck-crl",
        EndorsementId::DcapRootCrl => "dcap-root-crl",
        EndorsementId::CsvHskCek { .. } => "csv-hsk-cek",
        EndorsementId::NrasKeys => "nras-keys",
        _ => "other",
    }
}

/// A FMSPC in hex, of either case.
pub(crate) fn fmspc_of(text: &str) -> Option<Fmspc> {
    hex::decode(text).ok()?.try_into().ok().map(Fmspc)
}

fn tcb_name(tcb: &SnpTcb) -> String {
    let SnpTcb {
        fmc,
        bootloader,
        tee,
        snp,
        microcode,
    } = tcb;
    let fmc = fmc.map(|fmc| format!("f{fmc:02}-")).unwrap_or_default();
    format!("{fmc}{bootloader:02}-{tee:02}-{snp:02}-{microcode:02}")
}

fn tcb_of(text: &str) -> Option<SnpTcb> {
    let (fmc, rest) = match text.strip_prefix('f') {
        None => (None, text),
        Some(rest) => {
            let (fmc, rest) = rest.split_once('-')?;
            (Some(fmc.parse().ok()?), rest)
        }
    };
    let numbers: Vec<u8> = rest
        .split('-')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [bootloader, tee, snp, microcode] = *numbers else {
        return None;
    };
    Some(SnpTcb {
        fmc,
        bootloader,
        tee,
        snp,
        microcode,
    })
}

fn chip_id(text: &str) -> Option<HwId> {
    let bytes = hex::decode(text).ok()?;
    let short = bytes.as_slice().try_into().ok().map(HwId::Short);
    short.or_else(|| bytes.try_into().ok().map(HwId::Full))
}

fn product(name: &str) -> Option<SnpProduct> {
    SnpProduct::ALL
        .into_iter()
        .find(|product| product.as_str() == name)
}

fn dcap_tee(name: &str) -> Option<DcapTee> {
    [DcapTee::Sgx, DcapTee::Tdx]
        .into_iter()
        .find(|tee| tee.as_str() == name)
}

#[cfg(test)]
mod tests;
