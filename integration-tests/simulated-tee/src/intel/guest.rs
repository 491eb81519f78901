//! Guests on such a platform.

use super::platform::evidence;
use super::{Ccel, EnclaveBody, PckCa, Pki, Platform, TdBody};
use crate::{SimulatedGuest, SimulationError};
use serde_json::Value;
use std::sync::Arc;

/// A trust domain that booted straight into a kernel, and logged it.
pub struct TrustDomain {
    platform: Platform,
    log: Ccel,
}

impl TrustDomain {
    /// On a new platform of the committed Intel.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, SimulationError> {
        Self::with_log(Ccel::of_direct_boot(&[0x4e; 48], &[0xc1; 48]))
    }

    /// The same with another log.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn with_log(log: Ccel) -> Result<Self, SimulationError> {
        let platform = Platform::new(Arc::new(Pki::new()?), PckCa::Platform)?;
        Ok(Self { platform, log })
    }
}

impl SimulatedGuest for TrustDomain {
    fn tee(&self) -> &'static str {
        "tdx"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let body = TdBody {
            report_data: register(report_data)?,
            mr_config_id: register_of_digest(init_data),
            rtmrs: self.log.rtmrs(),
            ..TdBody::default()
        };
        let quote = self.platform.quote(&self.platform.td_quote(body))?;
        Ok(evidence(&quote, Some(&self.log.bytes())))
    }
}

/// An enclave.
pub struct Enclave(Platform);

impl Enclave {
    /// On a new platform of the committed Intel.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, SimulationError> {
        Ok(Self(Platform::new(Arc::new(Pki::new()?), PckCa::Processor)?))
    }
}

impl SimulatedGuest for Enclave {
    fn tee(&self) -> &'static str {
        "sgx"
    }

    fn evidence(&self, report_data: &[u8], init_data: Option<&[u8]>) -> Result<Value, SimulationError> {
        let body = EnclaveBody {
            report_data: register(report_data)?,
            config_id: register_of_digest(init_data),
            ..EnclaveBody::default()
        };
        Ok(evidence(&self.0.quote(&self.0.enclave_quote(body))?, None))
    }
}

/// The bytes with zeros behind them.
fn register<const N: usize>(bytes: &[u8]) -> Result<[u8; N], SimulationError> {
    if bytes.len() > N {
        return Err(SimulationError::Encoding(format!(
            "{} bytes do not fit {N}",
            bytes.len()
        )));
    }
    Ok(register_of_digest(Some(bytes)))
}

/// The same, or the leading bytes of a longer digest: guests put these there.
fn register_of_digest<const N: usize>(bytes: Option<&[u8]>) -> [u8; N] {
    let mut register = [0; N];
    let bytes = bytes.unwrap_or_default();
    register.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    register
}
