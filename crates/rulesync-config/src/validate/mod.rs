//! Whether a configuration makes sense, without I/O: every problem that can be known from the file alone, and the settings
//! if there is none.

mod features;
mod naming;
mod policy;
mod process;
mod report;
mod routes;
mod rulers;
mod sources;
mod status;
mod values;

#[cfg(test)]
mod tests;

use std::path::Path as FilePath;

use rulesync_core::Route;
use rulesync_core::model::KINDS;

pub(crate) use self::report::Report;
pub(crate) use self::rulers::path_of;
use crate::file::File;
use crate::settings::{RulerSettings, Settings, SourceSettings};
use crate::yaml::{Document, Problem};

/// What is known of a configuration.
pub(crate) struct Checked {
    /// The sources, in the order of the file. One that cannot be used is none.
    pub(crate) sources: Vec<Option<SourceSettings>>,
    /// The rulers, likewise.
    pub(crate) rulers: Vec<Option<RulerSettings>>,
    /// All settings, if none of them is missing.
    pub(crate) settings: Option<Settings>,
    pub(crate) problems: Vec<Problem>,
}

/// Checks a configuration whose relative paths are relative to `directory`.
pub(crate) fn check(file: &File, document: &Document, directory: &FilePath) -> Checked {
    let mut report = Report::new(document);
    let namespace_policy = naming::namespace_policy(file, &mut report);
    let policy = policy::policy(file, &mut report);
    let sources = sources::sources(&file.sources, directory, &mut report);
    let rulers = rulers::rulers(file, directory, &mut report);
    let routes = routes::routes(file, &mut report);
    let process = process::process(file, directory, &mut report);
    status::check(file, &mut report);
    let whole = || {
        let routes = routes.into_iter().collect::<Option<Vec<Route>>>()?;
        Some(Settings {
            namespace_policy: namespace_policy?,
            policy,
            sources: sources.iter().cloned().collect::<Option<_>>()?,
            rulers: rulers.iter().cloned().collect::<Option<_>>()?,
            kinds: kinds(file, &routes),
            routes,
            process,
            tenant_labels: file.metrics.tenant_labels,
            object_metrics: file.metrics.objects,
            #[cfg(feature = "kubernetes")]
            publishing: status::settings(file),
        })
    };
    let settings = whole();
    Checked { sources, rulers, settings, problems: report.into_problems() }
}

/// Returns the kinds of objects that some route takes.
fn kinds(file: &File, routes: &[Route]) -> Vec<String> {
    let language = |route: &Route| {
        let ruler = file.rulers.iter().find(|ruler| *ruler.name == *route.ruler)?;
        Some(rulers::language(ruler.kind))
    };
    let is_taken = |kind: &&&str| {
        routes.iter().any(|route| language(route).is_some_and(|language| route.takes_kind(kind, language)))
    };
    KINDS.iter().filter(is_taken).map(|kind| (*kind).to_owned()).collect()
}
