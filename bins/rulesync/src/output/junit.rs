//! For CI systems that show tests: each file a suite, each object a test that passes, or else each problem one that fails.
//! Warnings do not fail. The form is that of the `xUnit` plugin of Jenkins, which GitLab and others read, too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rulesync_core::finding::Severity;
use rulesync_core::model::RULE_FILE;

use super::xml::escape;
use crate::report::{CheckedObject, Problem, Report};

/// A file with its objects and problems.
#[derive(Default)]
struct Suite<'a> {
    objects: Vec<&'a CheckedObject>,
    problems: Vec<&'a Problem>,
}

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Suite<'_>> = BTreeMap::new();
    for object in &report.objects {
        suites.entry(&object.file).or_default().objects.push(object);
    }
    for problem in &report.problems {
        suites
            .entry(problem.location.file.as_deref().unwrap_or_default())
            .or_default()
            .problems
            .push(problem);
    }
    let suites: Vec<(&str, Suite<'_>)> = suites.into_iter().collect();
    let (tests, failures) = suites.iter().fold((0, 0), |(tests, failures), (_, suite)| {
        (tests + suite.tests().count(), failures + suite.failures())
    });
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="rulesync check" tests="{tests}" failures="{failures}" errors="0" time="0">"#
    )?;
    for (file, suite) in &suites {
        suite.write(file, out)?;
    }
    writeln!(out, "</testsuites>")
}

impl<'a> Suite<'a> {
    /// Iterates over the tests: the objects without a problem, and the problems.
    fn tests(&self) -> impl Iterator<Item = Result<&'a CheckedObject, &'a Problem>> {
        let is_sound = |object: &&&CheckedObject| {
            self.problems.iter().all(|problem| problem.object.as_ref() != Some(&object.id))
        };
        let sound = self.objects.iter().filter(is_sound).map(|object| Ok(*object));
        sound.chain(self.problems.iter().map(|problem| Err(*problem)))
    }

    fn failures(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    fn write(&self, file: &str, out: &mut impl Write) -> io::Result<()> {
        let name = escape(if file.is_empty() { "rulesync" } else { file });
        let (tests, failures) = (self.tests().count(), self.failures());
        writeln!(
            out,
            r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="0" skipped="0" time="0">"#
        )?;
        for test in self.tests() {
            match test {
                Ok(object) => {
                    let object = match object.id.kind() {
                        RULE_FILE => "rule file".to_owned(),
                        _ => object.id.to_string(),
                    };
                    writeln!(
                        out,
                        r#"    <testcase classname="{name}" name="{}" time="0"/>"#,
                        escape(&object)
                    )?;
                }
                Err(problem) => write_problem(problem, &name, out)?,
            }
        }
        writeln!(out, "  </testsuite>")
    }
}

fn write_problem(problem: &Problem, class: &str, out: &mut impl Write) -> io::Result<()> {
    let subject = problem.subject();
    let title = match (subject.is_empty(), problem.location.position) {
        (false, _) => format!("{}: {subject}", problem.code.name),
        (true, Some(position)) => format!("{}: line {}", problem.code.name, position.line),
        (true, None) => problem.code.name.to_owned(),
    };
    writeln!(out, r#"    <testcase classname="{class}" name="{}" time="0">"#, escape(&title))?;
    let mut text = format!("{}: {}", problem.place(), problem.message);
    if let Some(excerpt) = &problem.excerpt {
        text.push_str(&format!("\n{}", excerpt.line));
    }
    if let Some(hint) = &problem.hint {
        text.push_str(&format!("\nhelp: {hint}"));
    }
    let (message, text) = (escape(&problem.message), escape(&text));
    match problem.severity {
        Severity::Error => {
            writeln!(
                out,
                r#"      <failure message="{message}" type="{}">{text}</failure>"#,
                problem.code.name
            )?;
        }
        Severity::Warning => writeln!(out, "      <system-out>warning: {text}</system-out>")?,
    }
    writeln!(out, "    </testcase>")
}
