//! Reports of a destination about itself and its objects.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio::time::Instant;

use super::State;
use crate::clock::seconds_since_1970;
use crate::desired::{DesiredGroup, DesiredObject};
use crate::destination::command::DestinationReport;
use crate::destination::normalization::Fields;
use crate::finding::{Code, Finding, Location, Severity};
use crate::guard::HeldReason;
use crate::model::fingerprint::Fingerprint;
use crate::model::name::{GroupName, RulerNamespace};
use crate::model::object::ObjectId;
use crate::ruler::RulerErrorKind;
use crate::status::{
    ConcurrencyStatus, Delay, DelayReason, DestinationState, DestinationStatus, EvaluationState, HeldDeletes,
    ObjectAtDestination, ObjectState,
};

impl State {
    pub(in crate::destination) fn report(&self) -> DestinationReport {
        let mut objects = Vec::new();
        for (namespace, declared) in self.desired.objects() {
            for (index, object) in declared.iter().enumerate() {
                objects.push((object.id.clone(), self.object(namespace, object, index == 0)));
            }
        }
        DestinationReport { destination: self.status(), objects }
    }

    /// Returns what is here of some objects, each with its namespace here.
    pub(in crate::destination) fn objects(
        &self,
        asked: &[(ObjectId, RulerNamespace)],
    ) -> Vec<(ObjectId, ObjectAtDestination)> {
        let here = asked.iter().filter_map(|(id, namespace)| {
            let declared = self.desired.objects_in(namespace);
            let index = declared.iter().position(|object| object.id == *id)?;
            Some((id.clone(), self.object(namespace, declared.get(index)?, index == 0)))
        });
        here.collect()
    }

    /// Returns the status of the destination as a whole.
    pub(in crate::destination) fn status(&self) -> DestinationStatus {
        let held = self.safety.guard.total_held().map_or(0, |(groups, _)| groups);
        DestinationStatus {
            ruler: self.id.ruler.to_string(),
            tenant: self.id.tenant.as_ref().map(ToString::to_string),
            retiring: self.safety.is_retiring(),
            state: self.destination_state(),
            error: self.destination_error(),
            groups: self.desired.groups(),
            rules: self.offered_rules(),
            refused: self.verdicts.refused_groups(),
            held,
            holds: self.holds(),
            contested: self.view.contested.groups(),
            normalized: self.view.normalizations.groups(),
            limits: self.known_limits.get(),
            not_loaded: self.health.not_loaded_groups(),
            failing_rules: self.health.failing_rules(),
            evaluation_error: self.health.error().map(str::to_owned),
            // Known to the run.
            concurrency: ConcurrencyStatus::default(),
            pending: self.queue.len(),
            retry_at: self.availability.breaker.until().map(timestamp),
            last_success: self
                .last_success
                .map(|at| seconds_since_1970().saturating_sub(at.elapsed().as_secs())),
        }
    }

    /// Returns the state of the destination in one word.
    pub(super) fn destination_state(&self) -> DestinationState {
        let held = self.safety.guard.total_held().map_or(0, |(groups, _)| groups);
        match (self.view.observed(), self.availability.error(), self.queue.failing(), self.queue.len()) {
            _ if !self.shared.leadership.is_leader() => DestinationState::Standby,
            _ if self.ownership.conflict().is_some() => DestinationState::Conflict,
            (_, Some(_), ..) => DestinationState::Failing,
            (None, ..) => DestinationState::Starting,
            (_, _, 0, 0) if !self.safety.deletes().known => DestinationState::Starting,
            (_, _, 0, 0) if self.records.awaits_any() => DestinationState::Syncing,
            (_, _, 0, 0) if held > 0 => DestinationState::Holding,
            (_, _, 0, 0) if self.safety.guard.is_undecided() => DestinationState::Syncing,
            (_, _, 0, 0) if !self.unapproved.is_empty() => DestinationState::Syncing,
            (_, _, 0, 0) if self.view.contested.groups() > 0 => DestinationState::Contested,
            (_, _, 0, 0) => DestinationState::InSync,
            (_, _, 0, _) => DestinationState::Syncing,
            _ => DestinationState::Failing,
        }
    }

    /// Returns what is wrong with the destination as a whole, if anything is.
    pub(super) fn destination_error(&self) -> Option<String> {
        self.availability.error().map(str::to_owned).or_else(|| {
            let (foreign, own) = self.ownership.conflict()?;
            Some(format!(
                "claimed by {foreign} as the same owner; this is {own}. If the other no longer exists, add \
                     `previous_installations: [\"{}\"]`",
                foreign.name()
            ))
        })
    }

    /// Returns the deletes that are not made, by reason.
    fn holds(&self) -> Vec<HeldDeletes> {
        let mut by_reason: BTreeMap<HeldReason, HeldDeletes> = BTreeMap::new();
        let mut add = |reason: HeldReason, groups: usize, namespace: &str| {
            let held = by_reason.entry(reason).or_insert(HeldDeletes {
                reason,
                groups: 0,
                namespaces: 0,
                example: namespace.to_owned(),
                until: None,
            });
            held.groups += groups;
            held.namespaces += 1;
        };
        let judged: HashMap<&RulerNamespace, HeldReason> =
            self.safety.guard.held().map(|(namespace, _, reason)| (namespace, reason)).collect();
        for (namespace, groups, reason) in self.safety.guard.held() {
            add(reason, groups, namespace);
        }
        for change in self.protected_deletes().iter().filter(|c| !judged.contains_key(&c.namespace)) {
            if let Some(reason) = change.held {
                add(reason, change.deletes(), &change.namespace);
            }
        }
        let waits = self.safety.guard.next_wait();
        let mut holds: Vec<HeldDeletes> = by_reason.into_values().collect();
        for held in &mut holds {
            let timed = matches!(held.reason, HeldReason::Configuration | HeldReason::Route);
            held.until = waits.filter(|_| timed).map(timestamp);
        }
        holds
    }

    /// Returns the findings about an object from before the ruler was asked, without those that the ruler has settled
    /// since: a refusal contains the reason, and a group that was accepted is no longer suspect.
    fn found_before(
        &self,
        namespace: &RulerNamespace,
        object: &DesiredObject,
        refused: &[Finding],
    ) -> Vec<Finding> {
        let mut findings = object.findings.to_vec();
        if !findings.iter().any(Finding::is_suspicion) {
            return findings;
        }
        let refused: HashSet<(Option<&str>, Option<usize>)> = refused
            .iter()
            .map(|finding| (finding.location.group.as_deref(), finding.location.rule))
            .collect();
        findings.retain(|finding| {
            let Location { group, rule, .. } = &finding.location;
            let is_refused = [*rule, None].iter().any(|rule| refused.contains(&(group.as_deref(), *rule)));
            !(finding.is_suspicion() && is_refused)
        });
        let observed = self.view.observed().into_iter().flat_map(|observed| observed.namespace(namespace));
        let there: HashMap<&str, Option<Fingerprint>> = observed.collect();
        let is_stored = |group: &&DesiredGroup| there.get(&*group.name) == Some(&Some(group.fingerprint));
        let offered = self.verdicts.overlay.groups(namespace, object);
        let taken: HashSet<&str> = offered.filter(is_stored).map(|group| &*group.name).collect();
        let is_taken =
            |finding: &Finding| finding.location.group.as_deref().is_some_and(|g| taken.contains(g));
        for finding in findings.iter_mut().filter(|finding| finding.is_suspicion()) {
            if is_taken(finding) {
                (finding.severity, finding.offered) = (Severity::Warning, false);
            }
        }
        findings
    }

    pub(super) fn object(
        &self,
        namespace: &RulerNamespace,
        object: &DesiredObject,
        wins: bool,
    ) -> ObjectAtDestination {
        // The ruler judges what owns the namespace.
        let judged = self.verdicts.findings(namespace).filter(|_| wins);
        let mut refused: Vec<Finding> = judged.cloned().collect();
        // The same refusals are always in the same order.
        refused.sort_by(|a, b| {
            let place = |finding: &Finding| (finding.location.group.clone(), finding.location.rule);
            place(a).cmp(&place(b))
        });
        let mut findings = self.found_before(namespace, object, &refused);
        if !wins && let Some(winner) = self.desired.winner(namespace) {
            findings.push(namespace_taken(namespace, &object.id, &winner.id));
        }
        findings.extend(refused);
        let taken = self.taken_by_others(namespace).filter(|_| wins);
        let is_offered = wins && taken.is_none();
        findings.extend(taken);
        if wins {
            findings.extend(self.verdicts.overlay.expelled(namespace, object).map(expelled));
            findings.extend(self.view.normalizations.of_namespace(namespace).map(normalized));
            findings.extend(self.view.contested.of_namespace(namespace).map(contested));
        }
        let contested = wins && self.view.contested.of_namespace(namespace).next().is_some();
        let health = self.health.findings(namespace).filter(|_| wins);
        let evaluation = health.as_ref().map(|found| {
            if found.iter().any(|finding| finding.code == Code::NotLoaded) {
                EvaluationState::NotLoaded
            } else if found.is_empty() {
                EvaluationState::Healthy
            } else {
                EvaluationState::Failing
            }
        });
        findings.extend(health.into_iter().flatten());
        let state = if findings.iter().any(Finding::withholds) || !object.refused.is_empty() {
            ObjectState::Refused
        } else if self.is_pending(namespace) {
            ObjectState::Pending
        } else if contested {
            ObjectState::Contested
        } else {
            ObjectState::Synced
        };
        // What the ruler is to have of it, and has not refused.
        let offered = self.verdicts.overlay.groups(namespace, object).filter(|_| is_offered);
        let (groups, rules) = offered
            .filter(|group| !self.verdicts.refuses(namespace, &group.name, group.fingerprint))
            .fold((0, 0), |(groups, rules), group| (groups + 1, rules + group.rules as usize));
        let refused_groups =
            if is_offered { self.verdicts.refused_groups_in(namespace) } else { object.groups.len() };
        ObjectAtDestination {
            ruler: self.id.ruler.to_string(),
            tenant: self.id.tenant.as_ref().map(ToString::to_string),
            namespace: namespace.to_string(),
            state,
            evaluation,
            delay: self.delay(namespace).filter(|_| wins),
            groups,
            rules,
            refused_groups: object.refused.len() + refused_groups,
            failing_rules: if wins { self.health.failing_rules_in(namespace) } else { 0 },
            held_groups: if wins { self.safety.guard.held_in(namespace) } else { 0 },
            findings,
        }
    }

    /// Returns whether the ruler may not be up to date with a namespace.
    fn is_pending(&self, namespace: &str) -> bool {
        !self.view.is_listed()
            || self.queue.contains(namespace)
            || self.records.awaits(namespace)
            || self.limits.defer(namespace)
    }

    /// Returns the reason why the ruler has not been brought up to date with a namespace, if there is one besides that it
    /// takes time.
    fn delay(&self, namespace: &str) -> Option<Delay> {
        let because =
            |reason, message: Option<&str>| Some(Delay { reason, message: message.map(str::to_owned) });
        if self.ownership.conflict().is_some() {
            return because(DelayReason::OwnerConflict, self.destination_error().as_deref());
        }
        if !self.is_pending(namespace) {
            return None;
        }
        if !self.shared.leadership.is_leader() {
            return because(DelayReason::Standby, None);
        }
        let error = self.queue.error_of(namespace);
        let message = error.map(ToString::to_string);
        if self.limits.defer(namespace) || error.is_some_and(|error| error.kind() == RulerErrorKind::Limit) {
            return because(DelayReason::LimitExceeded, message.as_deref());
        }
        if let Some(error) = self.availability.error() {
            return because(DelayReason::RulerUnavailable, Some(error));
        }
        let reason = match error?.kind() {
            // The ruler has answered, and said no.
            RulerErrorKind::Rejected | RulerErrorKind::Protected => DelayReason::Failing,
            _ => DelayReason::RulerUnavailable,
        };
        because(reason, message.as_deref())
    }
}

/// A future time, in seconds since 1970.
fn timestamp(at: Instant) -> u64 {
    seconds_since_1970() + at.saturating_duration_since(Instant::now()).as_secs()
}

fn expelled(group: &str) -> Finding {
    let message = "the version that the ruler has lacks what its route enforces now, and is removed";
    let location = Location { group: Some(group.to_owned()), ..Location::default() };
    Finding::error(Code::NotAllowed, message)
        .at(location)
        .hint("fix the group, so that its present version is written")
}

fn normalized((group, fields): (&GroupName, &Fields)) -> Finding {
    let fields: Vec<&str> = fields.iter().copied().collect();
    let message = format!("the ruler stores it in a form of its own: {}", fields.join(", "));
    let location = Location { group: Some(group.to_string()), ..Location::default() };
    Finding::warning(Code::Normalized, message)
        .at(location)
        .hint("an older version of the server may lack the field")
}

fn contested((group, fields): (&GroupName, &[String])) -> Finding {
    let differs =
        if fields.is_empty() { "it is missing".to_owned() } else { format!("{} differs", fields.join(", ")) };
    let message = format!("three lists in a row found it changed: {differs}");
    let location = Location { group: Some(group.to_string()), ..Location::default() };
    Finding::warning(Code::Contested, message)
        .at(location)
        .hint("another tool writes it, or the ruler does not store what it accepts; it is repaired once per resync interval")
}

pub(super) fn namespace_taken(namespace: &str, loser: &ObjectId, winner: &ObjectId) -> Finding {
    let mut message = format!("{winner:?} is older and has the namespace {namespace} already");
    if winner.source() != loser.source() {
        message.push_str(&format!("; this one is of {}", loser.source()));
    }
    Finding::error(Code::NamespaceTaken, message).hint(
        "rename one of the two, lead them to different tenants, or give one of their sources an installation with an \
         owner of its own",
    )
}
