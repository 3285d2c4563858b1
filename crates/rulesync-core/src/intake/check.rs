//! The checks of one group for one ruler before it is offered: names that the ruler cannot hold, findings of the
//! parsers of its language and of templates, and other known reasons for a refusal.

use std::collections::HashSet;

use super::template;
use crate::finding::{Code, Finding, Location};
use crate::model::capabilities::{Capabilities, NameLimits};
use crate::model::group::Group;
use crate::ruler::Ruler;

/// The texts without findings, for one ruler: the groups of one object tend to repeat each other.
#[derive(Debug, Default)]
pub(crate) struct Sound<'a> {
    expressions: HashSet<&'a str>,
    templates: HashSet<&'a str>,
}

/// Returns the findings about a group for a ruler. Errors prevent the group from being offered: a name that the ruler
/// cannot hold, an expression that it would accept and never evaluate, or a problem that it reports itself
/// ([`Ruler::check`]).
///
/// `capabilities` are those of the ruler; they are asked for once an object.
pub(crate) fn check<'a>(
    group: &'a Group,
    ruler: &dyn Ruler,
    capabilities: &Capabilities,
    sound: &mut Sound<'a>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = check_name(&group.name, &capabilities.name_limits).into_iter().collect();
    findings.extend(super::names::check(group, capabilities.label_names));
    for (index, rule) in group.rules.iter().enumerate() {
        if sound.expressions.contains(rule.expr.as_str()) {
            continue;
        }
        let found = capabilities.language.check(&rule.expr);
        if found.is_empty() {
            sound.expressions.insert(&rule.expr);
        }
        for mut finding in found {
            finding.location.group = Some(group.name.clone());
            finding.location.rule = Some(index);
            finding.location.rule_name = Some(rule.name().to_owned());
            findings.push(finding);
        }
    }
    findings.extend(template::faults(group, capabilities.templates, &mut sound.templates));
    findings.extend(ruler.check(group));
    findings
}

/// Returns why a ruler with these limits cannot hold a group of this name, if it cannot.
pub(crate) fn check_name(name: &str, limits: &NameLimits) -> Option<Finding> {
    let reason = limits.refuse(name)?;
    let location =
        Location { group: Some(name.to_owned()), field: Some("name".to_owned()), ..Location::default() };
    let finding = Finding::error(Code::GroupName, format!("the group's name {reason}"));
    Some(finding.at(location).hint("rename the group"))
}
