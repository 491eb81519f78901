//! The wire forms of evidence, versions 0 to 2.
//!
//! From version 1 on there is a member `version`, and bytes are text; in version 0 they are lists of numbers.
//! Version 2 looks like version 1, and the runtime data carries the report data as well.

use crate::tpm::{Pcrs, Signature, UnverifiedQuote};
use crate::{Tee, UnverifiedEvidence, VerifyError};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Guests pad, and may leave it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Evidence in form.
pub(super) struct Parts {
    pub(super) quote: GuestQuote,
    pub(super) hcl_report: Vec<u8>,
    /// What vouches for the processor's report: the VCEK's certificate, or the quote of the trust domain.
    pub(super) endorsement: Vec<u8>,
}

/// The vTPM's quote.
pub(super) struct GuestQuote {
    pub(super) quote: UnverifiedQuote,
    /// Must the runtime data carry the report data as well?
    pub(super) has_user_data: bool,
}

/// Reads the version alone.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    version: Option<u32>,
}

#[derive(Deserialize)]
struct TextQuote {
    signature: String,
    message: String,
    pcrs: Vec<String>,
}

#[derive(Deserialize)]
struct ByteQuote {
    signature: Vec<u8>,
    message: Vec<u8>,
    pcrs: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct SnpText {
    tpm_quote: TextQuote,
    hcl_report: String,
    vcek: String,
}

#[derive(Deserialize)]
struct SnpBytes {
    quote: ByteQuote,
    report: Vec<u8>,
    /// PEM.
    vcek: String,
}

/// Reads the evidence of `az-snp-vtpm`.
pub(super) fn snp(evidence: UnverifiedEvidence<'_>) -> Result<Parts, VerifyError> {
    let reader = Reader {
        tee: Tee::AzSnpVtpm,
        evidence,
    };
    match reader.version()? {
        None => {
            let wire: SnpBytes = reader.read()?;
            Ok(Parts {
                quote: GuestQuote {
                    quote: reader.byte_quote(wire.quote)?,
                    has_user_data: false,
                },
                hcl_report: wire.report,
                endorsement: wire.vcek.into_bytes(),
            })
        }
        Some(version) => {
            let wire: SnpText = reader.read()?;
            Ok(Parts {
                quote: GuestQuote {
                    quote: reader.text_quote(&wire.tpm_quote)?,
                    has_user_data: version == 2,
                },
                hcl_report: reader.base64("hcl_report", &wire.hcl_report)?,
                endorsement: reader.base64("vcek", &wire.vcek)?,
            })
        }
    }
}

#[derive(Deserialize)]
struct TdxText {
    tpm_quote: TextQuote,
    hcl_report: String,
    td_quote: String,
}

#[derive(Deserialize)]
struct TdxBytes {
    tpm_quote: ByteQuote,
    hcl_report: Vec<u8>,
    td_quote: Vec<u8>,
}

/// Reads the evidence of `az-tdx-vtpm`.
pub(super) fn tdx(evidence: UnverifiedEvidence<'_>) -> Result<Parts, VerifyError> {
    let reader = Reader {
        tee: Tee::AzTdxVtpm,
        evidence,
    };
    match reader.version()? {
        None => {
            let wire: TdxBytes = reader.read()?;
            Ok(Parts {
                quote: GuestQuote {
                    quote: reader.byte_quote(wire.tpm_quote)?,
                    has_user_data: false,
                },
                hcl_report: wire.hcl_report,
                endorsement: wire.td_quote,
            })
        }
        Some(version) => {
            let wire: TdxText = reader.read()?;
            Ok(Parts {
                quote: GuestQuote {
                    quote: reader.text_quote(&wire.tpm_quote)?,
                    has_user_data: version == 2,
                },
                hcl_report: reader.base64("hcl_report", &wire.hcl_report)?,
                endorsement: reader.base64("td_quote", &wire.td_quote)?,
            })
        }
    }
}

struct Reader<'a> {
    tee: Tee,
    evidence: UnverifiedEvidence<'a>,
}

impl Reader<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T, VerifyError> {
        self.evidence.parse(self.tee)
    }

    /// 1 or 2; `None` for version 0, which does not name itself.
    fn version(&self) -> Result<Option<u32>, VerifyError> {
        let Versioned { version } = self.read()?;
        match version {
            None | Some(1 | 2) => Ok(version),
            Some(other) => Err(self.malformed(format!("version {other} is not supported"))),
        }
    }

    fn text_quote(&self, quote: &TextQuote) -> Result<UnverifiedQuote, VerifyError> {
        let hex = |member: &str, text: &String| {
            hex::decode(text).map_err(|_| self.malformed(format!("{member} is not hex")))
        };
        let pcrs = quote.pcrs.iter().map(|text| hex("pcrs", text));
        self.byte_quote(ByteQuote {
            signature: hex("signature", &quote.signature)?,
            message: hex("message", &quote.message)?,
            pcrs: pcrs.collect::<Result<_, _>>()?,
        })
    }

    fn byte_quote(&self, quote: ByteQuote) -> Result<UnverifiedQuote, VerifyError> {
        let pcrs = Pcrs::from_values(&quote.pcrs)
            .ok_or_else(|| self.malformed("pcrs are not 24 values of 32 bytes".to_owned()))?;
        Ok(UnverifiedQuote::new(
            quote.message,
            Signature::RsaSsa(quote.signature),
            pcrs,
        ))
    }

    fn base64(&self, member: &str, text: &str) -> Result<Vec<u8>, VerifyError> {
        BASE64
            .decode(text)
            .map_err(|_| self.malformed(format!("{member} is not URL-safe base64")))
    }

    fn malformed(&self, reason: String) -> VerifyError {
        VerifyError::Format {
            tee: self.tee,
            reason,
        }
    }
}
