//! `delete-namespace`: a namespace of a ruler with all its groups.

use std::process::ExitCode;

use rulesync_core::finding::Printable;

use super::direct_args::DirectArgs;
use crate::changes::summary;
use crate::failure::Failure;
use crate::question::confirm;
use crate::stdout::print;

/// Delete a namespace from a ruler with all its groups, whoever they belong to. One that is missing is no error.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ruler's namespace.
    namespace: String,

    #[command(flatten)]
    r#where: DirectArgs,

    /// Delete without asking.
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { namespace, r#where, yes } = args;
    let destination = r#where.destination().await?;
    let stored = destination.read().await?;
    let readable = stored.groups.iter().filter(|(name, _)| ***name == *namespace);
    let mut groups: Vec<String> = readable.map(|(_, group)| group.name).collect();
    let unreadable = stored.unreadable.iter().filter(|unreadable| *unreadable.namespace == *namespace);
    groups.extend(unreadable.map(|unreadable| unreadable.group.to_string()));
    let (id, count) = (destination.id(), summary::groups(groups.len()));
    if groups.is_empty() {
        return print(&format!("{}\n", Printable(format_args!("{id} has no namespace {namespace}"))));
    }
    if !confirm(&format!("Delete {namespace} with {count} from {id}?"), yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    destination.delete_namespace(&namespace, &names).await?;
    print(&format!("{}\n", Printable(format_args!("- {id}: {namespace} ({count})"))))
}
