//! `adopt`: groups of others that equal declared ones pass to rulesync.

use std::collections::BTreeSet;
use std::process::ExitCode;

use rulesync_config::{Lifetime, Options};
use rulesync_core::naming::Naming;
use rulesync_core::plan::{DryRun, Reason};

use super::run_args::{RunArgs, Whose};
use crate::changes::document::PlanDocument;
use crate::changes::{summary, text};
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::progress::Progress;
use crate::question::confirm;
use crate::stdout::{print, print_styled};
use crate::sync_report::Changes;
use crate::terminal::HEADING;

/// Take over groups that others have written and that equal declared ones.
///
/// Each is written under its own name first, and deleted from the namespace of the others once the ruler has both. Groups
/// of others without an equal stay, and so does everything else. The plan is shown first. Exits with 0 if all of it was
/// done, or there is nothing to adopt.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,

    #[command(flatten)]
    run: RunArgs,

    /// Adopt without asking.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { whose, run, yes } = args;
    let configuration = whose.configuration().await?;
    let policy = configuration.config().namespace_policy();
    if policy.adopt.is_empty() {
        let message = "from whom? Give --adopt NAMESPACE, such as --adopt 'by-hand-*'";
        return Err(Failure::Usage(message.to_owned()));
    }
    if policy.naming == Naming::Verbatim {
        let message = "with the naming verbatim, `rulesync sync --adopt` takes namespaces over as they are";
        return Err(Failure::Usage(message.to_owned()));
    }
    let digest = configuration.config().digest();
    let progress = Progress::new("Reading rules and rulers");
    let changes = Changes::new(progress.clone());
    let options = run.options(Options::new(Lifetime::Once)).bodies(true);
    let app = configuration.build(options.reporter(changes.clone())).await?;
    let mut adopted = 0;
    let mut asked = Ok(true);
    let review = async |dry_run: &mut DryRun| {
        adopted = keep_adoptions(dry_run);
        progress.clear();
        asked = if adopted == 0 {
            Ok(false)
        } else {
            ask(&PlanDocument::new(digest, dry_run), adopted, yes).await
        };
        matches!(asked, Ok(true))
    };
    let adopting = progress.during(app.sync_reviewed(review, interrupted())).await;
    let counts = changes.print();
    let Some(summary) = adopting? else {
        asked?;
        return match adopted {
            0 => print("Nothing to adopt\n"),
            _ => Ok(ExitCode::FAILURE),
        };
    };
    let counts = counts?;
    let done = counts.deleted == adopted;
    if !done {
        summary.log_unfinished();
    }
    print_styled(&format!("{HEADING}Adopt: {counts}{HEADING:#}\n"))?;
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Leaves the adoptions of a plan, and the writes of the objects that they are for; returns the number of groups that are
/// adopted.
fn keep_adoptions(dry_run: &mut DryRun) -> usize {
    let mut adopted = 0;
    for plan in &mut dry_run.plans {
        let adoptions = plan.changes.iter().filter(|change| change.reason == Reason::Adopted);
        let objects: BTreeSet<_> = adoptions.clone().filter_map(|change| change.object.clone()).collect();
        adopted += adoptions.count();
        plan.changes.retain(|change| {
            let of_them = change.object.as_ref().is_some_and(|object| objects.contains(object));
            change.reason == Reason::Adopted || (of_them && !change.is_delete())
        });
        plan.refusals.retain(|refusal| objects.contains(&refusal.object));
    }
    dry_run.refusals.clear();
    adopted
}

/// Shows the plan, and asks. The question waits on another thread, so that the process can be interrupted meanwhile.
async fn ask(plan: &PlanDocument<'_>, adopted: usize, yes: bool) -> Result<bool, Failure> {
    print_styled(&text::render(plan))?;
    let question = format!("Adopt {}?", summary::groups(adopted));
    let asking = tokio::task::spawn_blocking(move || confirm(&question, yes));
    // The question does not panic.
    asking.await.unwrap_or(Ok(false))
}
