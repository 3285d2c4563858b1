//! The testkit's own integration tests, one binary.

mod contract_allow;
mod contract_kube;
mod contract_kube_allow;
mod contract_ruler;
mod faults;
mod kube_client;
mod kube_watch;
mod recording;
mod ruler;
mod wire;
