//! For programs: one object, whose form is documented in `docs/cli/check.md` and changes only with its `version`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use rulesync_core::ObjectId;
use rulesync_core::finding::Severity;
use serde::Serialize;

use super::escaped_json;
use crate::report::{CheckedObject, Counts, Problem, Report};

/// The version of the form. New keys may be added within one.
const VERSION: u32 = 1;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    escaped_json::write(&ReportForm::of(report), out)
}

/// A report.
#[derive(Debug, Serialize)]
pub(super) struct ReportForm<'a> {
    version: u32,
    summary: Summary,
    findings: Vec<FindingForm<'a>>,
    /// Only if objects were checked as the routes of a configuration send them.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Vec<ObjectForm<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecided_routes: Option<Vec<Undecided<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unwatched_kubernetes_namespaces: Option<&'a BTreeSet<String>>,
}

#[derive(Debug, Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    files: usize,
    objects: usize,
    groups: usize,
    rules: usize,
    /// Documents of other kinds.
    others: usize,
    /// Objects that `--selector` does not select.
    not_selected: usize,
}

#[derive(Debug, Serialize)]
struct FindingForm<'a> {
    severity: Severity,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// In characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Identity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    /// From 0, as rulers count.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// The template of a Helm chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    destinations: &'a BTreeSet<String>,
    fingerprint: &'a str,
}

#[derive(Debug, Serialize)]
struct Identity<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct ObjectForm<'a> {
    #[serde(flatten)]
    id: Identity<'a>,
    file: &'a str,
    destinations: Vec<DestinationForm<'a>>,
}

#[derive(Debug, Serialize)]
struct DestinationForm<'a> {
    ruler: &'a str,
    tenant: Option<&'a str>,
    route: &'a str,
    ruler_namespace: &'a str,
}

#[derive(Debug, Serialize)]
struct Undecided<'a> {
    route: &'a str,
    kubernetes_namespaces: &'a BTreeSet<String>,
}

impl<'a> ReportForm<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let Counts { files, groups, rules, others, not_selected } = report.counts;
        let summary = Summary {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            files,
            objects: report.objects.len(),
            groups,
            rules,
            others,
            not_selected,
        };
        let undecided = report.undecided.iter();
        Self {
            version: VERSION,
            summary,
            findings: report.problems.iter().map(FindingForm::of).collect(),
            objects: report.is_routed().then(|| report.objects.iter().map(ObjectForm::of).collect()),
            undecided_routes: report.is_routed().then(|| {
                undecided
                    .map(|(route, namespaces)| Undecided { route, kubernetes_namespaces: namespaces })
                    .collect()
            }),
            unwatched_kubernetes_namespaces: report.is_routed().then_some(&report.unwatched),
        }
    }
}

impl<'a> FindingForm<'a> {
    fn of(problem: &'a Problem) -> Self {
        let Problem {
            severity,
            code,
            message,
            hint,
            location,
            object,
            destinations,
            template,
            fingerprint,
            ..
        } = problem;
        Self {
            severity: *severity,
            code: code.name,
            message,
            hint: hint.as_deref(),
            file: location.file.as_deref(),
            line: location.position.map(|position| position.line),
            column: location.position.map(|position| position.column),
            object: object.as_ref().map(Identity::of),
            group: location.group.as_deref(),
            rule: location.rule,
            rule_name: location.rule_name.as_deref(),
            field: location.field.as_deref(),
            template: template.as_deref(),
            destinations,
            fingerprint,
        }
    }
}

impl<'a> Identity<'a> {
    fn of(id: &'a ObjectId) -> Self {
        Self { kind: id.kind(), namespace: id.namespace(), name: id.name() }
    }
}

impl<'a> ObjectForm<'a> {
    fn of(object: &'a CheckedObject) -> Self {
        let destinations = object.destinations.iter().map(|destination| DestinationForm {
            ruler: &destination.id.ruler,
            tenant: destination.id.tenant.as_ref().map(|tenant| tenant.as_str()),
            route: &destination.route,
            ruler_namespace: &destination.namespace,
        });
        Self { id: Identity::of(&object.id), file: &object.file, destinations: destinations.collect() }
    }
}
