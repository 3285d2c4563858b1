//! Where an object goes now, and what to tell the destinations that have it, get it or lose it.

use std::sync::Arc;

use tokio::time::Instant;

use super::offer::{Treated, desired_object};
use super::{Effects, Handover, ObjectIndex};
use crate::desired::LeftBecause;
use crate::destination::Command;
use crate::handover::{HandoverProgress, HandoverState};
use crate::intake::{self, RefusedTenant, RouteMatch, Routed};
use crate::model::group::Group;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;

/// Why an object is routed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    /// Whether its content is another than before.
    pub(super) changed: bool,
    /// Why it leaves the destinations that it no longer goes to.
    pub(super) leaves_because: LeftBecause,
    /// When its source said so.
    pub(super) seen: Instant,
    /// Whether somebody has just changed it, rather than that it is part of a first load.
    pub(super) live: bool,
    /// Destinations that know nothing yet and are told everything.
    pub(super) fresh: &'a [DestinationId],
}

/// Where what leaves a destination goes.
#[derive(Clone, Copy)]
pub(super) struct Moves<'a> {
    /// As which objects: itself, unless it has another name.
    pub(super) to: &'a [ObjectId],
    pub(super) progress: &'a HandoverProgress,
}

impl ObjectIndex {
    /// Finds an object's destinations and tells them. Destinations that had it are told anew only if its content
    /// changed, or what is done to it on the way.
    pub(super) fn route(
        &mut self,
        id: &ObjectId,
        groups: Option<&[Group]>,
        occasion: Occasion<'_>,
        effects: &mut Effects,
    ) {
        let Occasion { changed, leaves_because, seen, live, fresh } = occasion;
        let Some(record) = self.objects.get_mut(id).filter(|record| record.read) else { return };
        let input = record.input(id, &self.namespaces);
        let table = &self.table;
        let Routed { mut matches, refused, mut findings } =
            intake::match_routes(&table.routes, &input, |ruler| table.language(ruler));
        if !matches.is_empty()
            && let Some(finding) = table.refuse_name(id, record.uid.as_deref())
        {
            matches.clear();
            findings.push(finding);
        }
        // What requests a tenant that it may not have stays in the last place that it may still have, as it is there.
        let mut stays: Vec<DestinationId> = Vec::new();
        for RefusedTenant { route, mut finding, .. } in refused.iter().cloned() {
            let last = record.matches.iter().find(|route_match| route_match.route == route);
            let last = last.filter(|last| !matches.iter().any(|other| other.destination == last.destination));
            let kept =
                last.and_then(|last| Some((last, table.transform(&route, &input, &last.destination)?)));
            if let Some((last, transform)) = kept {
                finding.message.push_str(&format!(
                    "; its rules stay in {} as they are there, until it requests a tenant that it may have or is deleted",
                    last.destination
                ));
                // What is enforced anew is for what it leaves behind, and not for what it asked for before.
                if transform == *last.transform {
                    stays.push(last.destination.clone());
                    matches.push(last.clone());
                }
            }
            findings.push(finding);
        }
        let refused: Box<[Arc<str>]> = refused.into_iter().map(|refused| refused.route).collect();
        if !refused.is_empty() || !record.refused_by.is_empty() {
            effects.protections.push(id.clone());
        }
        record.refused_by = refused;
        for finding in findings.iter().filter(|finding| !record.kept_out.contains(finding)) {
            effects.findings.push((id.clone(), None, finding.clone()));
        }
        record.kept_out = findings.into();
        let before = std::mem::replace(&mut record.matches, matches.clone().into());
        let had = |destination: &DestinationId| before.iter().find(|other| other.destination == *destination);
        let leaves: Vec<&RouteMatch> = before
            .iter()
            .filter(|other| !matches.iter().any(|p| p.destination == other.destination))
            .collect();
        // Whoever gets it anew holds a share.
        let progress = HandoverProgress::default();
        for route_match in &matches {
            let destination = &route_match.destination;
            let known = had(destination);
            if known.is_none() {
                *self.uses.entry(destination.clone()).or_default() += 1;
            }
            if stays.contains(destination) {
                continue;
            }
            let known = known.filter(|_| !fresh.contains(destination));
            if !changed && known.is_some_and(|known| known.transform == route_match.transform) {
                continue;
            }
            let Some(ruler) = self.table.rulers.get(&destination.ruler) else { continue };
            let split = self.table.split.get(&destination.ruler).copied();
            let treated =
                Treated { route_match, ruler: ruler.as_ref(), split, on_invalid: self.table.on_invalid };
            let object = desired_object(id, record, groups, &treated, seen);
            for finding in &object.findings {
                effects.findings.push((id.clone(), Some(destination.clone()), finding.clone()));
            }
            let max_bytes = ruler.capabilities().name_limits.max_bytes;
            let namespace = self.table.naming.namespace_of(id, record.uid.as_deref(), max_bytes);
            let share = (known.is_none() && !leaves.is_empty()).then(|| progress.share());
            let command = Command::Upsert { namespace: Arc::clone(&namespace), object, live };
            effects.commands.push((destination.clone(), command));
            if let Some(share) = share {
                effects.commands.push((destination.clone(), Command::HandOver { namespace, share }));
            }
        }
        let uid = record.uid.clone();
        let refused_by = &record.refused_by;
        let because = |left: &RouteMatch| match leaves_because {
            LeftBecause::Reconfigured if refused_by.contains(&left.route) => LeftBecause::Forbidden,
            because => because,
        };
        let gone: Vec<(DestinationId, LeftBecause)> =
            leaves.iter().map(|left| (left.destination.clone(), because(left))).collect();
        for (destination, because) in &gone {
            self.leave(destination);
            let moves = Moves { to: std::slice::from_ref(id), progress: &progress };
            self.drop_from(id, uid.as_deref(), destination, (Some(moves), *because), effects);
        }
    }

    /// An object is no longer at a destination.
    pub(super) fn leave(&mut self, destination: &DestinationId) {
        if let Some(uses) = self.uses.get_mut(destination) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.uses.remove(destination);
            }
        }
    }

    pub(super) fn drop_from(
        &self,
        id: &ObjectId,
        uid: Option<&str>,
        destination: &DestinationId,
        (moves, because): (Option<Moves<'_>>, LeftBecause),
        effects: &mut Effects,
    ) {
        // A ruler that is no longer configured takes no commands.
        let Some(namespace) = self.table.namespace_of(id, uid, destination) else { return };
        let (destination, object) = (destination.clone(), id.clone());
        match moves.filter(|moves| moves.progress.state() == HandoverState::Waiting) {
            Some(Moves { to, progress }) => {
                let (to, progress) = (to.into(), progress.clone());
                effects.handovers.push(Handover { destination, namespace, object, to, progress });
            }
            None => effects.commands.push((destination, Command::Remove { namespace, object, because })),
        }
    }
}
