//! Simulated TEE platforms: own roots, real-shaped evidence. For tests and demonstrations only.
