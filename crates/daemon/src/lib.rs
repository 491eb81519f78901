//! What every server does: configuration, TLS, serving, shutdown, telemetry, health, clock.
