//! The client's settings against small local servers.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod auth;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod tls;
