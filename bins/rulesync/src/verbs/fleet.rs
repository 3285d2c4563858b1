//! `fleet`: whose rules the tenants of rulers have, and what looks wrong among many clusters.

mod document;
mod known_owners;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_core::Owner;
use rulesync_core::fleet::{TenantSurvey, problems};

use crate::changes::yaml::to_yaml;
use crate::connection::{FleetArgs, ReadFleet};
use crate::failure::Failure;
use crate::output::escaped_json;
use crate::stdout::{print, print_styled};
use document::FleetDocument;

/// Show whose rules the tenants of rulers have, who has claimed them, and what looks wrong.
///
/// Exits with 1 if something looks wrong: an owner that is not among the known ones, rules without a claim, claims of one
/// owner by different installations, recording rules of different owners that may write the same series, and whatever cannot
/// be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    r#where: FleetArgs,

    /// The owners that there should be, such as `eu-1,eu-2`. Without any, none is unknown.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    known_owners: Vec<Owner>,

    /// A file with owners that there should be, one a line; what follows a `#` is a comment.
    #[arg(long, value_name = "FILE")]
    known_owners_file: Option<PathBuf>,

    /// The form of the output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// A form of what is shown of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, and below it what looks wrong.
    Text,
    /// One document.
    Json,
    /// The same as YAML.
    Yaml,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { r#where, known_owners, known_owners_file, output } = args;
    let known = known_owners::known(known_owners, known_owners_file.as_deref())?;
    let fleet = r#where.destinations().await?;
    let read = fleet.read(|destination, stored| {
        let language = destination.capabilities().language;
        TenantSurvey::of(destination.id().clone(), &stored.groups, &stored.unreadable, language)
    });
    let ReadFleet { tenants, unread } = read.await;
    let problems = problems(&tenants, known.as_ref());
    match output {
        Format::Text => print_styled(&text::shown(&tenants, &unread, &problems)),
        Format::Json => print(&escaped_json::text(&FleetDocument::new(&tenants, &unread, &problems))),
        Format::Yaml => print(&to_yaml(&FleetDocument::new(&tenants, &unread, &problems))),
    }?;
    Ok(if unread.is_empty() && problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
