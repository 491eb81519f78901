//! What both TEEs check once a processor has vouched for the runtime data.

use super::AzVtpmError;
use super::runtime_data::RuntimeData;
use super::wire::GuestQuote;
use crate::tpm::{VerifiedQuote, check_nonce};
use crate::{ExpectedBinding, VerifyError};

/// Verifies the vTPM's quote with the key in the runtime data, then what it is bound to: the nonce is the expected
/// report data, exactly, and there must be one; from evidence version 2 on the runtime data begins with it as well;
/// PCR 8 was extended with the init data.
pub(super) fn verify<'a>(
    quote: &'a GuestQuote,
    runtime_data: &RuntimeData,
    expected: &ExpectedBinding,
) -> Result<VerifiedQuote<'a>, VerifyError> {
    let has_user_data = quote.has_user_data;
    let quote = quote.quote.verify(&runtime_data.key)?;
    check_nonce(expected.report_data.as_deref(), quote.extra_data())?;
    if has_user_data {
        // The nonce is the expected report data, and not empty.
        let held = runtime_data.user_data.as_deref().unwrap_or_default();
        if !held.starts_with(quote.extra_data()) {
            return Err(AzVtpmError::UserDataMismatch.into());
        }
    }
    quote.pcrs().check_init_data(expected.init_data.as_deref())?;
    Ok(quote)
}
