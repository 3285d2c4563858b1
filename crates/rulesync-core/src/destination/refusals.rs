//! Refusals of a ruler, remembered by content so that a refused group is not offered again without need.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::desired::DesiredGroup;
use crate::finding::Finding;
use crate::model::fingerprint::Fingerprint;
use crate::model::name::{GroupName, RulerNamespace};

/// Refused groups by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    namespaces: HashMap<RulerNamespace, HashMap<GroupName, Refusal>>,
    groups: usize,
    rules: usize,
}

#[derive(Debug)]
struct Refusal {
    fingerprint: Fingerprint,
    rules: u32,
    until: Instant,
    finding: Finding,
}

impl Refusals {
    /// Records the refusal of a group, for this long.
    pub(super) fn add(
        &mut self,
        namespace: &RulerNamespace,
        group: &DesiredGroup,
        finding: Finding,
        memory: Duration,
    ) {
        let refusal = Refusal {
            fingerprint: group.fingerprint,
            rules: group.rules,
            until: Instant::now() + memory,
            finding,
        };
        self.groups += 1;
        self.rules += group.rules as usize;
        let old = self.namespaces.entry(namespace.clone()).or_default().insert(group.name.clone(), refusal);
        self.uncount(old);
    }

    /// Returns whether a group was refused in exactly this form.
    pub(super) fn contains(&self, namespace: &str, group: &str, fingerprint: Fingerprint) -> bool {
        let refusal = self.namespaces.get(namespace).and_then(|groups| groups.get(group));
        refusal.is_some_and(|refusal| refusal.fingerprint == fingerprint)
    }

    /// Iterates over the findings about the refused groups of a namespace.
    pub(super) fn findings(&self, namespace: &str) -> impl Iterator<Item = &Finding> {
        self.namespaces
            .get(namespace)
            .into_iter()
            .flat_map(|groups| groups.values().map(|refusal| &refusal.finding))
    }

    /// The number of refused groups of a namespace.
    pub(super) fn groups_in(&self, namespace: &str) -> usize {
        self.namespaces.get(namespace).map_or(0, HashMap::len)
    }

    /// Forgets refusals of groups that are no longer offered in the refused form.
    pub(super) fn forget_changed(
        &mut self,
        namespace: &RulerNamespace,
        offered: impl Fn(&str) -> Option<Fingerprint>,
    ) {
        let Some(mut groups) = self.namespaces.remove(namespace) else { return };
        let changed: Vec<Refusal> = groups
            .extract_if(|name, refusal| offered(name) != Some(refusal.fingerprint))
            .map(|(_, refusal)| refusal)
            .collect();
        if !groups.is_empty() {
            self.namespaces.insert(namespace.clone(), groups);
        }
        self.uncount(changed);
    }

    /// Forgets old refusals: the ruler may have been upgraded.
    pub(super) fn forget_old(&mut self) {
        let now = Instant::now();
        let mut old = Vec::new();
        for groups in self.namespaces.values_mut() {
            old.extend(groups.extract_if(|_, refusal| refusal.until <= now).map(|(_, refusal)| refusal));
        }
        self.namespaces.retain(|_, groups| !groups.is_empty());
        self.uncount(old);
    }

    /// Forgets everything; returns the namespaces with refusals.
    pub(super) fn clear(&mut self) -> Vec<RulerNamespace> {
        let mut namespaces: Vec<RulerNamespace> = std::mem::take(self).namespaces.into_keys().collect();
        namespaces.sort_unstable();
        namespaces
    }

    /// The number of refused groups.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// The number of rules in refused groups.
    pub(super) fn rules(&self) -> usize {
        self.rules
    }

    fn uncount(&mut self, refusals: impl IntoIterator<Item = Refusal>) {
        for refusal in refusals {
            self.groups -= 1;
            self.rules -= refusal.rules as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::tests::group;
    use crate::finding::Code;

    #[tokio::test(start_paused = true)]
    async fn refusals_are_remembered_by_content_and_for_a_while() {
        let namespace: RulerNamespace = "us.ns.o".into();
        let (bad, mended) = (group("g", "bad"), group("g", "mended"));
        let mut refusals = Refusals::default();
        for _ in 0..2 {
            refusals.add(&namespace, &bad, Finding::error(Code::Refused, "no"), Duration::from_secs(60));
        }
        assert_eq!((refusals.groups(), refusals.rules()), (1, 1));
        assert!(refusals.contains(&namespace, "g", bad.fingerprint));
        assert!(!refusals.contains(&namespace, "g", mended.fingerprint));
        refusals.forget_changed(&namespace, |_| Some(bad.fingerprint));
        assert_eq!(refusals.findings(&namespace).count(), 1);
        refusals.forget_changed(&namespace, |_| Some(mended.fingerprint));
        assert_eq!((refusals.groups(), refusals.rules()), (0, 0));
        refusals.add(&namespace, &bad, Finding::error(Code::Refused, "no"), Duration::from_secs(60));
        refusals.forget_old();
        assert_eq!(refusals.groups(), 1);
        tokio::time::advance(Duration::from_secs(61)).await;
        refusals.forget_old();
        assert_eq!(refusals.groups(), 0);
        for namespace in ["b", "a"] {
            refusals.add(
                &namespace.into(),
                &bad,
                Finding::error(Code::Refused, "no"),
                Duration::from_secs(60),
            );
        }
        assert_eq!(refusals.clear(), ["a", "b"], "all are offered again");
        assert_eq!((refusals.groups(), refusals.rules()), (0, 0));
    }
}
