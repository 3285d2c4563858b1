//! `sync`: brings everything in order once, or carries out a stored plan.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rulesync_config::{Lifetime, Options};
use rulesync_core::plan::DryRun;

use super::run_args::{RunArgs, Whose};
use crate::changes::document::PlanDocument;
use crate::changes::stored::StoredPlan;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::progress::Progress;
use crate::stdout::print_styled;
use crate::sync_report::Changes;
use crate::terminal::HEADING;

/// Bring rulers in order once: write what is declared, and delete what is not.
///
/// With --plan and a file that `rulesync plan --out` has written, exactly that plan is carried out, and nothing if what it
/// was made from has changed. Exits with 0 if everything is in order, and with 1 if something failed, is refused or held.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,

    /// Carry out this plan of `rulesync plan --out`, and nothing else. A plan among the paths is one, too.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    #[command(flatten)]
    run: RunArgs,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { mut whose, plan, run } = args;
    let stored = take_plan(plan, &mut whose.paths)?;
    let configuration = whose.configuration().await?;
    let digest = configuration.config().digest();
    let progress = Progress::new("Reading rules and rulers");
    let changes = Changes::new(progress.clone());
    let options = run.options(Options::new(Lifetime::Once)).reporter(changes.clone());
    let app = configuration.build(options).await?;
    let mut moved = Vec::new();
    let synced = match &stored {
        None => progress.during(app.once(interrupted())).await.map(Some),
        Some((_, stored)) => {
            let review = async |dry_run: &mut DryRun| {
                moved = stored.moved(&PlanDocument::new(digest, dry_run));
                progress.expect(planned(dry_run));
                moved.is_empty()
            };
            progress.during(app.sync_reviewed(review, interrupted())).await
        }
    };
    // Also those before a failure or an interruption.
    let counts = changes.print();
    let Some(summary) = synced? else {
        let path = stored.map(|(path, _)| path.display().to_string()).unwrap_or_default();
        return Err(Failure::Moved { path, moved });
    };
    summary.log_unfinished();
    let counts = counts?;
    print_styled(&format!("{HEADING}Sync: {counts}{HEADING:#}\n"))?;
    Ok(if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads the plan that a flag names, or that is one of the paths, which is taken out of them.
fn take_plan(
    plan: Option<PathBuf>,
    paths: &mut Vec<PathBuf>,
) -> Result<Option<(PathBuf, StoredPlan)>, Failure> {
    let mut plans: Vec<PathBuf> = plan.into_iter().collect();
    for path in std::mem::take(paths) {
        if is_plan(&path)? {
            plans.push(path);
        } else {
            paths.push(path);
        }
    }
    if plans.len() > 1 {
        return Err(Failure::Usage("give one plan".to_owned()));
    }
    plans.pop().map(|path| read_plan(&path).map(|plan| (path, plan))).transpose()
}

/// Returns whether a path is a file that is meant to be a plan. Pipes and directories hold rules.
fn is_plan(path: &Path) -> Result<bool, Failure> {
    if !path.is_file() || rulesync_fs::is_inherited(path) {
        return Ok(false);
    }
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let read = std::fs::File::open(path).and_then(|file| {
        let is_cut_off = is_json && file.metadata()?.len() == 0;
        Ok(is_cut_off || StoredPlan::is_in(file)?)
    });
    read.map_err(|error| Failure::unreadable(path, &error))
}

fn read_plan(path: &Path) -> Result<StoredPlan, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    StoredPlan::parse(&text).map_err(|reason| Failure::Usage(format!("{}: {reason}", path.display())))
}

/// The number of groups that a plan changes now.
fn planned(dry_run: &DryRun) -> usize {
    let changes = dry_run.plans.iter().flat_map(|plan| plan.expected());
    changes.filter(|change| change.held.is_none()).map(|change| change.groups().count()).sum()
}
