//! `print`: everything that a ruler has, as rule files.

use std::path::PathBuf;
use std::process::ExitCode;

use super::direct_args::DirectArgs;
use crate::directory::write_files;
use crate::failure::Failure;
use crate::rule_files::file_name::file_names;
use crate::rule_files::{RuleFile, rule_files};
use crate::stdout::print;

/// Print what a ruler has for a tenant as rule files, one document for each namespace.
///
/// Claims of rulesync are left out: in another tenant they would lock their owner out of it. `rulesync get` prints them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The namespaces; by default all.
    #[arg(value_name = "NAMESPACE")]
    namespaces: Vec<String>,

    #[command(flatten)]
    r#where: DirectArgs,

    /// Write a file for each namespace into this directory instead, as `load` and `sync` read them. Files of namespaces that are no more stay.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { namespaces, r#where, output_dir } = args;
    let groups = r#where.destination().await?.read().await?.whole()?;
    let wanted = |namespace: &str| namespaces.is_empty() || namespaces.iter().any(|name| name == namespace);
    let files = rule_files(&groups, wanted);
    let Some(directory) = output_dir else {
        let documents: Vec<String> = files.iter().map(RuleFile::text).collect();
        return print(&documents.join("---\n"));
    };
    let names: Vec<&str> = files.iter().map(|file| file.namespace.as_str()).collect();
    let texts = files.iter().map(RuleFile::text);
    write_files(&directory, file_names(&names).into_iter().zip(texts))
}
