//! The command line as a whole: the flags of all verbs. Each verb's own are in its file.

use clap::Parser;

use crate::terminal::Color;
use crate::verbs::Verb;

/// Checks alerting and recording rules, shows what would change in rulers (Grafana Mimir, Loki, Cortex, Prometheus,
/// vmalert), and brings them in order.
#[derive(Debug, Parser)]
#[command(name = "rulesync", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// When to use colors. With `auto`, on terminals, unless NO_COLOR is set, and everywhere if CLICOLOR_FORCE is.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
