//! End-to-end tests, fakes, the demonstration and the benchmark.
