//! Why an object goes where it goes, as far as that follows from its declaration and the routes, without a running engine.

use tokio::time::Instant;

use super::{Checker, locate, positions_of};
use crate::explain::{DestinationExplanation, ExplainedGroup, ObjectExplanation};
use crate::finding::Finding;
use crate::intake::{Accepted, Compiled, Declaration, Offer, RoutingTable, Subject, compile};
use crate::model::encoded::Decompressor;
use crate::model::object::RuleObject;
use crate::naming::Naming;
use crate::route::NamespaceMetadata;

impl Checker {
    /// Explains where an object goes and why, what is sent there, and what is found about it. `namespace` is the metadata of
    /// its Kubernetes namespace, if known. What rulers have of it is not known.
    ///
    /// Unlike in a check, groups are sent without their invalid rules where the policy says so.
    pub fn explain(&self, object: RuleObject, namespace: Option<&NamespaceMetadata>) -> ObjectExplanation {
        let table = RoutingTable { on_invalid: self.on_invalid, ..self.table.clone() };
        let (id, declaration, positions) = Declaration::of(object);
        let positions = positions_of(positions, &declaration.groups);
        let (accepted, groups, _) = Accepted::of(&id, declaration, &table);
        let subject = Subject {
            id: &id,
            accepted: &accepted,
            groups: Some(&groups),
            namespace,
            // Where it is unknown, what depends on it is undecided, and not refused.
            namespace_comes: true,
            previous: &[],
            seen: Instant::now(),
        };
        let Compiled { matches, offers, routing_findings, .. } = compile(&subject, &table, |_| false);
        let mut explanation = ObjectExplanation::new(&id);
        explanation.routes = table.explain(&id, &accepted, namespace, true);
        let route_of = |offer: &Offer| {
            let found = matches.iter().find(|found| found.destination == offer.destination);
            found.map(|found| found.route.to_string())
        };
        for offer in offers {
            let route = route_of(&offer);
            let naming = route.as_deref().and_then(|route| table.naming_of_route(route));
            let mut blocks = Decompressor::default();
            let groups = offer.object.groups.iter().filter_map(|group| blocks.decode(&group.body).ok());
            explanation.destinations.push(DestinationExplanation {
                ruler: offer.destination.ruler.to_string(),
                tenant: offer.destination.tenant.as_ref().map(ToString::to_string),
                naming: naming.map(ToString::to_string),
                has_uid: naming.is_some_and(Naming::has_uid),
                route,
                namespace: offer.namespace.to_string(),
                state: None,
                evaluation: None,
                destination_state: None,
                destination_error: None,
                groups: groups.map(|group| ExplainedGroup { group, stored: None }).collect(),
                not_sent: offer.object.refused.iter().map(ToString::to_string).collect(),
                held: Vec::new(),
                findings: offer.object.findings.to_vec(),
            });
        }
        let mut findings: Vec<Finding> = accepted.findings.into_vec();
        findings.extend(routing_findings);
        explanation.findings = findings;
        let ObjectExplanation { routes, destinations, findings, .. } = &mut explanation;
        let of_routes = routes.iter_mut().filter_map(|route| route.finding.as_mut());
        let of_destinations = destinations.iter_mut().flat_map(|here| &mut here.findings);
        locate(&id, &positions, findings.iter_mut().chain(of_routes).chain(of_destinations));
        explanation
    }
}
