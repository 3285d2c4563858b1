//! The routing of one object, and the commands for the destinations that have it, receive it or lose it.

use tokio::time::Instant;

use super::effects::Effects;
use super::{ObjectIndex, namespace_of};
use crate::desired::RemovalReason;
use crate::destination::Command;
use crate::handover::{Handover, HandoverProgress, HandoverState};
use crate::intake::{Compiled, Offer, RouteMatch, Subject, compile};
use crate::model::group::Group;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;

/// The reason why an object is routed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    /// True if its content has changed.
    pub(super) changed: bool,
    /// The reason why it leaves the destinations that it no longer goes to.
    pub(super) removal_reason: RemovalReason,
    /// The time at which its source sent the event.
    pub(super) seen: Instant,
    /// True if somebody has just changed it, rather than that it is part of a first load.
    pub(super) live: bool,
    /// Destinations that know nothing yet and are sent all their objects.
    pub(super) fresh: &'a [DestinationId],
}

/// The objects that receive the rules of one that leaves a destination.
#[derive(Clone, Copy)]
pub(super) struct Moves<'a> {
    /// The receiving objects: the object itself, unless it was renamed.
    pub(super) to: &'a [ObjectId],
    pub(super) progress: &'a HandoverProgress,
}

impl ObjectIndex {
    /// Compiles an object and creates the commands for its destinations. A destination that had it receives it again
    /// only if its content or its transform has changed.
    pub(super) fn route(
        &mut self,
        id: &ObjectId,
        groups: Option<&[Group]>,
        occasion: Occasion<'_>,
        effects: &mut Effects,
    ) {
        let Occasion { changed, removal_reason, seen, live, fresh } = occasion;
        let Some(record) = self.objects.get(id).filter(|record| record.read) else { return };
        let (namespace, namespace_comes) = namespace_of(id, &self.namespaces);
        let previous = &*record.matches;
        let subject =
            Subject { id, accepted: &record.accepted, groups, namespace, namespace_comes, previous, seen };
        // A destination that knows nothing yet is sent all its objects.
        let is_current = |route_match: &RouteMatch| {
            let RouteMatch { destination, namespace, transform, .. } = route_match;
            let same = |before: &RouteMatch| {
                before.destination == *destination
                    && before.namespace == *namespace
                    && before.transform == *transform
            };
            !changed && !fresh.contains(destination) && previous.iter().any(same)
        };
        let Compiled { matches, offers, refused_by, routing_findings } =
            compile(&subject, &self.table, is_current);

        let Some(record) = self.objects.get_mut(id) else { return };
        if !refused_by.is_empty() || !record.refused_by.is_empty() {
            effects.protections.push(id.clone());
        }
        record.refused_by = refused_by;
        for finding in routing_findings.iter().filter(|finding| !record.routing_findings.contains(finding)) {
            effects.findings.push((id.clone(), None, finding.clone()));
        }
        record.routing_findings = routing_findings;
        let before = std::mem::replace(&mut record.matches, matches.into());
        let is_among = |matches: &[RouteMatch], destination: &DestinationId| {
            matches.iter().any(|other| other.destination == *destination)
        };
        for RouteMatch { destination, .. } in &record.matches {
            if !is_among(&before, destination) {
                *self.uses.entry(destination.clone()).or_default() += 1;
            }
        }
        let leaves: Vec<&RouteMatch> =
            before.iter().filter(|other| !is_among(&record.matches, &other.destination)).collect();
        // The object was re-created: with some namings it has another namespace now.
        let renamed = |before: &&RouteMatch| {
            record
                .matches
                .iter()
                .any(|now| now.destination == before.destination && now.namespace != before.namespace)
        };
        let renamed: Vec<&RouteMatch> = before.iter().filter(renamed).collect();
        // Each destination that newly receives it holds a share.
        let progress = HandoverProgress::default();
        for Offer { destination, namespace, object } in offers {
            let newcomer = fresh.contains(&destination) || !is_among(&before, &destination);
            for finding in &object.findings {
                effects.findings.push((id.clone(), Some(destination.clone()), finding.clone()));
            }
            let share = (newcomer && !leaves.is_empty()).then(|| progress.share());
            let command = Command::Upsert { namespace: namespace.clone(), object, live };
            effects.commands.push((destination.clone(), command));
            if let Some(share) = share {
                effects.commands.push((destination, Command::HandOver { namespace, share }));
            }
        }
        for RouteMatch { destination, namespace, .. } in renamed {
            let (namespace, object) = (namespace.clone(), id.clone());
            let because = RemovalReason::Moved;
            effects.commands.push((destination.clone(), Command::Remove { namespace, object, because }));
        }
        let because = |previous: &RouteMatch| match removal_reason {
            RemovalReason::Reconfigured if record.refused_by.contains(&previous.route) => {
                RemovalReason::Forbidden
            }
            because => because,
        };
        let gone: Vec<(&RouteMatch, RemovalReason)> =
            leaves.iter().map(|previous| (*previous, because(previous))).collect();
        for (previous, because) in gone {
            let moves = Moves { to: std::slice::from_ref(id), progress: &progress };
            self.leave(id, previous, moves, because, effects);
        }
    }

    /// Has an object leave a destination: at once, or when those that receive its rules have been written.
    pub(super) fn leave(
        &mut self,
        id: &ObjectId,
        previous: &RouteMatch,
        Moves { to, progress }: Moves<'_>,
        because: RemovalReason,
        effects: &mut Effects,
    ) {
        let RouteMatch { destination, namespace, .. } = previous;
        if let Some(uses) = self.uses.get_mut(destination) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.uses.remove(destination);
            }
        }
        // A ruler that is no longer configured takes no commands.
        if !self.table.rulers.contains_key(&destination.ruler) {
            return;
        }
        let (destination, namespace, object) = (destination.clone(), namespace.clone(), id.clone());
        if progress.state() == HandoverState::Waiting {
            let (to, progress) = (to.into(), progress.clone());
            effects.handovers.push(Handover { destination, namespace, object, to, progress });
        } else {
            effects.commands.push((destination, Command::Remove { namespace, object, because }));
        }
    }
}
