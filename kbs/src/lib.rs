//! Key Broker Service: the relying party.
