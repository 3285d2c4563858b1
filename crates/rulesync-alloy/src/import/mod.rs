//! From files to a configuration and a report.

mod assemble;
mod component;
mod credentials;
mod duration;
mod fields;
mod http;
mod matchers;
mod module;
mod options;
mod overlap;
mod read;
mod selector;

use std::cell::RefCell;

use self::assemble::{Frame, Plan};
use self::component::Component;
use self::module::{Found, Module};
pub use self::options::{File, NamingMode, Options};
use crate::deployment::Deployment;
use crate::report::{Messages, Place, Report, Severity, place};
use crate::yaml::{self, Document};

/// A configuration, if there is one, and the report.
#[derive(Debug)]
#[non_exhaustive]
pub struct Import {
    /// The configuration; none if there are errors that are not bypassed.
    pub configuration: Option<Configuration>,
    /// What was found.
    pub report: Report,
}

/// A configuration of rulesync.
#[derive(Debug)]
#[non_exhaustive]
pub struct Configuration {
    /// The configuration as YAML.
    pub yaml: String,
    /// Whether a secret stands in it as it is, and not as a file or a variable.
    pub holds_secrets: bool,
    /// The place that each line of it was made of.
    places: Vec<Option<Place>>,
}

impl Configuration {
    /// The place in the files that a line of the YAML, from 1, was made of.
    #[must_use]
    pub fn place(&self, line: usize) -> Option<&Place> {
        self.places.get(line.checked_sub(1)?)?.as_ref()
    }
}

/// Makes a configuration of files that together are one configuration of Alloy, as all `.alloy` files of a directory are.
#[must_use]
pub fn import(files: &[File], options: &Options) -> Import {
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let (messages, deployment) = (RefCell::default(), RefCell::default());
    let read::Read { configurations, damaged, is_clustered } = read::read(files, &mut messages.borrow_mut());
    let is_readable = messages.borrow().errors() == 0;
    let mut found = Found { is_clustered, ..Found::default() };
    if is_readable || options.bypass_errors {
        let environment = options.environment.as_ref();
        let module = Module { environment, damaged: &damaged, messages: &messages, deployment: &deployment };
        configurations.iter().for_each(|body| module.read(body, &mut found));
    }
    let (mut messages, deployment) = (messages.into_inner(), deployment.into_inner());
    for number in overlap::report(&found.components, options.naming, &mut messages).into_iter().rev() {
        found.broken.push(found.components.remove(number).id);
    }
    let Found { components, broken, is_clustered } = &found;
    if is_readable && components.is_empty() && broken.is_empty() {
        let text = "there is no component `mimir.rules.kubernetes` or `loki.rules.kubernetes`";
        messages.add(Severity::Error, None, text);
    }
    let plan = Plan::of(components);
    let is_written = !components.is_empty() && (messages.errors() == 0 || options.bypass_errors);
    if is_written {
        remarks(&found, &deployment, &mut messages);
    }
    let (rulers, routes, errors) = (plan.rulers.len(), plan.routes.len(), messages.errors());
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let outcome = if is_written {
        let left_out =
            if broken.is_empty() { String::new() } else { format!("; left out: {}", broken.join(", ")) };
        format!("Imported: {}, {}{left_out}.", counted(rulers, "ruler"), counted(routes, "route"))
    } else {
        format!("Nothing was imported: {}.", counted(errors, "error"))
    };
    let configuration = is_written.then(|| {
        let frame = Frame { owner: &options.owner, naming: options.naming, is_clustered: *is_clustered };
        let heading = [format!("Imported from Grafana Alloy's {}.", names.join(", "))];
        let Document { text, origins } = yaml::write(&heading, &plan.settings(&frame));
        let places = origins.into_iter().map(|position| Some(place(position?, &names))).collect();
        Configuration { yaml: text, holds_secrets: messages.has_secrets(), places }
    });
    let deployment_patch = deployment.patch().filter(|_| is_written);
    let messages = messages.into_messages(&names);
    Import { configuration, report: Report { messages, deployment_patch, outcome } }
}

/// What there is to know about a configuration that was imported.
fn remarks(found: &Found, deployment: &Deployment, messages: &mut Messages) {
    let mut info = |text: String| messages.add(Severity::Info, None, text);
    let variables: Vec<&str> = deployment.variables().collect();
    if !variables.is_empty() {
        info(format!(
            "environment variables that are read: {}; one that is not set is an error, where Alloy reads an empty text",
            variables.join(", ")
        ));
    }
    let namespaces: Vec<&str> = deployment.namespaces().into_iter().collect();
    if !namespaces.is_empty() {
        info(format!(
            "Secrets and ConfigMaps are mounted, and can only be in the Kubernetes namespace of rulesync: {}",
            namespaces.join(", ")
        ));
    }
    let is_mimir = |component: &Component| component.kind == component::Kind::Mimir;
    if found.components.iter().any(is_mimir) {
        info(
            "objects with the annotation `monitoring.grafana.com/source_tenants` are refused until their route allows it, \
             such as with `source_tenants: {allow: [shared]}`"
                .to_owned(),
        );
    }
    let unclear = found.components.iter().filter_map(Component::unclear_separator);
    if let Some(separator) = unclear.min() {
        info(format!(
            "names with the separator `{separator}` do not show who wrote them: rulesync deletes only those of objects that it \
             has seen, and what Alloy wrote for others stays"
        ));
    }
    let intervals: Vec<u64> = found
        .components
        .iter()
        .filter_map(|component| component.sync_interval.as_ref())
        .map(|i| i.value)
        .collect();
    if intervals.windows(2).any(|pair| pair[0] != pair[1]) {
        info("the shortest `sync_interval` is that of all rulers".to_owned());
    }
    if !found.is_clustered {
        info(
            "if Alloy ran with `--cluster.enabled`, so that one of several processes writes, set \
             `leader_election: {enabled: true}`"
                .to_owned(),
        );
    }
    info(
        "stop these components of Alloy before rulesync writes: two writers undo each other's changes"
            .to_owned(),
    );
    for id in &found.broken {
        messages.add(
            Severity::Warning,
            None,
            format!(
                "`{id}` is left out: rules that it wrote are deleted if another component writes to the same tenant with the \
                 same prefix"
            ),
        );
    }
}
