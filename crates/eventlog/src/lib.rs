//! Reads and replays the event logs of measured boot. Pure: no IO, no clock.
