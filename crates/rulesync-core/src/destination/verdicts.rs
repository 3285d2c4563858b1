//! The verdicts of a ruler on what it was offered: groups and rules that it refuses, and stored versions of refused
//! groups that may lack what their route enforces.

use std::collections::HashSet;
use std::time::Duration;

use super::refusals::Refusals;
use crate::desired::{Desired, DesiredGroup};
use crate::finding::Finding;
use crate::model::fingerprint::Fingerprint;
use crate::model::name::{GroupKey, GroupName, RulerNamespace};
use crate::overlay::{Offered, Overlay};

/// The verdicts of one destination's ruler.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    refusals: Refusals,
    /// What the verdicts change of what is declared.
    pub(super) overlay: Overlay,
    /// Refused groups whose version in the ruler may lack the matchers that their route enforces.
    unproven: HashSet<GroupKey>,
    /// Those of them that the list under way will show.
    proving: HashSet<GroupKey>,
}

impl Verdicts {
    /// Records the refusal of a group, for this long.
    pub(super) fn refuse(
        &mut self,
        namespace: &RulerNamespace,
        group: &DesiredGroup,
        finding: Finding,
        memory: Duration,
    ) {
        self.refusals.add(namespace, group, finding, memory);
    }

    /// Returns whether a group was refused in exactly this form.
    pub(super) fn refuses(&self, namespace: &str, group: &str, fingerprint: Fingerprint) -> bool {
        self.refusals.contains(namespace, group, fingerprint)
    }

    /// Iterates over the findings about the refused groups and rules of a namespace.
    pub(super) fn findings(&self, namespace: &str) -> impl Iterator<Item = &Finding> {
        self.refusals.findings(namespace).chain(self.overlay.omissions.findings(namespace))
    }

    /// The number of refused groups of a namespace.
    pub(super) fn refused_groups_in(&self, namespace: &str) -> usize {
        self.refusals.groups_in(namespace)
    }

    /// The number of refused groups.
    pub(super) fn refused_groups(&self) -> usize {
        self.refusals.groups()
    }

    /// The number of refused rules: those of refused groups, and those that are omitted from others.
    pub(super) fn refused_rules(&self) -> usize {
        self.refusals.rules() + self.overlay.omissions.rules()
    }

    /// Forgets verdicts on groups of a namespace that are not declared in that form any more.
    pub(super) fn forget_changed(&mut self, namespace: &RulerNamespace, desired: &Desired) {
        let Self { refusals, overlay, .. } = self;
        overlay.omissions.forget_changed(namespace, desired.winner(namespace));
        let offered = Offered { desired, overlay };
        refusals.forget_changed(namespace, |group| Some(offered.group(namespace, group)?.fingerprint));
    }

    /// Forgets old verdicts: the ruler may have been upgraded.
    pub(super) fn forget_old(&mut self) {
        self.refusals.forget_old();
        self.overlay.omissions.forget(false);
    }

    /// Forgets all refusals, because the configuration was reloaded; returns the namespaces to offer again.
    pub(super) fn reconsider(&mut self) -> Vec<RulerNamespace> {
        let mut namespaces = self.refusals.clear();
        namespaces.extend(self.overlay.omissions.forget(true));
        namespaces
    }

    /// Marks groups of a namespace whose version in the ruler has to prove that it has what its route enforces.
    pub(super) fn suspect(
        &mut self,
        namespace: &RulerNamespace,
        groups: impl IntoIterator<Item = GroupName>,
    ) {
        self.unproven.extend(groups.into_iter().map(|group| (namespace.clone(), group)));
    }

    /// Iterates over the suspect groups.
    pub(super) fn suspects(&self) -> impl Iterator<Item = &GroupKey> {
        self.unproven.iter()
    }

    /// Forgets suspect groups, except those that the ruler may have.
    pub(super) fn retain_suspects(&mut self, exists: impl Fn(&GroupKey) -> bool) {
        self.unproven.retain(exists);
    }

    /// Returns the suspect groups, which the list that begins now reads whole.
    pub(super) fn begin_list(&mut self) -> &HashSet<GroupKey> {
        self.proving.clone_from(&self.unproven);
        &self.proving
    }

    /// Returns the groups that the list has shown whole; they are not suspect any more.
    pub(super) fn end_list(&mut self) -> HashSet<GroupKey> {
        let proving = std::mem::take(&mut self.proving);
        self.unproven.retain(|key| !proving.contains(key));
        proving
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::desired::tests::object;
    use crate::finding::Code;
    use crate::model::capabilities::StoredFields;
    use crate::model::group::{Group, Rule};
    use crate::model::left_out::LeftOut;

    const MEMORY: Duration = Duration::from_secs(60);

    fn group(rules: &[&str]) -> DesiredGroup {
        let rule = |name: &&str| Rule { record: (*name).into(), expr: "1".into(), ..Rule::default() };
        let group = Group { name: "g".into(), rules: rules.iter().map(rule).collect(), ..Group::default() };
        DesiredGroup::encode(&group, &StoredFields::ALL, LeftOut::default()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn verdicts_on_the_rest_of_a_group_stay_while_its_declaration_stays() {
        let namespace: RulerNamespace = "us.ns.o".into();
        let declared = group(&["bad", "worse", "good"]);
        let mut desired = Desired::default();
        desired.upsert(&namespace, object("o", None, vec![declared.clone()]));
        let mut verdicts = Verdicts::default();
        let no = || Finding::error(Code::Refused, "no");
        assert!(verdicts.overlay.omissions.omit(&namespace, &declared, 0, &StoredFields::ALL, no(), MEMORY));
        let offered = Offered { desired: &desired, overlay: &verdicts.overlay };
        let rest = offered.group(&namespace, "g").unwrap().clone();
        verdicts.refuse(&namespace, &rest, no(), MEMORY);
        assert_eq!((verdicts.refused_groups(), verdicts.refused_rules()), (1, 3));
        verdicts.forget_changed(&namespace, &desired);
        assert!(verdicts.refuses(&namespace, "g", rest.fingerprint), "the same group was declared again");
        desired.upsert(&namespace, object("o", None, vec![group(&["good"])]));
        verdicts.forget_changed(&namespace, &desired);
        assert_eq!((verdicts.refused_groups(), verdicts.refused_rules()), (0, 0));

        verdicts.refuse(&namespace, &declared, no(), MEMORY);
        verdicts.overlay.omissions.omit(&namespace, &declared, 0, &StoredFields::ALL, no(), MEMORY);
        advance(MEMORY).await;
        verdicts.forget_old();
        assert_eq!((verdicts.refused_rules(), verdicts.findings(&namespace).count()), (0, 0));
    }

    #[test]
    fn suspect_groups_are_shown_by_the_list_that_begins_after_they_are_suspected() {
        let namespace: RulerNamespace = "us.ns.o".into();
        let key = |group: &str| -> GroupKey { (namespace.clone(), group.into()) };
        let mut verdicts = Verdicts::default();
        verdicts.suspect(&namespace, ["a".into(), "b".into()]);
        verdicts.retain_suspects(|(_, group)| &**group == "a");
        assert_eq!(*verdicts.begin_list(), HashSet::from([key("a")]));
        verdicts.suspect(&namespace, ["c".into()]);
        assert_eq!(verdicts.end_list(), HashSet::from([key("a")]));
        assert_eq!(verdicts.suspects().collect::<Vec<_>>(), [&key("c")], "the next list shows it");
    }
}
