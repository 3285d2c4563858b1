//! What follows when the ruler does not take a group: whose fault it is, and whether the rest of it can be offered.

use std::collections::HashSet;
use std::sync::Arc;

use super::{REFUSED, State};
use crate::desired::{Claim, DesiredGroup};
use crate::finding::{Finding, MAY_KNOW, Place};
use crate::outcome::{Outcome, Subject, TOLD_ONE_BY_ONE};
use crate::plan::{Action, Change};
use crate::policy::OnInvalid;

impl State {
    /// The ruler does not take a group. Our parser's finding, if it has one, tells the author where. The answer is what is
    /// to be told, if that is news.
    pub(super) fn refused(
        &mut self,
        change: &Change,
        message: &str,
        rule: Option<usize>,
    ) -> Option<(Subject, Finding)> {
        let Action::Put(group) = &change.action else { return None };
        let namespace = &change.namespace;
        // Meanwhile declared otherwise, or not at all: then the refusal is of no interest.
        let current = |claim: &Claim| {
            claim.groups.iter().any(|g| g.name == group.name && g.fingerprint == group.fingerprint)
        };
        if !self.desired.winner(namespace).is_some_and(current) {
            return None;
        }
        let rule = rule.map(|rule| self.omissions.desired_index(namespace, group, rule));
        // The reason, where the ruler gives none.
        let advice = self.advice(namespace, group, rule).cloned();
        let (place, reason) = match &advice {
            Some(finding) => (finding.place.clone(), &*finding.message),
            None => {
                let (place, ours) = self.place(namespace, group, rule, message);
                // The place is said, and the reason once, if ours is the ruler's.
                (place, ours.filter(|ours| message.ends_with(ours)).unwrap_or(message))
            }
        };
        let advised =
            advice.as_ref().and_then(|finding| finding.hint.as_deref()).filter(|hint| *hint != MAY_KNOW);
        let hints =
            |hint: &str| advised.map_or_else(|| hint.to_owned(), |advised| format!("{advised}; {hint}"));
        let refused = Finding::error(REFUSED, format!("refused by the ruler: {reason}"));
        let rule = place.rule.and_then(|rule| group.left_out.offered(rule));
        let subject = self.subject(change);
        if self.shared.policy.on_invalid == OnInvalid::Rule
            && let Some(rule) = rule
        {
            let hint = hints("the group is synced without this rule");
            let finding = refused.clone().at(place.clone()).hint(hint);
            let (keeps, memory) = (self.keeps, self.shared.policy.refusal_memory);
            let rest = self.omissions.leave_out(namespace, group, rule, &keeps, finding.clone(), memory);
            if let Some(rest) = rest {
                self.desired.replace(namespace, rest);
                self.queue.push(namespace, super::Turn::Next, false);
                return Some((subject, finding));
            }
        }
        let kept = self
            .observed
            .as_ref()
            .is_some_and(|o| o.namespace(namespace).any(|(name, _)| *name == *group.name));
        let hint = if kept { "the version the ruler had stays" } else { "the other groups are synced" };
        let finding = refused.at(place).hint(hints(hint));
        let memory = self.shared.policy.refusal_memory;
        self.refusals.add(namespace, group, finding.clone(), memory);
        if kept {
            self.doubt_former_of(namespace, &group.name);
        }
        Some((subject, finding))
    }

    /// What local checks have found in a group, or in its rule of this number as in the group that is desired, where the
    /// ruler does not say itself why it refuses one. What is expected to be refused explains it better than a warning.
    fn advice(&self, namespace: &Arc<str>, group: &DesiredGroup, rule: Option<usize>) -> Option<&Finding> {
        let declared = rule.map(|rule| group.left_out.declared(rule));
        let of_group = self.advice_on(namespace).filter(|(of, _)| of.name == group.name).map(|(_, f)| f);
        let of_rule = of_group.filter(|finding| declared.is_none() || finding.place.rule == declared);
        of_rule.min_by_key(|finding| !finding.is_error())
    }

    /// What local checks have found in the groups of a namespace, but for what is left out of them.
    fn advice_on(&self, namespace: &Arc<str>) -> impl Iterator<Item = (&DesiredGroup, &Finding)> {
        let winner = self.desired.winner(namespace);
        winner.into_iter().flat_map(move |claim| {
            claim.advice.iter().filter_map(move |finding| {
                let named = finding.place.group.as_deref()?;
                let group = claim.groups.iter().find(|group| &*group.name == named)?;
                let is_offered = finding.place.rule.is_none_or(|rule| {
                    let desired = group.left_out.offered(rule);
                    desired.is_some_and(|rule| !self.omissions.has(namespace, &group.name, rule))
                });
                is_offered.then_some((group, finding))
            })
        })
    }

    /// The groups of a namespace in which local checks have found something.
    pub(in crate::target) fn groups_with_findings(&self, namespace: &Arc<str>) -> HashSet<Box<str>> {
        self.advice_on(namespace).map(|(group, _)| Box::from(&*group.name)).collect()
    }

    /// Tells what was refused of one namespace: the first groups one by one, and how many more there are.
    pub(super) fn tell_refused(&self, refused: Vec<(Subject, Finding)>) {
        let more = refused.len().saturating_sub(TOLD_ONE_BY_ONE);
        let object = refused.first().and_then(|(subject, _)| subject.object.clone());
        for (subject, finding) in refused.into_iter().take(TOLD_ONE_BY_ONE) {
            self.tell(&Outcome::Refused { subject, finding });
        }
        if let Some(object) = object.filter(|_| more > 0) {
            self.tell(&Outcome::MoreFound { object, target: Some(self.id.clone()), more });
        }
    }

    /// Where in the declaration the fault is, as far as the ruler or our own parser can tell, and what our own parser
    /// says. The ruler's `rule` is numbered as in the group that is desired.
    fn place(
        &self,
        namespace: &Arc<str>,
        group: &DesiredGroup,
        rule: Option<usize>,
        message: &str,
    ) -> (Place, Option<&str>) {
        let mut ours = None;
        let declared = rule.map(|rule| group.left_out.declared(rule));
        let mut place = Place { group: Some(group.name.to_string()), rule: declared, ..Place::default() };
        if let Some(claim) = self.desired.winner(namespace) {
            let about_this = |finding: &&Finding| {
                let index = finding.place.rule;
                finding.place.group.as_deref() == Some(&*group.name)
                    && (finding.place.position.is_some() || is_mentioned(finding, message))
                    && (declared.is_none() || index == declared)
                    && index
                        .and_then(|index| group.left_out.offered(index))
                        .is_some_and(|index| !self.omissions.has(namespace, &group.name, index))
            };
            // Of several, what says the same, or is of a field that the ruler mentions.
            let far = |finding: &&Finding| {
                (!message.ends_with(&*finding.message), !is_mentioned(finding, message), !finding.is_error())
            };
            if let Some(finding) = claim.findings.iter().filter(about_this).min_by_key(far) {
                place = finding.place.clone();
                ours = Some(&*finding.message);
            }
        }
        if let (Some(rule), None) = (rule, &place.rule_name)
            && let Ok(decoded) = group.body.unpack()
        {
            let offered = (0..decoded.rules.len())
                .find(|index| self.omissions.desired_index(namespace, group, *index) == rule);
            place.rule_name =
                offered.and_then(|index| decoded.rules.get(index)).map(|rule| rule.name().to_owned());
        }
        (place, ours)
    }
}

/// Whether the ruler's message has the name of the field that a finding is of, such as `a-b` of `labels.a-b`.
fn is_mentioned(finding: &Finding, message: &str) -> bool {
    let field = finding.place.field.as_deref().unwrap_or_default();
    let name = field.split_once('.').map_or(field, |(_, name)| name);
    !name.is_empty() && message.contains(name)
}
