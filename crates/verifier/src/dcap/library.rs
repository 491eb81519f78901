//! The verification itself, by the library `dcap-qvl`.
//!
//! Chain and collateral were verified before, piece by piece; the library verifies them again, and what is left:
//! that the PCK signed the quoting enclave's report, that this report vouches for the attestation key and is of
//! Intel's enclave, that the attestation key signed the quote, and at which TCB level platform, TDX module and
//! quoting enclave are. It answers with texts; [`named`] says which check each of them is of.

use super::DcapError;
use super::roots::Anchor;
use dcap_qvl::verify::QuoteVerifier;
use dcap_qvl::{QuoteClaims, QuoteCollateralV3, QuotePolicy};

/// Verifies a quote at `time`, with debugging allowed: that, as every TCB status but "revoked", is for our
/// policies to judge.
pub(super) fn verify(
    quote: &[u8],
    collateral: QuoteCollateralV3,
    anchor: &Anchor,
    time: i64,
) -> Result<QuoteClaims, DcapError> {
    let time = u64::try_from(time).map_err(|_| DcapError::NotYetValid)?;
    QuoteVerifier::new(anchor.der.clone())
        .allow_debug(true)
        .verify_with_policy(quote, collateral, time, &QuotePolicy::claims_only(time))
        .map_err(|error| named(&format!("{error:#}")))
}

/// The check that the library's text is about.
fn named(text: &str) -> DcapError {
    let says = |part: &str| text.contains(part);
    if says("Signature is invalid for qe_report") {
        DcapError::QeReportSignature
    } else if says("QE report hash mismatch") {
        DcapError::QeReportData
    } else if says("ISV enclave report signature is invalid") {
        DcapError::QuoteSignature
    } else if says("TCB status is invalid: Revoked") {
        DcapError::TcbRevoked
    } else if says("TDX module") {
        DcapError::TdxModule(text.to_owned())
    } else if says("No matching TCB level found") {
        DcapError::NoTcbLevel
    } else if says("QE ISVSVN") || says("No TCB levels found in QE Identity") {
        DcapError::QeTcbLevel
    } else if says("QE MRSIGNER") || says("QE ISVPRODID") || says("QE MISCSELECT") || says("QE ATTRIBUTES") {
        DcapError::QeIdentity(text.to_owned())
    } else if says("QE report validation failed") {
        DcapError::QeIdentity("it is in debug mode".to_owned())
    } else if says("Reserved bits in TD attributes") {
        DcapError::TdAttributes("reserved bits are set")
    } else if says("TD migration is enabled") {
        DcapError::TdAttributes("it can be migrated")
    } else if says("SERVTD_EXT is enabled") || says("Invalid MR service TD") {
        DcapError::TdAttributes("a service TD is bound to it")
    } else if says("SEPT_VE_DISABLE is not enabled") {
        DcapError::TdAttributes("the host can inject exceptions on its memory (SEPT_VE_DISABLE is not set)")
    } else {
        DcapError::Verification(text.to_owned())
    }
}
