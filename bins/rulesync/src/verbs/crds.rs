//! `crds`: the definitions of the kinds that are rulesync's own.

use std::process::ExitCode;

use super::print;
use crate::failure::Failure;

/// Print the CustomResourceDefinitions of rulesync, for `kubectl apply -f -`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args) -> Result<ExitCode, Failure> {
    print(&rulesync_k8s::manifests()?)
}
