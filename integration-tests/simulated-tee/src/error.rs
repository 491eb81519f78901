//! What can go wrong in a simulation.

/// The simulation itself failed. Says nothing about what it simulates.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// A committed key is not what it should be, or there is no randomness.
    #[error("a key cannot be used: {0}")]
    Key(String),
    /// A structure cannot be written.
    #[error("cannot encode: {0}")]
    Encoding(String),
}

impl From<der::Error> for SimulationError {
    fn from(error: der::Error) -> Self {
        SimulationError::Encoding(error.to_string())
    }
}

impl From<ring::error::Unspecified> for SimulationError {
    fn from(_: ring::error::Unspecified) -> Self {
        SimulationError::Key("refused".to_owned())
    }
}

impl From<ring::error::KeyRejected> for SimulationError {
    fn from(error: ring::error::KeyRejected) -> Self {
        SimulationError::Key(error.to_string())
    }
}
