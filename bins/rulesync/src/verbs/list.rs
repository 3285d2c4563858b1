//! `list`: the groups that a ruler has.

use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_core::ruler::StoredGroups;
use serde::Serialize;

use super::direct_args::DirectArgs;
use crate::changes::yaml::to_yaml;
use crate::failure::Failure;
use crate::output::escaped_json;
use crate::stdout::{print, print_styled};

/// List the groups that a ruler has for a tenant, whoever they belong to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    r#where: DirectArgs,

    /// The form of the output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// A form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table.
    Text,
    /// A list of objects.
    Json,
    /// The same as YAML.
    Yaml,
}

/// A group in the list.
#[derive(Debug, Serialize)]
struct Entry {
    namespace: String,
    group: String,
    rules: usize,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let entries = entries(&args.r#where.destination().await?.read().await?.readable());
    match args.output {
        Format::Text => print_styled(&table(&entries)),
        Format::Json => print(&escaped_json::text(&entries)),
        Format::Yaml => print(&to_yaml(&entries)),
    }
}

fn entries(groups: &StoredGroups) -> Vec<Entry> {
    let entry = |(namespace, group): (&_, rulesync_core::Group)| Entry {
        namespace: ToString::to_string(namespace),
        rules: group.rules.len(),
        group: group.name,
    };
    groups.iter().map(entry).collect()
}

fn table(entries: &[Entry]) -> String {
    let row =
        |Entry { namespace, group, rules }: &Entry| [namespace.clone(), group.clone(), rules.to_string()];
    crate::table::table(["NAMESPACE", "GROUP", "RULES"], 1, entries.iter().map(row))
}
