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
mod tests {
    use super::*;

    fn converted(groups: &str) -> Conversion {
        let annotations = BTreeMap::from([(SOURCE_TENANTS_ANNOTATION.to_owned(), " b,, a ,".to_owned())]);
        convert(serde_json::from_str(groups).unwrap(), &annotations, &[], OnInvalid::Group)
    }

    #[test]
    fn finding_of_the_source_makes_the_rule_invalid_and_is_reported_once() {
        let groups = r#"[{"name":"g","rules":[{"record":"r","expr":""},{"record":"s","expr":"1"}]},{"name":"h"},
            {"name":"i","rules":[{"record":"r","expr":"1"}]}]"#;
        let unread = |group, rule| {
            let location = Location { group_index: Some(group), rule, ..Location::default() };
            Finding::error(Code::Type, "a list, and must be a text").at(location)
        };
        let found = [unread(0, Some(0)), unread(1, None)];
        let converted =
            |on_invalid| convert(serde_json::from_str(groups).unwrap(), &BTreeMap::new(), &found, on_invalid);
        let names = |conversion: &Conversion| -> Vec<(String, usize)> {
            conversion.groups.iter().map(|group| (group.name.clone(), group.rules.len())).collect()
        };
        let by_group = converted(OnInvalid::Group);
        assert_eq!(names(&by_group), [("i".to_owned(), 1)]);
        let faulty = by_group.faulty.iter().map(|faulty| (faulty.index, faulty.group.rules.len()));
        assert_eq!(faulty.collect::<Vec<_>>(), [(0, 2), (1, 0)]);
        assert_eq!((by_group.refused, by_group.findings), (vec!["g".to_owned(), "h".to_owned()], vec![]));
        let by_rule = converted(OnInvalid::Rule);
        assert_eq!(names(&by_rule), [("g".to_owned(), 1), ("i".to_owned(), 1)]);
        assert_eq!(by_rule.left_out[0].declared(0), 1);
        let cut = by_rule.cut.iter().map(|cut| (cut.index, cut.group.rules.len()));
        assert_eq!(cut.collect::<Vec<_>>(), [(0, 2)]);
        assert_eq!((by_rule.refused, by_rule.findings), (vec!["h".to_owned()], vec![]));
    }

    fn findings(groups: &str) -> Vec<String> {
        converted(groups).findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn conversion_takes_everything_the_crd_accepts() {
        let conversion = converted(
            r#"[{"name":"g","interval":"","partial_response_strategy":"warn","limit":5,"query_offset":"1m",
                 "rules":[{"alert":"A","expr":1,"for":"","labels":{"a":null}},{"record":"r:x","expr":" up\n"}]},
                {"name":"none"},{"name":"empty","rules":[]}]"#,
        );
        assert_eq!(conversion.findings, []);
        let [group] = conversion.groups.as_slice() else { panic!("one group") };
        assert_eq!(group.source_tenants, ["b", "a"]);
        assert_eq!((group.rules[0].expr.as_str(), group.rules[1].expr.as_str()), ("1", "up"));
        assert_eq!(group.rules[0].labels["a"], "");
        assert_eq!(group.limit, 5);
        assert_eq!(converted("[]"), Conversion::default());
    }

    #[test]
    fn conversion_of_an_invalid_group_does_not_affect_the_others() {
        let conversion = converted(
            r#"[{"name":"bad","interval":"1.5h","rules":[{"alert":"A","expr":"up","for":"x"},{"expr":"up"},
                 {"record":"a","alert":"b","expr":"up"},{"record":"r"}]},
                {"name":"good","rules":[{"record":"r","expr":"up"}]},
                {"name":"good","rules":[{"record":"r2","expr":"up"}]}]"#,
        );
        assert_eq!(conversion.groups.len(), 1);
        assert_eq!(conversion.groups[0].rules[0].record, "r");
        assert_eq!(conversion.refused, ["bad"]);
        let texts: Vec<String> = conversion.findings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        group "bad", interval: `1.5h` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
        group "bad", rule 0 "A", for: `x` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
        group "bad", rule 1: neither `record` nor `alert` is set (set one)
        group "bad", rule 2 "b": both `record` and `alert` are set (split it into two rules)
        group "bad", rule 3 "r", expr: the expression is empty
        group "good": a group of this name stands earlier in the object (the first one counts: rename or remove this one)
        "#);
    }

    #[test]
    fn conversion_refuses_texts_that_freeze_a_tenant() {
        let rule = |field: &str| format!(r#"[{{"name":"g","rules":[{{"alert":"A","expr":"up",{field}}}]}}]"#);
        for poison in [
            rule(r#""annotations":{"a":"\tx\ny"}"#),
            rule(r#""labels":{"a":" \tx\n"}"#),
            rule(r#""annotations":{"a":"x\u0085y"}"#),
            rule(r#""annotations":{"a":"x\u2028y"}"#),
            rule(r#""annotations":{"a":"x\u0000y"}"#),
            rule(r#""labels":{"a\nb":"x"}"#),
            rule(r#""labels":{"__name__":"x"}"#),
            rule(r#""labels":{"<<":"x"}"#),
            rule(r#""annotations":{"<<":"x"}"#),
            rule(r#""annotations":{"a":"x\uffffy"}"#),
            r#"[{"name":"g","labels":{"<<":"x"},"rules":[{"alert":"A","expr":"up"}]}]"#.to_owned(),
            r#"[{"name":"g","rules":[{"alert":"\tA\nB","expr":"up"}]}]"#.to_owned(),
            "[{\"name\":\"\\nA\",\"rules\":[{\"alert\":\"A\",\"expr\":\"up\"}]}]".to_owned(),
            r#"[{"name":"","rules":[{"alert":"A","expr":"up"}]}]"#.to_owned(),
        ] {
            assert_eq!(converted(&poison).groups, [], "{poison}");
        }
        for harmless in [
            rule(r#""annotations":{"a":"x\n\ty"}"#),
            rule(r#""annotations":{"a":"\tx"}"#),
            rule(r#""annotations":{"a":"\nx"}"#),
            rule(r#""annotations":{"a":"x \r\n"}"#),
            rule(r#""annotations":{"a":"<<","b":"{{ $labels.x }}"}"#),
            r#"[{"name":"g","rules":[{"alert":"A","expr":"\tup\n\tor down"}]}]"#.to_owned(),
        ] {
            assert_eq!(findings(&harmless), Vec::<String>::new(), "{harmless}");
        }
    }

    #[test]
    fn source_tenants_are_names_of_single_tenants() {
        let refused = |tenants: &str| {
            findings(&format!(
                r#"[{{"name":"g","source_tenants":[{tenants}],"rules":[{{"alert":"A","expr":"up"}}]}}]"#
            ))
        };
        assert_eq!(refused(r#""a","team-b""#), Vec::<String>::new());
        for odd in [r#""shared-x|victim""#, r#""a","..""#, r#""a\nb""#, r#""""#] {
            let errors = refused(odd);
            assert!(
                errors.len() == 1 && errors[0].contains("is not the name of a tenant"),
                "{odd}: {errors:?}"
            );
        }
    }

    #[test]
    fn conversion_offers_what_only_the_ruler_can_judge() {
        let groups = r#"[{"name":"g","rules":[{"record":"r","expr":"not promql (","for":"1m","annotations":{"a":"b"}}]}]"#;
        let conversion = converted(groups);
        assert_eq!(conversion.groups.len(), 1);
        assert_eq!(conversion.findings.len(), 2);
        assert!(conversion.findings.iter().all(|finding| finding.is_error() && !finding.withholds()));
    }
}
