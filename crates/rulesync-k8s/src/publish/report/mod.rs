//! `Report` of openreports.io: what is wrong with an object, for the tools that collect such reports of all policy engines.
//! It contains failures only, and exists as long as there are any.

mod resource;

use k8s_openapi::api::core::v1::ObjectReference;
use rulesync_core::Owner;
use rulesync_core::status::ObjectStatus;

pub use resource::{Report, ReportContents, ReportResult, ReportSummary};

use super::conditions::Conditions;
use super::contents::{self, MAX_FINDINGS};
use super::digest::Digest;
use super::draft::{Dated, Draft};
use super::findings::{self, Found, Meaning};
use super::metadata::{DIGEST_ANNOTATION, beside};
use super::reason::Reason;
use super::rule_status::name;
use super::transitions::Transitions;
use crate::resource::Kind;

/// The source that reports name.
const SOURCE: &str = "rulesync";

/// The category of all results.
const CATEGORY: &str = "Rules";

/// Returns the report of an object; none if nothing is wrong with it, or if no cluster has it. A report that exists is to be
/// deleted then.
pub fn render(status: &ObjectStatus, owner: &Owner) -> Option<Draft<Report>> {
    let kind = Kind::of(&status.kind)?;
    let found = findings::of(status);
    let conditions = Conditions::with(status, &found);
    if !conditions.state().is_problem() {
        return None;
    }
    let failures = found.iter().filter(|found| is_failure(found));
    let results: Vec<ReportResult> =
        state_result(&conditions).into_iter().chain(failures.map(result)).collect();
    let metadata = beside(name(&status.kind, &status.name, owner), kind, status, owner, conditions.state());
    let scope = ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(status.kind.clone()),
        namespace: Some(status.namespace.clone()),
        name: Some(status.name.clone()),
        uid: status.uid.clone(),
        ..ObjectReference::default()
    };
    let fail = i64::try_from(results.len()).unwrap_or(i64::MAX);
    let spec = ReportContents {
        source: SOURCE.to_owned(),
        scope: Some(scope),
        summary: ReportSummary { fail, ..ReportSummary::default() },
        results: results.into_iter().take(MAX_FINDINGS).collect(),
    };
    let rendering = Report { metadata, spec };
    let digest = Digest::new(&rendering, &contents::steady(status));
    Some(Draft { rendering, conditions, digest })
}

impl Dated for Report {
    fn date(&mut self, digest: Digest, _: &Transitions) {
        let annotations = self.metadata.annotations.get_or_insert_default();
        annotations.insert(DIGEST_ANNOTATION.to_owned(), digest.to_string());
    }
}

fn is_failure(found: &Found<'_>) -> bool {
    found.meaning() < Meaning::Warning && found.meaning() != Meaning::Suspicion
}

/// Returns the result for a problem that is the state of the whole object, and that no finding is about.
fn state_result(conditions: &Conditions) -> Option<ReportResult> {
    let reason = conditions.synced.reason;
    let is_state = matches!(reason, Reason::DeletesHeld | Reason::LimitExceeded | Reason::OwnerConflict);
    is_state.then(|| ReportResult {
        policy: reason.word().to_owned(),
        severity: "medium".to_owned(),
        message: conditions.synced.message.clone(),
        ..failed()
    })
}

fn failed() -> ReportResult {
    let (category, result) = (CATEGORY.to_owned(), "fail".to_owned());
    ReportResult { category, result, scored: true, ..ReportResult::default() }
}

fn result(found: &Found<'_>) -> ReportResult {
    let contents = contents::finding(found);
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let properties = [
        ("ruler", contents.ruler),
        ("tenant", contents.tenant),
        ("group", contents.group.clone()),
        ("field", contents.field),
        ("line", number(contents.line)),
        ("column", number(contents.column)),
        ("hint", contents.hint),
    ];
    ReportResult {
        policy: found.finding.code.name().to_owned(),
        rule: contents.rule_name.or(contents.group),
        severity: if found.finding.is_error() { "high" } else { "medium" }.to_owned(),
        message: contents.message.unwrap_or_default(),
        properties: properties
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
        ..failed()
    }
}
