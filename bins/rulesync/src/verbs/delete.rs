//! `delete`: one group of a ruler.

use std::process::ExitCode;

use rulesync_core::finding::Printable;

use super::direct_args::DirectArgs;
use crate::failure::Failure;
use crate::question::confirm;
use crate::stdout::print;

/// Delete one group from a ruler, whoever it belongs to. A group that is missing is no error.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ruler's namespace.
    namespace: String,

    /// The group.
    group: String,

    #[command(flatten)]
    r#where: DirectArgs,

    /// Delete without asking.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { namespace, group, r#where, yes } = args;
    let destination = r#where.destination().await?;
    let id = destination.id();
    // A ruler whose groups cannot be listed may be able to delete one.
    let is_missing = destination.read().await.is_ok_and(|stored| !stored.has(&namespace, &group));
    if is_missing {
        return print(&format!("{}\n", Printable(format_args!("{id} has no group {namespace} / {group}"))));
    }
    if !confirm(&format!("Delete the group {namespace} / {group} from {id}?"), yes)? {
        return Ok(ExitCode::FAILURE);
    }
    destination.delete(&namespace, &group).await?;
    print(&format!("{}\n", Printable(format_args!("- {id}: {namespace} / {group}"))))
}
