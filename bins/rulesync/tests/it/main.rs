//! The binary, run as a process.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod about;
#[cfg(test)]
mod check;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod config;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod direct;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod github_action;
#[cfg(test)]
mod import;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod purge;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod unit_tests;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod verbatim;
#[cfg(test)]
mod world;
