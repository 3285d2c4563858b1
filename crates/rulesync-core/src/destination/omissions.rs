//! Rules omitted from their groups because the ruler refuses them, where the policy allows that: the rules, and the
//! groups as declared.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::normalization::Key;
use crate::desired::DesiredGroup;
use crate::finding::Finding;
use crate::model::capabilities::StoredFields;
use crate::model::encoded::compress;
use crate::model::fingerprint::Fingerprint;
use crate::model::left_out::LeftOut;

/// The omissions of one destination.
#[derive(Debug, Default)]
pub(super) struct Omissions(HashMap<Key, Omission>);

#[derive(Debug)]
struct Omission {
    /// The group as declared.
    declared: DesiredGroup,
    /// The group as offered.
    offered: DesiredGroup,
    /// The omitted rules, numbered as in the desired group.
    rules: LeftOut,
    findings: Vec<Finding>,
    until: Instant,
}

impl Omissions {
    /// Omits a rule, numbered as in the desired group; returns the group without it, or none if no rule would be left.
    pub(super) fn leave_out(
        &mut self,
        namespace: &Arc<str>,
        offered: &DesiredGroup,
        rule: usize,
        fields: &StoredFields,
        finding: Finding,
        memory: Duration,
    ) -> Option<DesiredGroup> {
        let key = (Arc::clone(namespace), Arc::clone(&offered.name));
        let known = self.0.get(&key).filter(|known| known.offered.fingerprint == offered.fingerprint);
        let declared = known.map_or_else(|| offered.clone(), |known| known.declared.clone());
        let rules = known.map(|known| known.rules.clone()).unwrap_or_default();
        let mut findings = known.map(|known| known.findings.clone()).unwrap_or_default();
        let rules = rules.and([rules.offered(rule)?]);
        findings.push(finding);
        let mut group = declared.body.decode().ok()?;
        rules.take_from(&mut group.rules);
        if group.rules.is_empty() {
            return None;
        }
        let offered = DesiredGroup {
            name: Arc::clone(&declared.name),
            fingerprint: Fingerprint::of(&group, fields),
            rules: u32::try_from(group.rules.len()).unwrap_or(u32::MAX),
            body: compress(std::slice::from_ref(&group)).ok()?.pop()?,
            left_out: declared.left_out.clone(),
        };
        let until = Instant::now() + memory;
        self.0.insert(key, Omission { declared, offered: offered.clone(), rules, findings, until });
        Some(offered)
    }

    /// Returns the number in the desired group of a rule of the offered group.
    pub(super) fn desired_index(&self, namespace: &Arc<str>, group: &DesiredGroup, index: usize) -> usize {
        match self.0.get(&(Arc::clone(namespace), Arc::clone(&group.name))) {
            Some(omission) if omission.offered.fingerprint == group.fingerprint => {
                omission.rules.declared(index)
            }
            _ => index,
        }
    }

    /// Returns whether a rule, numbered as in the desired group, is omitted already.
    pub(super) fn has(&self, namespace: &Arc<str>, group: &Arc<str>, rule: usize) -> bool {
        self.0
            .get(&(Arc::clone(namespace), Arc::clone(group)))
            .is_some_and(|o| o.rules.offered(rule).is_none())
    }

    /// Returns the groups to offer in place of newly declared ones that are unchanged; omissions of changed groups are
    /// forgotten.
    pub(super) fn replacements(
        &mut self,
        namespace: &Arc<str>,
        declared: &[DesiredGroup],
    ) -> Vec<DesiredGroup> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let same = |omission: &Omission| {
            declared.iter().any(|group| {
                group.name == omission.declared.name && group.fingerprint == omission.declared.fingerprint
            })
        };
        self.0.retain(|(of, _), omission| of != namespace || same(omission));
        let of_namespace = self.0.iter().filter(|((of, _), _)| of == namespace);
        of_namespace.map(|(_, omission)| omission.offered.clone()).collect()
    }

    /// Iterates over the findings about the omitted rules of a namespace.
    pub(super) fn findings(&self, namespace: &str) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |((of, _), _)| &**of == namespace).flat_map(|(_, o)| &o.findings)
    }

    /// The number of omitted rules.
    pub(super) fn rules(&self) -> usize {
        self.0.values().map(|omission| omission.rules.len()).sum()
    }

    /// Forgets old omissions, or all; returns the groups as they were declared, with their namespaces.
    pub(super) fn forget(&mut self, all: bool) -> Vec<(Arc<str>, DesiredGroup)> {
        let now = Instant::now();
        self.0
            .extract_if(|_, omission| all || omission.until <= now)
            .map(|((namespace, _), omission)| (namespace, omission.declared))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::group::{Group, Rule};

    fn declared(rules: usize) -> DesiredGroup {
        let rule = |n| Rule { record: format!("r{n}"), expr: "1".into(), ..Rule::default() };
        let group = Group { name: "g".into(), rules: (0..rules).map(rule).collect(), ..Group::default() };
        DesiredGroup {
            name: "g".into(),
            fingerprint: Fingerprint::of(&group, &StoredFields::ALL),
            body: compress(std::slice::from_ref(&group)).unwrap().remove(0),
            rules: 3,
            left_out: LeftOut::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn omissions_add_up_and_end_together() {
        let namespace: Arc<str> = "us.ns.o".into();
        let mut omissions = Omissions::default();
        let leave_out = |omissions: &mut Omissions, group: &DesiredGroup, rule| {
            let finding = Finding::error("refused", "no");
            omissions.leave_out(&namespace, group, rule, &StoredFields::ALL, finding, Duration::from_secs(60))
        };
        let first = leave_out(&mut omissions, &declared(3), 1).unwrap();
        assert_eq!(omissions.desired_index(&namespace, &first, 1), 2);
        let second = leave_out(&mut omissions, &first, 2).unwrap();
        let names: Vec<String> =
            second.body.decode().unwrap().rules.iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(names, ["r0"]);
        assert!(leave_out(&mut omissions, &second, 0).is_none(), "nothing would be left");
        assert_eq!((omissions.rules(), omissions.findings("us.ns.o").count()), (2, 2));
        assert_eq!(omissions.replacements(&namespace, &[declared(3)]), [second]);
        assert!(omissions.forget(false).is_empty());
        assert_eq!(omissions.forget(true), [(namespace.clone(), declared(3))]);
        leave_out(&mut omissions, &declared(3), 1);
        assert!(omissions.replacements(&namespace, &[declared(2)]).is_empty());
        assert_eq!(omissions.rules(), 0);
    }
}
