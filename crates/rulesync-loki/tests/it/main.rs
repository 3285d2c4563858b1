//! Tests of the Loki ruler with the testkit's server, with recordings, and with a real Loki if available.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod health;
#[cfg(test)]
mod real;
#[cfg(test)]
mod wire;
