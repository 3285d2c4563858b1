//! `export`: a ruler's rules as Kubernetes objects or rule files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_core::naming::{Naming, Owner};
use rulesync_files::manifest::is_namespace_name;

use super::direct_args::DirectArgs;
use crate::directory::write_files;
use crate::export::{Exported, object_names, objects};
use crate::failure::Failure;
use crate::rule_files::file_name::file_names;
use crate::rule_files::{RuleFile, rule_files};
use crate::stdout::print;

/// Print what a ruler has for a tenant as Kubernetes objects: PrometheusRules, or LoggingRules for Loki.
///
/// Each namespace of the ruler becomes one object. Those that rulesync has named for `--owner` get the names that they were
/// made of; the others get valid names of their own in the Kubernetes namespace `--namespace`. Claims of rulesync are left
/// out.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ruler's namespaces; by default all.
    #[arg(value_name = "NAMESPACE")]
    namespaces: Vec<String>,

    #[command(flatten)]
    r#where: DirectArgs,

    /// The Kubernetes namespace of objects whose own is not known.
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = kubernetes_namespace)]
    namespace: String,

    /// The owner whose names are understood [env: RULESYNC_OWNER]
    #[arg(long, value_name = "NAME")]
    owner: Option<Owner>,

    /// What to print.
    #[arg(short, long, value_name = "FORMAT", default_value = "manifests")]
    output: Format,

    /// Write a file for each object into this directory instead.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

/// A form of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Kubernetes objects.
    Manifests,
    /// Rule files, one for each namespace of the ruler.
    RuleFiles,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { namespaces, r#where, namespace, owner, output, output_dir } = args;
    let owner = owner.map_or_else(owner_of_environment, |owner| Ok(Some(owner)))?;
    let destination = r#where.destination().await?;
    let language = destination.capabilities().language;
    let groups = destination.read().await?.whole()?;
    let wanted = |namespace: &str| namespaces.is_empty() || namespaces.iter().any(|name| name == namespace);
    let files = rule_files(&groups, wanted);
    let names: Vec<&str> = files.iter().map(|file| file.namespace.as_str()).collect();
    let texts: Vec<(String, String)> = match output {
        Format::RuleFiles => file_names(&names).into_iter().zip(files.iter().map(RuleFile::text)).collect(),
        Format::Manifests => {
            let naming = owner.map(Naming::Owner);
            let names = object_names(&names, naming.as_ref(), &namespace);
            let text = |Exported { name, text, losses }: Exported| {
                losses.iter().for_each(|loss| tracing::warn!("{loss}"));
                (format!("{}.{}.yaml", name.namespace, name.name), text)
            };
            objects(files, names, language).map(text).collect()
        }
    };
    match output_dir {
        Some(directory) => write_files(&directory, texts.into_iter()),
        None => print(&texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n")),
    }
}

/// Checks the name of a Kubernetes namespace, which becomes part of names of files.
fn kubernetes_namespace(text: &str) -> Result<String, String> {
    match is_namespace_name(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("use at most 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
                .to_owned())
        }
    }
}

fn owner_of_environment() -> Result<Option<Owner>, Failure> {
    let variable = std::env::var("RULESYNC_OWNER").ok().filter(|owner| !owner.is_empty());
    let parsed = variable.map(|owner| owner.parse()).transpose();
    parsed.map_err(|error| Failure::Usage(format!("RULESYNC_OWNER: {error}")))
}
