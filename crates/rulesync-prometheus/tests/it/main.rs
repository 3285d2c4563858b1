//! Tests of the ruler with a fake server that reloads like Prometheus and vmalert, and with real servers.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod batches;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod real;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod setup;
