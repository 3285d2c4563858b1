//! Rules omitted from their groups because the ruler refuses them, where the policy allows that: the rules, and the
//! groups as they are offered without them.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::desired::{DesiredGroup, DesiredObject};
use crate::finding::Finding;
use crate::model::capabilities::StoredFields;
use crate::model::fingerprint::Fingerprint;
use crate::model::left_out::LeftOut;
use crate::model::name::{GroupName, RulerNamespace};

/// The omissions of one destination, by namespace and group.
#[derive(Debug, Default)]
pub(crate) struct Omissions(HashMap<RulerNamespace, HashMap<GroupName, Omission>>);

#[derive(Debug)]
struct Omission {
    /// The fingerprint of the group as declared: the omission ends when it changes.
    declared: Fingerprint,
    /// The group as offered.
    offered: DesiredGroup,
    /// The omitted rules, numbered as in the desired group.
    rules: LeftOut,
    findings: Vec<Finding>,
    until: Instant,
}

impl Omissions {
    /// Returns a declared group as it is offered: without the omitted rules, if there are any.
    pub(crate) fn offered<'a>(&'a self, namespace: &str, declared: &'a DesiredGroup) -> &'a DesiredGroup {
        match self.of(namespace, &declared.name) {
            Some(omission) if omission.declared == declared.fingerprint => &omission.offered,
            _ => declared,
        }
    }

    fn of(&self, namespace: &str, group: &str) -> Option<&Omission> {
        self.0.get(namespace)?.get(group)
    }

    /// Omits a rule, numbered as in the desired group, of a `declared` group; returns whether any rule is left. If not,
    /// the group stays as it is.
    pub(crate) fn omit(
        &mut self,
        namespace: &RulerNamespace,
        declared: &DesiredGroup,
        rule: usize,
        fields: &StoredFields,
        finding: Finding,
        memory: Duration,
    ) -> bool {
        let known = self.of(namespace, &declared.name).filter(|known| known.declared == declared.fingerprint);
        let omitted = known.map(|known| known.rules.clone()).unwrap_or_default();
        let mut findings = known.map(|known| known.findings.clone()).unwrap_or_default();
        let (Some(rule), Ok(mut group)) = (omitted.offered(rule), declared.body.decode()) else {
            return false;
        };
        let rules = omitted.and([rule]);
        rules.take_from(&mut group.rules);
        if group.rules.is_empty() {
            return false;
        }
        let Some(offered) = DesiredGroup::encode(&group, fields, declared.left_out.clone()) else {
            return false;
        };
        findings.push(finding);
        let until = Instant::now() + memory;
        let omission = Omission { declared: declared.fingerprint, offered, rules, findings, until };
        self.0.entry(namespace.clone()).or_default().insert(declared.name.clone(), omission);
        true
    }

    /// Returns the number in the desired group of a rule of the offered group.
    pub(crate) fn desired_index(&self, namespace: &str, offered: &DesiredGroup, index: usize) -> usize {
        match self.of(namespace, &offered.name) {
            Some(omission) if omission.offered.fingerprint == offered.fingerprint => {
                omission.rules.declared(index)
            }
            _ => index,
        }
    }

    /// Returns whether a rule, numbered as in the desired group, is omitted already.
    pub(crate) fn has(&self, namespace: &str, group: &str, rule: usize) -> bool {
        self.of(namespace, group).is_some_and(|omission| omission.rules.offered(rule).is_none())
    }

    /// Forgets omissions from groups of a namespace that are no longer declared in the same form.
    pub(crate) fn forget_changed(&mut self, namespace: &str, object: Option<&DesiredObject>) {
        let Some(groups) = self.0.get_mut(namespace) else { return };
        let declared =
            |name: &str| Some(object?.groups.iter().find(|group| &*group.name == name)?.fingerprint);
        groups.retain(|name, omission| declared(name) == Some(omission.declared));
        if groups.is_empty() {
            self.0.remove(namespace);
        }
    }

    /// Iterates over the findings about the omitted rules of a namespace.
    pub(crate) fn findings(&self, namespace: &str) -> impl Iterator<Item = &Finding> {
        self.0.get(namespace).into_iter().flat_map(HashMap::values).flat_map(|omission| &omission.findings)
    }

    /// The number of omitted rules.
    pub(crate) fn rules(&self) -> usize {
        self.0.values().flat_map(HashMap::values).map(|omission| omission.rules.len()).sum()
    }

    /// Forgets old omissions, or all; returns their namespaces.
    pub(crate) fn forget(&mut self, all: bool) -> Vec<RulerNamespace> {
        let now = Instant::now();
        let mut forgotten = Vec::new();
        for (namespace, groups) in &mut self.0 {
            let before = groups.len();
            groups.retain(|_, omission| !all && omission.until > now);
            if groups.len() < before {
                forgotten.push(namespace.clone());
            }
        }
        self.0.retain(|_, groups| !groups.is_empty());
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::tests::object;
    use crate::finding::Code;
    use crate::model::group::{Group, Rule};

    fn declared(rules: usize) -> DesiredGroup {
        let rule = |n| Rule { record: format!("r{n}"), expr: "1".into(), ..Rule::default() };
        let group = Group { name: "g".into(), rules: (0..rules).map(rule).collect(), ..Group::default() };
        DesiredGroup::encode(&group, &StoredFields::ALL, LeftOut::default()).unwrap()
    }

    fn names(group: &DesiredGroup) -> Vec<String> {
        group.body.decode().unwrap().rules.iter().map(|rule| rule.name().to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn omissions_add_up_and_end_together() {
        let namespace: RulerNamespace = "us.ns.o".into();
        let mut omissions = Omissions::default();
        let omit = |omissions: &mut Omissions, rule| {
            let (finding, memory) = (Finding::error(Code::Refused, "no"), Duration::from_secs(60));
            omissions.omit(&namespace, &declared(3), rule, &StoredFields::ALL, finding, memory)
        };
        assert!(omit(&mut omissions, 1));
        let first = omissions.offered(&namespace, &declared(3)).clone();
        assert_eq!(names(&first), ["r0", "r2"]);
        assert_eq!(omissions.desired_index(&namespace, &first, 1), 2);
        assert!(omissions.has(&namespace, "g", 1) && !omissions.has(&namespace, "g", 2));
        assert!(!omit(&mut omissions, 1), "it is omitted already");
        assert!(omit(&mut omissions, 2));
        assert_eq!(names(omissions.offered(&namespace, &declared(3))), ["r0"]);
        assert!(!omit(&mut omissions, 0), "nothing would be left");
        assert_eq!((omissions.rules(), omissions.findings("us.ns.o").count()), (2, 2));
        assert_eq!(names(omissions.offered(&namespace, &declared(2))), ["r0", "r1"], "another form is whole");
        assert_eq!(names(omissions.offered("us.ns.p", &declared(3))), ["r0", "r1", "r2"]);
        omissions.forget_changed(&namespace, Some(&object("o", None, vec![declared(3)])));
        assert_eq!(omissions.rules(), 2, "it has not changed");
        assert!(omissions.forget(false).is_empty());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(omissions.forget(false), std::slice::from_ref(&namespace));
        omit(&mut omissions, 1);
        assert_eq!(omissions.forget(true), std::slice::from_ref(&namespace));
        omit(&mut omissions, 1);
        omissions.forget_changed(&namespace, Some(&object("o", None, vec![declared(2)])));
        assert_eq!(omissions.rules(), 0);
        omit(&mut omissions, 1);
        omissions.forget_changed(&namespace, None);
        assert_eq!(omissions.rules(), 0);
    }
}
