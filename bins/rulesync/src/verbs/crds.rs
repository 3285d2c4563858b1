//! `crds`: the definitions of the kinds that are rulesync's own.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::stdout::print;

/// Print the CustomResourceDefinitions of rulesync, for `kubectl apply -f -`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args) -> Result<ExitCode, Failure> {
    print(&rulesync_k8s::manifests()?)
}
