//! What one ruler makes of a group before it is offered: names it cannot hold, and what its language's parser says.

use crate::finding::{Finding, Place};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::ruler::Ruler;

/// A group as one ruler would take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The group's identity by value for this ruler; none if the ruler cannot hold the group at all.
    pub fingerprint: Option<Fingerprint>,
    /// What there is to say about it.
    pub findings: Vec<Finding>,
}

/// Checks a group for a ruler. Only names that the ruler cannot hold keep it from being offered.
pub fn check(group: &Group, ruler: &dyn Ruler) -> Checked {
    if let Some(reason) = ruler.name_rules().refuse(&group.name) {
        let place =
            Place { group: Some(group.name.clone()), field: Some("name".to_owned()), ..Place::default() };
        let finding = Finding::error("group-name", format!("the group's name {reason}"))
            .at(place)
            .hint("rename the group");
        return Checked { fingerprint: None, findings: vec![finding] };
    }
    let findings = advise(group, ruler);
    Checked { fingerprint: Some(Fingerprint::of(group, &ruler.keeps())), findings }
}

/// What the language's parser says about a group's expressions.
fn advise(group: &Group, ruler: &dyn Ruler) -> Vec<Finding> {
    let dialect = ruler.dialect();
    let mut findings = Vec::new();
    for (index, rule) in group.rules.iter().enumerate() {
        for mut finding in dialect.check(&rule.expr) {
            finding.place.group = Some(group.name.clone());
            finding.place.rule = Some(index);
            finding.place.rule_name = Some(rule.name().to_owned());
            findings.push(finding);
        }
    }
    findings
}
