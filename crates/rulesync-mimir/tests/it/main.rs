//! Tests of Mimir and Cortex rulers with the testkit's servers.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod roundtrip;
#[cfg(test)]
mod wire;
