//! Integration tests of the testkit, in one binary.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows these inside test functions; what test functions share fails and reports like them"
)]

mod contract_kube;
mod contract_kube_allow;
mod contract_kube_compare;
mod contract_publishing;
mod faults;
mod kube_api;
mod kube_apply;
mod kube_builtin;
mod kube_client;
mod kube_corpus;
mod kube_discovery;
mod kube_events;
mod kube_faults;
mod kube_table;
mod kube_watch;
mod kubectl;
mod ruler;
