//! The wire form of `tpm` evidence, and the sequence of checks.

use super::chain::{self, Vouched};
use super::nonce::check_resized_nonce;
use super::{AttestationKey, Pcrs, Shared, Signature, TpmError, UnverifiedQuote};
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
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
    /// The key's certificate, then its issuers', DER.
    certificates: Option<Vec<Vec<u8>>>,
}

/// The JSON object a guest sends.
#[derive(Deserialize)]
struct Wire {
    tpm_quote: WireQuote,
    ak_public: String,
    #[serde(default)]
    ak_certificates: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WireQuote {
    signature: String,
    message: String,
    pcrs: Vec<String>,
}

impl TpmEvidence {
    pub(super) fn parse(shared: Arc<Shared>, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let wire: Wire = evidence.parse(Tee::Tpm)?;
        let quote = &wire.tpm_quote;
        let values: Option<Vec<Vec<u8>>> = quote.pcrs.iter().map(|text| hex::decode(text).ok()).collect();
        let pcrs = values
            .and_then(|values| Pcrs::from_values(&values))
            .ok_or_else(|| malformed("pcrs are not 24 values of 32 bytes in hex"))?;
        let signature = Signature::parse(&base64("signature", &quote.signature)?)?;
        let message = base64("message", &quote.message)?;
        let key = AttestationKey::from_spki(&base64("ak_public", &wire.ak_public)?)?;
        Ok(Self {
            shared,
            quote: UnverifiedQuote::new(message, signature, pcrs),
            key,
            key_text: wire.ak_public,
            certificates: wire.ak_certificates.map(certificates).transpose()?,
        })
    }
}

impl TpmEvidence {
    /// Key and chain, told apart from all others.
    fn key_and_chain(&self, chain: &[Vec<u8>]) -> Vec<u8> {
        let lengths = chain.iter().flat_map(|der| der.len().to_be_bytes());
        let mut all: Vec<u8> = self.key_text.bytes().chain([0]).chain(lengths).collect();
        chain.iter().for_each(|der| all.extend(der));
        all
    }

    /// The word of a trusted root, now. A chain that led to one before is not verified again.
    fn vouched(&self, chain: &[Vec<u8>], now: i64) -> Result<Arc<Vouched>, TpmError> {
        let Shared { roots, chains } = &*self.shared;
        let vouched = chains.get_or(&self.key_and_chain(chain), || {
            chain::verify(&self.key, chain, roots)
        })?;
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

fn base64(member: &str, text: &str) -> Result<Vec<u8>, VerifyError> {
    STANDARD
        .decode(text)
        .map_err(|_| malformed(&format!("{member} is not standard base64")))
}

fn certificates(texts: Vec<String>) -> Result<Vec<Vec<u8>>, VerifyError> {
    if texts.len() > MAX_CERTIFICATES {
        return Err(malformed("too many certificates"));
    }
    let decoded = texts.iter().map(|text| base64("ak_certificates", text));
    let decoded: Vec<Vec<u8>> = decoded.collect::<Result<_, _>>()?;
    if decoded.iter().any(|der| der.len() > MAX_CERTIFICATE_LENGTH) {
        return Err(malformed("a certificate is too long"));
    }
    Ok(decoded)
}

impl ParsedEvidence for TpmEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        Vec::new()
    }

    /// One signature of RSA, with a key that nobody or a known chain vouches for.
    fn is_cheap(&self) -> bool {
        let quick = matches!(&self.key, AttestationKey::Rsa { n, .. } if n.len() <= QUICK_MODULUS);
        let known = |chain: &Vec<Vec<u8>>| self.shared.chains.knows(&self.key_and_chain(chain));
        quick && self.certificates.as_ref().is_none_or(known)
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        _: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let quote = self.quote.verify(&self.key)?;
        let vouched = self.certificates.as_deref();
        let vouched = vouched.map(|chain| self.vouched(chain, now)).transpose()?;
        check_resized_nonce(expected.report_data.as_deref(), quote.extra_data())?;
        quote.pcrs().check_init_data(expected.init_data.as_deref())?;

        let mut claims = quote.pcrs().claims();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("ak_public", self.key_text.as_str().into());
        put("tpm_quote", quote.claims());
        let by = vouched.as_ref().map_or("nobody", |vouched| vouched.by.as_str());
        put("ak_vouched_by", by.into());
        if let Some(vouched) = vouched {
            put("ak_root", hex::encode(vouched.root).into());
            put("ak_certificate_serial", hex::encode(&vouched.serial).into());
        }
        let verified = VerifiedClaims::new(Tee::Tpm, TeeClass::Cpu, claims)
            .with_report_data(hex::encode(quote.extra_data()))
            .with_init_data(hex::encode(quote.pcrs().init_data()));
        Ok(vec![verified])
    }
}
