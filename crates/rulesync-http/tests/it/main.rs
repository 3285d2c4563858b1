//! Tests of the client against local servers.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod auth;
#[cfg(test)]
mod echo;
#[cfg(test)]
mod endless;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod oauth2;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod settings;
#[cfg(all(test, feature = "sigv4"))]
mod sigv4;
#[cfg(test)]
mod state;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod yielding;
