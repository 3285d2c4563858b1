//! Refusals of a group by the ruler: which rule is at fault, and whether the rest of the group can be offered.

use std::collections::{HashMap, HashSet};

use super::State;
use crate::desired::DesiredGroup;
use crate::finding::{Code, Finding, Location, MAY_KNOW};
use crate::model::name::RulerNamespace;
use crate::outcome::{MAX_REPORTED_EACH, Outcome, Subject};
use crate::plan::{Action, Change};
use crate::policy::OnInvalid;

impl State {
    /// Handles a refusal. A finding of the local checks, if there is one, locates the fault for the author. Returns the
    /// subject and finding to report, if this refusal was not reported before.
    pub(super) fn refused(
        &mut self,
        change: &Change,
        message: &str,
        rule: Option<usize>,
    ) -> Option<(Subject, Finding)> {
        let Action::Put(group) = &change.action else { return None };
        let namespace = &change.namespace;
        // If it was declared otherwise meanwhile, or no longer, the refusal is of no interest.
        let declared = self.desired.group(namespace, &group.name)?;
        if self.verdicts.overlay.omissions.offered(namespace, declared).fingerprint != group.fingerprint {
            return None;
        }
        let rule = rule.map(|rule| self.verdicts.overlay.omissions.desired_index(namespace, group, rule));
        let explains = self.shared.ruler.capabilities().explains_refusals;
        let local = self.explanation(namespace, group, rule, message).cloned();
        let location = self.location(namespace, group, rule, local.as_ref());
        // The local finding is the reason if the ruler gives none; if the ruler gives the same, it is reported once,
        // and without the position.
        let is_reason = |local: &&Finding| !explains || message.ends_with(&*local.message);
        let reason = local.as_ref().filter(is_reason).map_or(message, |local| &local.message);
        let advised = local.as_ref().filter(|_| !explains).and_then(|local| local.hint.as_deref());
        let advised = advised.filter(|hint| *hint != MAY_KNOW);
        let hints = |hint: Option<&str>| {
            let hints: Vec<&str> = advised.into_iter().chain(hint).collect();
            Some(hints.join("; ")).filter(|hint| !hint.is_empty())
        };
        let refused = Finding::error(Code::Refused, format!("refused by the ruler: {reason}"));
        let rule = location.rule.and_then(|rule| group.left_out.offered(rule));
        let subject = self.subject(change);
        if self.environment.policy.on_invalid == OnInvalid::Rule
            && let Some(rule) = rule
            && let Some(declared) = self.desired.group(namespace, &group.name)
        {
            let hint = hints(Some("the group is synced without this rule"));
            let finding = Finding { hint, ..refused.clone().at(location.clone()) };
            let fields = self.shared.ruler.capabilities().fields;
            let memory = self.environment.policy.refusal_memory;
            let omissions = &mut self.verdicts.overlay.omissions;
            if omissions.omit(namespace, declared, rule, &fields, finding.clone(), memory) {
                self.queue.push(namespace, super::Priority::Next, false);
                return Some((subject, finding));
            }
        }
        let kept = self.view.has(namespace, &group.name);
        let has_others = self.desired.winner(namespace).is_some_and(|object| object.groups.len() > 1);
        let hint = match (kept, has_others) {
            (true, _) => Some("the version the ruler had stays"),
            (false, true) => Some("the other groups are synced"),
            (false, false) => None,
        };
        let finding = Finding { hint: hints(hint), ..refused.at(location) };
        let memory = self.environment.policy.refusal_memory;
        self.verdicts.refuse(namespace, group, finding.clone(), memory);
        if kept {
            self.recheck_refused_group(namespace, &group.name);
        }
        Some((subject, finding))
    }

    /// Returns the local finding that best explains why a group is refused, or its rule of this number as in the
    /// desired group. Where the ruler has given a reason, the finding must be about a part of a rule that this may
    /// mean.
    fn explanation(
        &self,
        namespace: &RulerNamespace,
        group: &DesiredGroup,
        rule: Option<usize>,
        message: &str,
    ) -> Option<&Finding> {
        let explains = self.shared.ruler.capabilities().explains_refusals;
        let declared = rule.map(|rule| group.left_out.declared(rule));
        let may_be_meant = |Finding { location, .. }: &Finding, mentioned: bool| {
            !explains || (location.rule.is_some() && (location.position.is_some() || mentioned))
        };
        let candidates = self.found_in(namespace).filter(|(of, finding)| {
            of.name == group.name
                && (declared.is_none() || finding.location.rule == declared)
                && may_be_meant(finding, is_mentioned(finding, message))
        });
        // Findings with the same message come first, then those about a field that the ruler mentions, then suspicions.
        let rank = |finding: &&Finding| {
            let match_rank = (!message.ends_with(&*finding.message), !is_mentioned(finding, message));
            (explains.then_some(match_rank), !finding.is_error())
        };
        candidates.map(|(_, finding)| finding).min_by_key(rank)
    }

    /// Iterates over the local findings in the groups of a namespace, except those about omitted rules.
    fn found_in(&self, namespace: &RulerNamespace) -> impl Iterator<Item = (&DesiredGroup, &Finding)> {
        let winner = self.desired.winner(namespace);
        winner.into_iter().flat_map(move |object| {
            let groups: HashMap<&str, &DesiredGroup> =
                object.groups.iter().map(|group| (&*group.name, group)).collect();
            object.findings.iter().chain(&object.advice).filter_map(move |finding| {
                let group = *groups.get(finding.location.group.as_deref()?)?;
                let is_offered = finding.location.rule.is_none_or(|rule| {
                    let desired = group.left_out.offered(rule);
                    desired.is_some_and(|rule| {
                        !self.verdicts.overlay.omissions.has(namespace, &group.name, rule)
                    })
                });
                is_offered.then_some((group, finding))
            })
        })
    }

    /// Returns the groups of a namespace with local findings.
    pub(in crate::destination) fn groups_with_findings(
        &self,
        namespace: &RulerNamespace,
    ) -> HashSet<Box<str>> {
        self.found_in(namespace).map(|(group, _)| Box::from(&*group.name)).collect()
    }

    /// Reports the refusals of one namespace: the first groups one by one, and the number of the others.
    pub(super) fn report_refused(&self, refused: Vec<(Subject, Finding)>) {
        let more = refused.len().saturating_sub(MAX_REPORTED_EACH);
        let object = refused.first().and_then(|(subject, _)| subject.object.clone());
        for (subject, finding) in refused.into_iter().take(MAX_REPORTED_EACH) {
            self.report_outcome(&Outcome::Refused { subject, finding });
        }
        if let Some(object) = object.filter(|_| more > 0) {
            self.report_outcome(&Outcome::MoreFound { object, destination: Some(self.id.clone()), more });
        }
    }

    /// Returns where in the declaration the fault is, as far as the ruler or the local finding tells. The ruler's
    /// `rule` is numbered as in the desired group.
    fn location(
        &self,
        namespace: &RulerNamespace,
        group: &DesiredGroup,
        rule: Option<usize>,
        local: Option<&Finding>,
    ) -> Location {
        let declared = rule.map(|rule| group.left_out.declared(rule));
        let of_ruler =
            || Location { group: Some(group.name.to_string()), rule: declared, ..Location::default() };
        let mut location = local.map_or_else(of_ruler, |local| local.location.clone());
        if let (Some(rule), None) = (rule, &location.rule_name)
            && let Ok(decoded) = group.body.decode()
        {
            let offered = (0..decoded.rules.len()).find(|index| {
                self.verdicts.overlay.omissions.desired_index(namespace, group, *index) == rule
            });
            location.rule_name =
                offered.and_then(|index| decoded.rules.get(index)).map(|rule| rule.name().to_owned());
        }
        location
    }
}

/// Returns whether the ruler's message contains the name of the field that a finding is about, such as `a-b` of
/// `labels.a-b`.
fn is_mentioned(finding: &Finding, message: &str) -> bool {
    let field = finding.location.field.as_deref().unwrap_or_default();
    let name = field.split_once('.').map_or(field, |(_, name)| name);
    !name.is_empty() && message.contains(name)
}
