//! End-to-end tests: Kubernetes or files on one end, a ruler on the other, and everything between as users run it.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod clusters;
#[cfg(test)]
mod company;
#[cfg(test)]
mod contracts;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod enforcement;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod mixin;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod published;
#[cfg(test)]
mod real;
#[cfg(test)]
mod requested_tenants;
#[cfg(test)]
mod road;
#[cfg(test)]
mod trust;
