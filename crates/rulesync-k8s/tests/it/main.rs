//! The source against the testkit's Kubernetes API server.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod missing_kind;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod published;
#[cfg(test)]
mod snapshots;
