//! From declared groups to groups that a ruler can store: the structural checks that hold for every ruler.
//!
//! Only groups that no ruler can ever accept, or that a ruler accepts and then breaks on, are refused here; the rest is
//! for the ruler to judge (`ARCHITECTURE.md`, "The ruler is the judge").

use std::collections::{BTreeMap, BTreeSet};

use super::text::{TextFault, label_name_fault, name_fault, text_fault, value_fault};
use crate::finding::{Code, Finding, Location};
use crate::model::declared::{DeclaredGroup, DeclaredRule};
use crate::model::duration::PromDuration;
use crate::model::group::{Group, Rule};
use crate::model::kind::SOURCE_TENANTS_ANNOTATION;
use crate::model::left_out::LeftOut;
use crate::model::tenant::TenantId;
use crate::policy::OnInvalid;

/// The result of converting an object's groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// The groups that should exist.
    pub groups: Vec<Group>,
    /// The rules left out of each of them.
    pub left_out: Vec<LeftOut>,
    /// The names of refused groups: the versions that a ruler has stay.
    pub refused: Vec<String>,
    /// The groups that are not among `groups` because something is wrong with them, as far as they were understood.
    pub faulty: Vec<FaultyGroup>,
    /// The groups that are among `groups` without some of their rules, as they were declared.
    pub cut: Vec<FaultyGroup>,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// A group with something wrong in it, so that whatever else is wrong with it can be found and shown, too.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FaultyGroup {
    /// Its index in the object.
    pub index: usize,
    /// The group. What could not be understood has its default.
    pub group: Group,
}

/// Converts the groups of an object with these annotations. An invalid group yields findings and does not affect the
/// others; a group without rules should not exist and yields nothing.
///
/// With [`OnInvalid::Rule`] a group is converted without its invalid rules, unless the group itself is invalid or no
/// rule is left. `found` holds the findings of the source: its errors make groups and rules invalid, too, and no
/// further findings are made about their subjects.
pub(crate) fn convert(
    groups: Vec<DeclaredGroup>,
    annotations: &BTreeMap<String, String>,
    found: &[Finding],
    on_invalid: OnInvalid,
) -> Conversion {
    let mut conversion = Conversion::default();
    let mut names = BTreeSet::new();
    let tenants = source_tenants(annotations);
    let mut unread: BTreeMap<usize, BTreeSet<Option<usize>>> = BTreeMap::new();
    for location in withholding(found).map(|finding| &finding.location) {
        if let Some(index) = location.group_index {
            unread.entry(index).or_default().insert(location.rule);
        }
    }
    for (index, declared) in groups.into_iter().enumerate() {
        if !names.insert(declared.name.clone()) {
            let group = Some(declared.name.clone());
            let location = Location { group, group_index: Some(index), ..Location::default() };
            conversion.findings.push(
                Finding::error(Code::DuplicateGroup, "a group of this name stands earlier in the object")
                    .at(location)
                    .hint("the first one counts: rename or remove this one"),
            );
            let mut converter = Converter { group: declared.name.clone(), index, findings: Vec::new() };
            let group = converter.group(declared, &tenants);
            conversion.faulty.push(FaultyGroup { index, group });
            conversion.findings.append(&mut converter.findings);
            continue;
        }
        let unread = unread.remove(&index).unwrap_or_default();
        if unread.is_empty() && declared.rules.as_ref().is_none_or(Vec::is_empty) {
            continue;
        }
        let mut converter = Converter { group: declared.name.clone(), index, findings: Vec::new() };
        let mut group = converter.group(declared, &tenants);
        converter
            .findings
            .retain(|finding| finding.location.rule.is_none() || !unread.contains(&finding.location.rule));
        let mut at_fault = unread;
        at_fault.extend(withholding(&converter.findings).map(|finding| finding.location.rule));
        match on_invalid.leave_out(at_fault, group.rules.len()) {
            Some(left_out) => {
                if !left_out.is_empty() {
                    conversion.cut.push(FaultyGroup { index, group: group.clone() });
                }
                left_out.take_from(&mut group.rules);
                conversion.groups.push(group);
                conversion.left_out.push(left_out);
            }
            None => {
                conversion.refused.push(group.name.clone());
                conversion.faulty.push(FaultyGroup { index, group });
            }
        }
        conversion.findings.append(&mut converter.findings);
    }
    conversion
}

fn withholding(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.withholds())
}

fn source_tenants(annotations: &BTreeMap<String, String>) -> Vec<String> {
    let listed = annotations.get(SOURCE_TENANTS_ANNOTATION).map_or("", String::as_str);
    listed.split(',').map(str::trim).filter(|tenant| !tenant.is_empty()).map(str::to_owned).collect()
}

/// Converts one group and collects its findings.
struct Converter {
    group: String,
    /// The index of the group in the object.
    index: usize,
    findings: Vec<Finding>,
}

/// The position of the converter in the group.
#[derive(Clone, Copy)]
struct At<'a> {
    rule: Option<(usize, &'a str)>,
}

impl Converter {
    fn group(&mut self, declared: DeclaredGroup, source_tenants: &[String]) -> Group {
        let DeclaredGroup {
            name,
            interval,
            query_offset,
            evaluation_delay,
            limit,
            labels,
            rules,
            source_tenants: own_tenants,
            align_evaluation_time_on_interval,
            // No supported ruler stores it.
            partial_response_strategy: _,
        } = declared;
        let at = At { rule: None };
        self.name(at, "name", &name);
        self.labels(at, "labels", &labels);
        let source_tenants = own_tenants.unwrap_or_else(|| source_tenants.to_vec());
        self.source_tenants(at, &source_tenants);
        Group {
            name,
            interval: self.duration(at, "interval", interval.as_deref()),
            evaluation_delay: self.duration(at, "evaluation_delay", evaluation_delay.as_deref()),
            query_offset: self.duration(at, "query_offset", query_offset.as_deref()),
            limit: limit.unwrap_or_default(),
            rules: rules
                .unwrap_or_default()
                .into_iter()
                .enumerate()
                .map(|(index, rule)| self.rule(index, rule))
                .collect(),
            labels,
            source_tenants,
            align_evaluation_time_on_interval: align_evaluation_time_on_interval.unwrap_or_default(),
        }
    }

    fn rule(&mut self, index: usize, declared: DeclaredRule) -> Rule {
        let DeclaredRule { record, alert, mut expr, for_duration, keep_firing_for, labels, annotations } =
            declared;
        let (record, alert) = (record.unwrap_or_default(), alert.unwrap_or_default());
        let at = At { rule: Some((index, if alert.is_empty() { &record } else { &alert })) };
        match (record.as_str(), alert.as_str()) {
            ("", "") => {
                self.error(at, None, Code::RuleKind, "neither `record` nor `alert` is set").advise("set one")
            }
            ("", name) => self.name(at, "alert", name),
            (name, "") => self.name(at, "record", name),
            _ => self
                .error(at, None, Code::RuleKind, "both `record` and `alert` are set")
                .advise("split it into two rules"),
        }
        // Blanks around it mean nothing, and leading ones can freeze a tenant (docs/contracts/ruler-api.md 3.4).
        if expr.trim().len() < expr.len() {
            expr = expr.trim().to_owned();
        }
        if expr.is_empty() {
            self.error(at, Some("expr"), Code::NoExpr, "the expression is empty");
        }
        if let Some(fault) = text_fault(&expr) {
            self.poison(at, "expr", "text", fault);
        }
        let for_duration = self.duration(at, "for", for_duration.as_deref());
        let keep_firing_for = self.duration(at, "keep_firing_for", keep_firing_for.as_deref());
        self.labels(at, "labels", &labels);
        self.labels(at, "annotations", &annotations);
        if alert.is_empty() && !record.is_empty() {
            let stray = [
                ("for", !for_duration.is_zero()),
                ("keep_firing_for", !keep_firing_for.is_zero()),
                ("annotations", !annotations.is_empty()),
            ];
            for (field, _) in stray.into_iter().filter(|(_, set)| *set) {
                let message = format!("`{field}` has no meaning in a recording rule; rulers refuse it");
                self.findings.push(
                    Finding::suspicion(Code::RecordingField, message).at(self.location(at, Some(field))),
                );
            }
        }
        Rule { record, alert, expr, for_duration, keep_firing_for, labels, annotations }
    }

    /// Converts a duration. Unset, empty and zero all mean none.
    fn duration(&mut self, at: At<'_>, field: &str, text: Option<&str>) -> PromDuration {
        match text {
            None | Some("") => PromDuration::ZERO,
            Some(text) => text.parse().unwrap_or_else(|error: crate::model::DurationError| {
                self.error(at, Some(field), Code::Duration, &error.to_string());
                PromDuration::ZERO
            }),
        }
    }

    fn labels(&mut self, at: At<'_>, field: &str, labels: &BTreeMap<String, String>) {
        for (key, value) in labels {
            if key.is_empty() || key == "__name__" {
                let message = format!("{key:?} cannot be the name of a label or annotation");
                self.error(at, Some(&format!("{field}.{key}")), Code::LabelName, &message);
            }
            if let Some(fault) = label_name_fault(key) {
                self.poison(at, &format!("{field}.{key}"), "name", fault);
            }
            if let Some(fault) = value_fault(value) {
                self.poison(at, &format!("{field}.{key}"), "text", fault);
            }
        }
    }

    /// Checks that each is the name of one tenant: a ruler joins them by `|`, so that `a|b` would read from two.
    fn source_tenants(&mut self, at: At<'_>, tenants: &[String]) {
        for tenant in tenants {
            if tenant.parse::<TenantId>().is_err() {
                let message = format!("{tenant:?} is not the name of a tenant");
                self.error(at, Some("source_tenants"), Code::SourceTenants, &message)
                    .advise("list tenants one by one: letters, digits and !-_.*'() are allowed");
            }
        }
    }

    /// Checks a name of a group, an alert or a metric: one line.
    fn name(&mut self, at: At<'_>, field: &str, name: &str) {
        if name.is_empty() {
            self.error(at, Some(field), Code::NoName, "the name is empty");
        }
        if let Some(fault) = name_fault(name) {
            self.poison(at, field, "name", fault);
        }
    }

    fn poison(&mut self, at: At<'_>, field: &str, what: &str, fault: TextFault) {
        let TextFault { problem, hint } = fault;
        self.error(at, Some(field), Code::Poison, &format!("the {what} {problem}")).advise(hint);
    }

    fn location(&self, at: At<'_>, field: Option<&str>) -> Location {
        Location {
            group: Some(self.group.clone()),
            group_index: Some(self.index),
            rule: at.rule.map(|(index, _)| index),
            rule_name: at.rule.map(|(_, name)| name.to_owned()).filter(|name| !name.is_empty()),
            field: field.map(str::to_owned),
            ..Location::default()
        }
    }

    fn error(&mut self, at: At<'_>, field: Option<&str>, code: Code, message: &str) -> Advice<'_> {
        let location = self.location(at, field);
        self.findings.push(Finding::error(code, message).at(location));
        Advice(&mut self.findings)
    }
}

/// Lets a hint be added to the finding just made.
struct Advice<'a>(&'a mut Vec<Finding>);

impl Advice<'_> {
    fn advise(self, hint: &str) {
        if let Some(finding) = self.0.last_mut() {
            finding.hint = Some(hint.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
