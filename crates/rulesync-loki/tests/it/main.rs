//! The Loki ruler against the testkit's server, against recordings, and against a real one where there is one.

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
