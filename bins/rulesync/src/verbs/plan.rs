//! `plan`: what would change, and nothing else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_config::{Lifetime, Options};

use super::run_args::{RunArgs, Whose};
use crate::changes::document::PlanDocument;
use crate::changes::summary::Summary;
use crate::changes::yaml::to_yaml;
use crate::changes::{markdown, text};
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::output::escaped_json;
use crate::progress::Progress;
use crate::stdout::{print, print_styled};
use crate::sync_report::Obstacles;

/// Show what would change in rulers, and change nothing.
///
/// Each group that would be added (+), changed (~) or deleted (-) is shown with its difference; what is held or refused
/// (!) with the reason. The last line has the numbers. Exits with 0, or with 1 if something would be refused or cannot
/// be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,

    #[command(flatten)]
    run: RunArgs,

    /// Exit with 0 if there is nothing to do, 1 if something would be refused or cannot be read, and 2 if there are
    /// changes.
    #[arg(long)]
    detailed_exitcode: bool,

    /// Write the plan to a file as well, for `rulesync sync --plan FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// The form of the output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// A form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// The document that `--out` writes.
    Json,
    /// The same as YAML.
    Yaml,
    /// For a comment on a pull request.
    Markdown,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { whose, run, detailed_exitcode, out, output } = args;
    let configuration = whose.configuration().await?;
    let digest = configuration.config().digest();
    let progress = Progress::new("Reading rules and rulers");
    let options = run.options(Options::new(Lifetime::Plan)).bodies(true);
    let app = configuration.build(options.reporter(Obstacles(progress.clone()))).await?;
    let dry_run = progress.during(app.plan(interrupted())).await?;
    let plan = PlanDocument::new(digest, &dry_run);
    if let Some(out) = out {
        write(&out, &escaped_json::text(&plan))?;
    }
    match output {
        Format::Text => print_styled(&text::render(&plan)),
        Format::Json => print(&escaped_json::text(&plan)),
        Format::Yaml => print(&to_yaml(&plan)),
        Format::Markdown => print(&markdown::render(&plan)),
    }?;
    Ok(exit_code(plan.summary, detailed_exitcode))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::write(path, error))
}

/// As terraform and helm-diff have it: a refusal is an error, whatever else changes.
fn exit_code(summary: Summary, detailed: bool) -> ExitCode {
    match summary {
        Summary { refused: 1.., .. } => ExitCode::FAILURE,
        summary if detailed && !summary.is_empty() => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_tells_changes_only_if_it_is_asked_to() {
        let changes = Summary { add: 1, ..Summary::default() };
        let refused = Summary { refused: 1, ..changes };
        let held = Summary { held: 1, ..Summary::default() };
        let code = |summary, detailed| format!("{:?}", exit_code(summary, detailed));
        let expected = |code: u8| format!("{:?}", ExitCode::from(code));
        for (summary, plain, detailed) in
            [(Summary::default(), 0, 0), (changes, 0, 2), (held, 0, 2), (refused, 1, 1)]
        {
            assert_eq!(code(summary, false), expected(plain), "{summary:?}");
            assert_eq!(code(summary, true), expected(detailed), "{summary:?}");
        }
    }
}
