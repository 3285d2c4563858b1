//! For GitLab: a code quality report, which is shown in the changes of a merge request.

use std::io::{self, Write};

use rulesync_core::finding::Severity;
use serde_json::{Value, json};

use super::escaped_json;
use crate::report::{Problem, Report};

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let issues: Value = report.problems.iter().map(issue).collect();
    escaped_json::write(&issues, out)
}

fn issue(problem: &Problem) -> Value {
    let mut description = problem.message.clone();
    let subject = problem.subject();
    if !subject.is_empty() {
        description = format!("{subject}: {description}");
    }
    if let Some(hint) = &problem.hint {
        description = format!("{description} ({hint})");
    }
    json!({
        "type": "issue",
        "check_name": problem.code.name,
        "description": description,
        "content": {"body": problem.code.description},
        "categories": ["Bug Risk"],
        "fingerprint": problem.fingerprint,
        "severity": match problem.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
        },
        "location": {
            "path": problem.location.file.as_deref().unwrap_or_default(),
            "lines": {"begin": problem.location.position.map_or(1, |position| position.line)},
        },
    })
}
