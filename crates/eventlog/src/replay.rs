//! What the registers hold if the log is true.

use crate::{Algorithm, EventLog, EventLogError, EventType};
use std::collections::BTreeMap;

/// The data of the record that says how PCR 0 began: this, then the locality (firmware profile, 10.4.5.3).
const STARTUP_LOCALITY: &[u8; 16] = b"StartupLocality\0";
/// The registers that a dynamic launch resets begin with ones (PC Client Platform TPM Profile, table 6).
const DYNAMIC: std::ops::RangeInclusive<u32> = 17..=22;

/// The registers of one algorithm after the last record. Those that no record names are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    algorithm: Algorithm,
    values: BTreeMap<u32, Vec<u8>>,
}

impl EventLog {
    /// Extends the digests into confidential-computing registers, which all begin with zeros:
    /// `new = H(old || digest)`.
    ///
    /// # Errors
    /// [`EventLogError::MissingDigest`] for a measured record without a digest of this algorithm.
    pub fn replay(&self, algorithm: Algorithm) -> Result<Registers, EventLogError> {
        self.extend_all(algorithm, |_| vec![0; algorithm.size()])
    }

    /// The same for the PCRs of a TPM: 17 to 22 begin with ones, and PCR 0 as an `EV_NO_ACTION` record with the
    /// locality of start-up says.
    ///
    /// # Errors
    /// As for [`replay`](Self::replay).
    pub fn replay_pcrs(&self, algorithm: Algorithm) -> Result<Registers, EventLogError> {
        let locality = self.startup_locality().unwrap_or(0);
        self.extend_all(algorithm, |register| {
            let mut start = vec![if DYNAMIC.contains(&register) { 0xff } else { 0 }; algorithm.size()];
            if let (0, Some(last)) = (register, start.last_mut()) {
                *last = locality;
            }
            start
        })
    }

    fn extend_all(
        &self,
        algorithm: Algorithm,
        start: impl Fn(u32) -> Vec<u8>,
    ) -> Result<Registers, EventLogError> {
        let mut values = BTreeMap::new();
        for event in self.events().filter(|event| event.is_measured()) {
            let offset = event.offset();
            let digest = event
                .digest(algorithm)
                .ok_or(EventLogError::MissingDigest { offset, algorithm })?;
            let register = event.register();
            let value = values.entry(register).or_insert_with(|| start(register));
            let extended = algorithm.hash(&[value.as_slice(), digest]);
            // As long as the one before.
            extended.as_ref().clone_into(value);
        }
        Ok(Registers { algorithm, values })
    }

    fn startup_locality(&self) -> Option<u8> {
        let records = self
            .events()
            .filter(|event| event.register() == 0 && event.event_type() == EventType::EV_NO_ACTION);
        let mut localities = records.filter_map(|event| match event.data().strip_prefix(STARTUP_LOCALITY) {
            Some([locality]) => Some(*locality),
            _ => None,
        });
        localities.next()
    }
}

impl Registers {
    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value of a register that at least one record was extended into.
    pub fn get(&self, register: u32) -> Option<&[u8]> {
        self.values.get(&register).map(Vec::as_slice)
    }

    /// The numbers of those registers, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.values.keys().copied()
    }

    /// Does `register` hold `value`, or zeros if no record was extended into it?
    pub fn holds(&self, register: u32, value: &[u8]) -> bool {
        match self.get(register) {
            Some(replayed) => replayed == value,
            None => value.len() == self.algorithm.size() && value.iter().all(|byte| *byte == 0),
        }
    }
}
