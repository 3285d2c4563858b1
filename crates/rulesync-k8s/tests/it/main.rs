//! The source against the testkit's Kubernetes API server.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod endless;
#[cfg(test)]
mod heard;
#[cfg(test)]
mod kind;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod permits;
#[cfg(test)]
mod says;
#[cfg(test)]
mod survives;
