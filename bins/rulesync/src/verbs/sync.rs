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
/// With a plan that `rulesync plan --out` has written among the paths, exactly that plan is carried out, and nothing if
/// what it was made from has changed. Exits with 0 if everything is in order, and with 1 if something failed, is refused
/// or held.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,

    #[command(flatten)]
    run: RunArgs,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { mut whose, run } = args;
    let stored = take_plan(&mut whose.paths)?;
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
    let counts = changes.print()?;
    let Some(summary) = synced? else {
        let path = stored.map(|(path, _)| path.display().to_string()).unwrap_or_default();
        return Err(Failure::Moved { path, moved });
    };
    summary.log_unfinished();
    print_styled(&format!("{HEADING}Sync: {counts}{HEADING:#}\n"))?;
    Ok(if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes the plan out of the paths, if one of them is a plan.
fn take_plan(paths: &mut Vec<PathBuf>) -> Result<Option<(PathBuf, StoredPlan)>, Failure> {
    let mut plans = Vec::new();
    for path in std::mem::take(paths) {
        match read_plan(&path) {
            Some(Ok(plan)) => plans.push((path, plan)),
            Some(Err(reason)) => return Err(Failure::Usage(format!("{}: {reason}", path.display()))),
            None => paths.push(path),
        }
    }
    match plans.len() {
        0 | 1 => Ok(plans.pop()),
        _ => Err(Failure::Usage("give one plan".to_owned())),
    }
}

/// Reads a file if it is a plan, which no file with rules can be taken for.
fn read_plan(path: &Path) -> Option<Result<StoredPlan, String>> {
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let text = std::fs::read_to_string(path).ok().filter(|_| is_json)?;
    StoredPlan::is_one(&text).then(|| StoredPlan::parse(&text))
}

/// The number of groups that a plan changes now.
fn planned(dry_run: &DryRun) -> usize {
    let changes = dry_run.plans.iter().flat_map(|plan| plan.expected());
    changes.filter(|change| change.held.is_none()).map(|change| change.groups().count()).sum()
}
