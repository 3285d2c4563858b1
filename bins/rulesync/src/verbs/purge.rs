//! `purge`: everything of an owner, such as a cluster that is gone, is deleted from the tenants of rulers.

mod text;

use std::process::ExitCode;

use rulesync_core::Owner;
use rulesync_core::finding::Printable;
use rulesync_core::fleet::{OwnedDelete, OwnedRules};

use crate::connection::{Destination, FleetArgs, ReadFleet, Stored, Unread};
use crate::failure::Failure;
use crate::question::confirm;
use crate::stdout::{print, print_styled};

/// Delete everything that an owner has in the tenants of rulers, such as the rules of a cluster that is gone.
///
/// The plan is shown first. Only namespaces are deleted whose name begins with exactly this owner and has the form that
/// rulesync gives it, and the owner's claim: rules first, the claim last. A tenant in which something of the owner has changed
/// since it was shown is left. Exits with 1 if anything is left.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The owner.
    #[arg(long, value_name = "NAME")]
    owner: Owner,

    /// Only tenants that this cluster has claimed for the owner, by the UID of its Kubernetes namespace kube-system: another
    /// cluster with the same owner keeps its rules.
    #[arg(long, value_name = "UID")]
    cluster: Option<String>,

    #[command(flatten)]
    r#where: FleetArgs,

    /// Delete without asking.
    #[arg(short, long)]
    yes: bool,

    /// Show the plan, and delete nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// What the owner has in a tenant.
struct Tenant {
    destination: Destination,
    rules: OwnedRules,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { owner, cluster, r#where, yes, dry_run } = args;
    let fleet = r#where.destinations().await?;
    let read =
        fleet.read(|destination, stored| Tenant { rules: owned(&owner, &destination, &stored), destination });
    let ReadFleet { tenants, unread } = read.await;
    let looked_at = tenants.len();
    let tenants: Vec<Tenant> = tenants.into_iter().filter(|tenant| !tenant.rules.is_empty()).collect();
    let (chosen, spared): (Vec<Tenant>, Vec<Tenant>) =
        tenants.into_iter().partition(|Tenant { rules, .. }| is_of(cluster.as_deref(), rules));
    let mut left: Vec<String> = unread.iter().map(Unread::to_string).collect();
    print_styled(&text::plan(&owner, cluster.as_deref(), looked_at, &shown(&chosen), &shown(&spared)))?;
    if !chosen.is_empty() && !dry_run {
        // Who is asked should know of it.
        let question = text::question(&owner, &shown(&chosen), unread.len());
        if !confirm(&question, yes)? {
            return Ok(ExitCode::FAILURE);
        }
        for Tenant { destination, rules } in &chosen {
            match purge(&owner, destination, rules).await {
                Ok(()) => {
                    print(&format!("{}\n", Printable(text::deleted(destination.id(), rules))))?;
                }
                Err(failures) => left.extend(failures),
            }
        }
    }
    match left.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::Several(left)),
    }
}

fn owned(owner: &Owner, destination: &Destination, stored: &Stored) -> OwnedRules {
    OwnedRules::of(owner, &stored.groups, &stored.unreadable, &destination.capabilities().fields)
}

/// Returns whether what an owner has in a tenant is claimed by a cluster, if that matters.
fn is_of(cluster: Option<&str>, rules: &OwnedRules) -> bool {
    cluster.is_none_or(|cluster| rules.claim().is_some_and(|claim| *claim.cluster == *cluster))
}

fn shown(tenants: &[Tenant]) -> Vec<text::Shown<'_>> {
    tenants.iter().map(|Tenant { destination, rules }| (destination.id(), rules)).collect()
}

/// Deletes what an owner has in a tenant, if it still is what was shown.
///
/// # Errors
///
/// What is left, a line each. One failure does not stop the other deletes, except for the claim: as long as rules are left,
/// the tenant is still found by it.
async fn purge(owner: &Owner, destination: &Destination, rules: &OwnedRules) -> Result<(), Vec<String>> {
    let now = destination.read().await.map_err(|failure| vec![failure.to_string()])?;
    if owned(owner, destination, &now) != *rules {
        return Err(vec![format!(
            "{}: left as it is, because what {owner} has there has changed since it was shown: a daemon may still write it",
            destination.id()
        )]);
    }
    let mut left = Vec::new();
    for delete in rules.deletes() {
        let deleted = match &delete {
            OwnedDelete::Namespace { namespace, groups } => {
                destination.delete_namespace(namespace, groups).await
            }
            OwnedDelete::Group { .. } if !left.is_empty() => Ok(()),
            OwnedDelete::Group { namespace, group } => destination.delete(namespace, group).await,
        };
        left.extend(deleted.err().map(|failure| failure.to_string()));
    }
    if left.is_empty() { Ok(()) } else { Err(left) }
}
