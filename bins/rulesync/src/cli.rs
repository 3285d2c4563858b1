//! The command line as a whole: the flags of all verbs, and the verbs. Each verb's own flags are in its file.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::failure::Failure;
use crate::terminal::Color;
use crate::verbs::{
    adopt, check, completion, config_check, config_schema, crds, delete, delete_namespace, explain, export,
    fleet, get, import_alloy, list, load, man, plan, print, purge, sync, test, version,
};

/// Checks alerting and recording rules, shows what would change in rulers (Grafana Mimir, Loki, Cortex, Prometheus,
/// vmalert), and brings them in order.
#[derive(Debug, Parser)]
#[command(name = "rulesync", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// When to use colors. With `auto`, on terminals, unless NO_COLOR is set, and everywhere if CLICOLOR_FORCE is.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: Color,

    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    #[command(visible_alias = "lint")]
    Check(check::Args),
    #[command(visible_alias = "diff")]
    Plan(plan::Args),
    #[command(visible_alias = "apply")]
    Sync(sync::Args),
    Explain(explain::Args),
    List(list::Args),
    Get(get::Args),
    Print(print::Args),
    Load(load::Args),
    Delete(delete::Args),
    DeleteNamespace(delete_namespace::Args),
    Export(export::Args),
    Adopt(adopt::Args),
    Fleet(fleet::Args),
    Purge(purge::Args),
    /// Check a configuration, or print its schema.
    #[command(subcommand)]
    Config(ConfigVerb),
    Crds(crds::Args),
    /// Turn the configuration of another tool into one of rulesync.
    #[command(subcommand)]
    Import(ImportVerb),
    Completion(completion::Args),
    #[command(hide = true)]
    Man(man::Args),
    Test(test::Args),
    Version(version::Args),
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
enum ConfigVerb {
    Check(config_check::Args),
    Schema(config_schema::Args),
}

/// The tool whose configuration is imported.
#[derive(Debug, Subcommand)]
enum ImportVerb {
    Alloy(import_alloy::Args),
}

impl Cli {
    /// Does what was asked for, and returns the exit code for what came of it.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Check(args) => check::run(args).await,
            Verb::Plan(args) => plan::run(args).await,
            Verb::Sync(args) => sync::run(args).await,
            Verb::Explain(args) => explain::run(args).await,
            Verb::List(args) => list::run(args).await,
            Verb::Get(args) => get::run(args).await,
            Verb::Print(args) => print::run(args).await,
            Verb::Load(args) => load::run(args).await,
            Verb::Delete(args) => delete::run(args).await,
            Verb::Export(args) => export::run(args).await,
            Verb::Adopt(args) => adopt::run(args).await,
            Verb::Fleet(args) => fleet::run(args).await,
            Verb::Purge(args) => purge::run(args).await,
            Verb::DeleteNamespace(args) => delete_namespace::run(args).await,
            Verb::Config(ConfigVerb::Check(args)) => config_check::run(args).await,
            Verb::Config(ConfigVerb::Schema(args)) => config_schema::run(args),
            Verb::Crds(args) => crds::run(args),
            Verb::Import(ImportVerb::Alloy(args)) => import_alloy::run(args),
            Verb::Completion(args) => completion::run(args, &mut Self::command()),
            Verb::Test(args) => test::run(args).await,
            Verb::Man(args) => man::run(args, Self::command()),
            Verb::Version(args) => version::run(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
