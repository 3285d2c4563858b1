//! What can be known of declared objects without a ruler: where each goes, and everything that is wrong with it. For the
//! command line and for tests of manifests; the engine judges by the same functions.
//!
//! ```
//! use rulesync_core::check::{Checker, DescribedRuler};
//! use rulesync_core::engine::{NamedRuler, Policy, Setup};
//! use rulesync_core::naming::NamespacePolicy;
//! use rulesync_core::{ObjectId, Route, RuleObject};
//! # use rulesync_core::model::DeclaredGroup;
//!
//! let setup = Setup {
//!     namespace_policy: NamespacePolicy::of("platform-team".parse()?),
//!     sources: Vec::new(),
//!     rulers: vec![NamedRuler::new("mimir", std::sync::Arc::new(DescribedRuler::default()))],
//!     routes: vec![Route::all("everything", "mimir", Some("prod".parse()?))],
//!     policy: Policy::default(),
//! };
//! # let group: DeclaredGroup = serde_json::from_str(r#"{"name":"g","rules":[{"alert":"A","expr":"sum(up"}]}"#)?;
//! let id = ObjectId::new(&"files".into(), &"PrometheusRule".into(), "shop", "api");
//! let checked = Checker::new(&setup).check(RuleObject::new(id, vec![group]), None);
//! let [destination] = checked.destinations.as_slice() else { panic!("one route") };
//! assert_eq!(destination.findings[0].message, "unclosed left parenthesis");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod duplicates;
mod explain;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

pub use crate::described_ruler::DescribedRuler;
use crate::engine::Setup;
use crate::finding::{Code, Finding};
use crate::intake::{
    Accepted, Compiled, Declaration, FaultyGroup, RouteMatch, RoutingTable, Subject, compile, findings_about,
};
use crate::model::declared::DeclaredGroup;
use crate::model::encoded::{CompressedGroup, Decompressor};
use crate::model::group::Group;
use crate::model::kind::RULE_FILE;
use crate::model::language::QueryLanguage;
use crate::model::name::RulerNamespace;
use crate::model::object::{ObjectId, RuleObject};
use crate::model::positions::Positions;
use crate::model::tenant::DestinationId;
use crate::policy::OnInvalid;
use crate::route::NamespaceMetadata;
use crate::route::requirement::Selection;
use duplicates::duplicate_rules;

/// Checks objects one by one, each by itself.
#[derive(Debug)]
pub struct Checker {
    table: RoutingTable,
    /// What the engine does with invalid rules, which a check does not follow.
    on_invalid: OnInvalid,
}

/// What is known of an object.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckedObject {
    /// The object.
    pub id: ObjectId,
    /// The findings that do not depend on a destination, those of its source included.
    pub findings: Vec<Finding>,
    /// Where it goes, in the order of the routes; empty if no route takes it.
    pub destinations: Vec<CheckedDestination>,
    /// Routes that may select it, and that go by labels or annotations of its Kubernetes namespace, which are unknown.
    pub undecided: Vec<Arc<str>>,
}

/// An object as one destination would have it.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckedDestination {
    /// The destination.
    pub destination: DestinationId,
    /// The route that leads there.
    pub route: Arc<str>,
    /// The ruler's namespace for the object.
    pub namespace: RulerNamespace,
    /// The language of the ruler.
    pub language: QueryLanguage,
    /// The findings about the object there.
    pub findings: Vec<Finding>,
    groups: Vec<CompressedGroup>,
}

impl CheckedDestination {
    /// Returns the groups as they would be sent: with the labels and matchers of the route, and split. Those that would not
    /// be sent are missing.
    pub fn groups(&self) -> Vec<Group> {
        let mut blocks = Decompressor::default();
        self.groups.iter().filter_map(|group| blocks.decode(group).ok()).collect()
    }
}

impl CheckedObject {
    /// Iterates over all findings, each with its destination if it depends on one.
    pub fn findings(&self) -> impl Iterator<Item = (Option<&DestinationId>, &Finding)> {
        let of_destinations =
            self.destinations.iter().flat_map(|CheckedDestination { destination, findings, .. }| {
                findings.iter().map(move |finding| (Some(destination), finding))
            });
        self.findings.iter().map(|finding| (None, finding)).chain(of_destinations)
    }
}

impl Checker {
    /// Creates a checker of objects for the routes and rulers of a setup. Its sources are not used, and its rulers are asked
    /// for what they can do only, so that a [`DescribedRuler`] suffices.
    pub fn new(setup: &Setup) -> Self {
        // Whatever is wrong with a group counts, and so none is checked without its invalid rules.
        let table = setup.routing_table();
        let on_invalid = table.on_invalid;
        Self { table: RoutingTable { on_invalid: OnInvalid::Group, ..table }, on_invalid }
    }

    /// Checks an object. `namespace` is the metadata of its Kubernetes namespace, if known.
    ///
    /// Unlike in the engine, a group with errors is checked to its end.
    pub fn check(&self, object: RuleObject, namespace: Option<&NamespaceMetadata>) -> CheckedObject {
        let (id, declaration, positions) = Declaration::of(object);
        let positions = positions_of(positions, &declaration.groups);
        let mut repeated = duplicate_rules(&declaration.groups);
        let (accepted, groups, faulty) = Accepted::of(&id, declaration, &self.table);
        let subject = Subject {
            id: &id,
            accepted: &accepted,
            groups: Some(&groups),
            namespace,
            // Where it is unknown, no route that needs it is taken, and none refuses a tenant because of it.
            namespace_comes: true,
            previous: &[],
            seen: Instant::now(),
        };
        let Compiled { matches, offers, routing_findings, .. } = compile(&subject, &self.table, |_| false);
        let mut destinations = Vec::with_capacity(matches.len());
        for offer in offers {
            let Some(route_match) = matches.iter().find(|other| other.destination == offer.destination)
            else {
                continue;
            };
            let Some(ruler) = self.table.rulers.get(&offer.destination.ruler) else { continue };
            let mut findings = offer.object.findings.to_vec();
            findings.extend(self.unsent(&groups, &faulty, &accepted, route_match));
            repeated.retain(|warning| !findings.iter().any(|finding| is_same_duplicate(finding, warning)));
            destinations.push(CheckedDestination {
                destination: offer.destination,
                route: Arc::clone(&route_match.route),
                namespace: offer.namespace,
                language: ruler.capabilities().language,
                findings,
                groups: offer.object.groups.iter().map(|group| group.body.clone()).collect(),
            });
        }
        let undecided = self.undecided(&id, &accepted, namespace);
        let mut findings: Vec<Finding> = accepted.findings.into_vec();
        findings.extend(routing_findings);
        findings.extend(repeated);
        let of_destinations = destinations.iter_mut().flat_map(|destination| &mut destination.findings);
        locate(&id, &positions, findings.iter_mut().chain(of_destinations));
        CheckedObject { id, findings, destinations, undecided }
    }

    /// Returns the findings about the groups that are not sent, besides those that keep them from being sent.
    fn unsent(
        &self,
        groups: &[Group],
        faulty: &[FaultyGroup],
        accepted: &Accepted,
        route_match: &RouteMatch,
    ) -> Vec<Finding> {
        // A route that refuses the object looks at none of its groups.
        let refused = if route_match.transform.refusals().is_empty() { &[] } else { groups };
        let mut findings: Vec<Finding> =
            refused.iter().flat_map(|group| findings_about(group, route_match, &self.table)).collect();
        let mut known: HashMap<usize, Vec<&Finding>> = HashMap::new();
        for finding in &accepted.findings {
            if let Some(index) = finding.location.group_index {
                known.entry(index).or_default().push(finding);
            }
        }
        for FaultyGroup { index, group } in faulty {
            let known = known.get(index).map(Vec::as_slice).unwrap_or_default();
            for mut finding in findings_about(group, route_match, &self.table) {
                finding.location.group_index = Some(*index);
                if !follows(&finding, group, known) {
                    findings.push(finding);
                }
            }
        }
        findings
    }

    /// Returns the routes that cannot be judged for an object.
    fn undecided(
        &self,
        id: &ObjectId,
        accepted: &Accepted,
        namespace: Option<&NamespaceMetadata>,
    ) -> Vec<Arc<str>> {
        if namespace.is_some() {
            return Vec::new();
        }
        let input = accepted.input(id, None, true);
        let may_select = |route: &&crate::Route| {
            let ruler = self.table.rulers.get(&route.ruler);
            let language = ruler.map(|ruler| ruler.capabilities().language.name());
            language.is_some_and(|language| route.selects(&input, language) == Selection::Undecided)
        };
        self.table.routes.iter().filter(may_select).map(|route| Arc::clone(&route.name)).collect()
    }
}

/// Returns the positions of groups: those that are known, or else their places in an object that comes from no file.
fn positions_of(known: Positions, groups: &[DeclaredGroup]) -> Positions {
    match known.is_empty() {
        true => Positions::of_names(groups.iter().map(|group| group.name.as_str())),
        false => known,
    }
}

/// Adds positions to findings about an object.
fn locate<'a>(id: &ObjectId, positions: &Positions, findings: impl Iterator<Item = &'a mut Finding>) {
    let map = positions.map();
    let root = if id.kind() == RULE_FILE { "" } else { "spec." };
    findings.for_each(|finding| map.locate(&mut finding.location, root));
}

/// Returns whether a finding about a faulty group only follows from what is known to be wrong with the group: it is about the same
/// field, or about an expression that is missing or of another tool.
fn follows(finding: &Finding, group: &Group, known: &[&Finding]) -> bool {
    let (rule, field) = (finding.location.rule, finding.location.field.as_deref());
    let is_known = |other: &&Finding| other.location.rule == rule && other.location.field.as_deref() == field;
    let has_no_text = || match (rule, field) {
        (Some(rule), Some("expr")) => group.rules.get(rule).is_none_or(|rule| rule.expr.is_empty()),
        (None, Some("name")) => group.name.is_empty(),
        _ => false,
    };
    // An expression of another tool is in another language.
    let is_of_another_tool = || {
        let foreign = |other: &&Finding| {
            other.code == Code::ForeignKey && other.withholds() && other.location.rule.is_none()
        };
        field == Some("expr") && known.iter().any(foreign)
    };
    has_no_text() || is_of_another_tool() || (field.is_some() && known.iter().any(is_known))
}

/// Returns whether a ruler's own finding says what the warning about two rules says.
fn is_same_duplicate(finding: &Finding, warning: &Finding) -> bool {
    finding.code == Code::DuplicateRule
        && finding.location.group == warning.location.group
        && finding.location.rule == warning.location.rule
}

#[cfg(test)]
mod tests;
