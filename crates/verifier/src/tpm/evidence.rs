//! The wire form of `tpm` evidence, and the sequence of checks.

use super::chain::{self, Vouched};
use super::nonce::check_resized_nonce;
use super::{AttestationKey, Pcrs, Shared, Signature, TpmError, UnverifiedQuote};
use crate::cache::{Cache, Key};
use crate::claims::{AK_VOUCHED_BY, NOBODY};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// More certificates than any chain of a TPM's key has.
const MAX_CERTIFICATES: usize = 6;
/// Longer than any of them.
const MAX_CERTIFICATE_LENGTH: usize = 8192;
/// Bytes of the longest modulus with which a signature is verified in less than a tenth of a millisecond.
const QUICK_MODULUS: usize = 512;

/// Evidence in form. Nothing of it is proved.
pub(super) struct TpmEvidence {
    shared: Arc<Shared>,
    quote: UnverifiedQuote,
    key: AttestationKey,
    /// The key as it came: standard base64 of its SubjectPublicKeyInfo.
    key_text: String,
    chain: Option<Chain>,
}

/// What came to vouch for the key.
enum Chain {
    /// What led to a root before, text for text.
    Known(Arc<Vouched>),
    /// Anything else.
    New {
        /// The key's certificate, then its issuers', DER.
        certificates: Vec<Vec<u8>>,
        /// What the key and the certificates, as they came, are remembered by.
        key: Key,
    },
}

/// The JSON object a guest sends.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    tpm_quote: WireQuote<'a>,
    #[serde(borrow)]
    ak_public: Text<'a>,
    #[serde(borrow, default)]
    ak_certificates: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
struct WireQuote<'a> {
    #[serde(borrow)]
    signature: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    pcrs: Vec<Text<'a>>,
}

/// A string that lies in the evidence as it is, unless something in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl TpmEvidence {
    pub(super) fn parse(shared: Arc<Shared>, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let wire: Wire<'_> = evidence.parse(Tee::Tpm)?;
        let quote = &wire.tpm_quote;
        let pcrs = Pcrs::from_hex(quote.pcrs.iter().map(|Text(text)| text.as_ref()))
            .ok_or_else(|| malformed("pcrs are not 24 values of 32 bytes in hex"))?;
        let signature = Signature::parse(&base64("signature", &quote.signature)?)?;
        let message = base64("message", &quote.message)?;
        let key = AttestationKey::from_spki(&base64("ak_public", &wire.ak_public)?)?;
        let Text(key_text) = wire.ak_public;
        let chain = wire.ak_certificates;
        let chain = chain.map(|texts| Chain::parse(&key_text, &texts, &shared.chains));
        Ok(Self {
            shared,
            quote: UnverifiedQuote::new(message, signature, pcrs),
            key,
            chain: chain.transpose()?,
            key_text: key_text.into_owned(),
        })
    }
}

impl Chain {
    fn parse(key_text: &str, texts: &[Text<'_>], known: &Cache<Vouched>) -> Result<Self, VerifyError> {
        if texts.len() > MAX_CERTIFICATES {
            return Err(malformed("too many certificates"));
        }
        let parts = texts.iter().map(|Text(text)| text.as_bytes());
        let key = Key::of([key_text.as_bytes()].into_iter().chain(parts));
        if let Some(vouched) = known.get(key) {
            return Ok(Self::Known(vouched));
        }
        let decoded = texts.iter().map(|text| base64("ak_certificates", text));
        let certificates: Vec<Vec<u8>> = decoded.collect::<Result<_, _>>()?;
        if certificates.iter().any(|der| der.len() > MAX_CERTIFICATE_LENGTH) {
            return Err(malformed("a certificate is too long"));
        }
        Ok(Self::New { certificates, key })
    }
}

impl TpmEvidence {
    /// The word of a trusted root, now. A chain that led to one before is not verified again.
    fn vouched(&self, chain: &Chain, now: i64) -> Result<Arc<Vouched>, TpmError> {
        let Shared { roots, chains } = &*self.shared;
        let vouched = match chain {
            Chain::Known(vouched) => Arc::clone(vouched),
            Chain::New { certificates, key } => {
                chains.get_or(*key, || chain::verify(&self.key, certificates, roots))?
            }
        };
        if !vouched.validity.contains(now) {
            return Err(TpmError::Validity);
        }
        Ok(vouched)
    }
}

fn malformed(reason: &str) -> VerifyError {
    VerifyError::Format {
        tee: Tee::Tpm,
        reason: reason.to_owned(),
    }
}

fn base64(member: &str, Text(text): &Text<'_>) -> Result<Vec<u8>, VerifyError> {
    STANDARD
        .decode(text.as_bytes())
        .map_err(|_| malformed(&format!("{member} is not standard base64")))
}

impl ParsedEvidence for TpmEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        Vec::new()
    }

    /// One signature of RSA, with a key that nobody or a known chain vouches for.
    fn is_cheap(&self) -> bool {
        let quick = matches!(&self.key, AttestationKey::Rsa { n, .. } if n.len() <= QUICK_MODULUS);
        quick && !matches!(self.chain, Some(Chain::New { .. }))
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        _: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let quote = self.quote.verify(&self.key)?;
        let vouched = self.chain.as_ref();
        let vouched = vouched.map(|chain| self.vouched(chain, now)).transpose()?;
        check_resized_nonce(expected.report_data.as_deref(), quote.extra_data())?;
        quote.pcrs().check_init_data(expected.init_data.as_deref())?;

        let mut claims = quote.pcrs().claims();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("ak_public", self.key_text.as_str().into());
        put("tpm_quote", quote.claims());
        let by = vouched.as_ref().map_or(NOBODY, |vouched| vouched.by.as_str());
        put(AK_VOUCHED_BY, by.into());
        if let Some(vouched) = vouched {
            put("ak_root", crate::digits::hex(vouched.root).into());
            put(
                "ak_certificate_serial",
                crate::digits::hex(&vouched.serial).into(),
            );
        }
        let verified = VerifiedClaims::new(Tee::Tpm, TeeClass::Cpu, claims)
            .with_report_data(crate::digits::hex(quote.extra_data()))
            .with_init_data(crate::digits::hex(quote.pcrs().init_data()));
        Ok(vec![verified])
    }
}
