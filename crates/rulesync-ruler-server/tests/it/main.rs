//! Integration tests of the ruler server, in one binary.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows these inside test functions; what test functions share fails and reports like them"
)]

mod contract;
mod contract_allow;
mod loki;
mod mimir_and_cortex;
mod state;
