//! `get`: one group of a ruler.

use std::process::ExitCode;

use clap::ValueEnum;

use super::direct_args::DirectArgs;
use crate::changes::yaml::to_yaml;
use crate::failure::Failure;
use crate::output::escaped_json;
use crate::stdout::print;

/// Print one group that a ruler has. Exits with 1 if it has no such group.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ruler's namespace.
    namespace: String,

    /// The group.
    group: String,

    #[command(flatten)]
    r#where: DirectArgs,

    /// The form of the output.
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml")]
    output: Format,
}

/// A form of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As in a rule file.
    Yaml,
    /// The same as JSON.
    Json,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { namespace, group, r#where, output } = args;
    let destination = r#where.destination().await?;
    let stored = destination.read().await?;
    if let Some(unreadable) = stored.unreadable_group(&namespace, &group) {
        return Err(Failure::Unreadable(vec![unreadable.clone()]));
    }
    let Some(found) = stored.groups.get(&namespace.as_str().into(), &group.as_str().into()) else {
        return Err(Failure::Missing(format!("{} has no group {namespace} / {group}", destination.id())));
    };
    match output {
        Format::Yaml => print(&to_yaml(&found)),
        Format::Json => print(&escaped_json::text(&found)),
    }
}
