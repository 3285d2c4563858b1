//! The results as JUnit XML, as CI systems read it: a suite for each test file, a case for each of its cases. The form is
//! that of `check`.

use std::fmt::Write as _;

use crate::output::xml::escape;

/// A test file.
#[derive(Debug, Default)]
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) cases: Vec<SuiteCase>,
    /// What went wrong apart from the cases.
    pub(super) errors: Vec<String>,
}

/// A case.
#[derive(Debug)]
pub(super) struct SuiteCase {
    pub(super) name: String,
    /// Why it failed.
    pub(super) failure: Option<String>,
}

/// Returns the document.
pub(super) fn document(suites: &[Suite]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        r#"<testsuites name="rulesync test" tests="{}" failures="{}" errors="{}" time="0">"#,
        sum(Suite::tests),
        sum(Suite::failures),
        sum(|suite| suite.errors.len())
    );
    for suite in suites {
        suite.write(&mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

impl Suite {
    fn tests(&self) -> usize {
        self.cases.len() + self.errors.len()
    }

    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }

    fn write(&self, xml: &mut String) {
        let name = escape(&self.name);
        let (tests, failures, errors) = (self.tests(), self.failures(), self.errors.len());
        let _ = writeln!(
            xml,
            r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="{errors}" skipped="0" time="0">"#
        );
        for SuiteCase { name: case, failure } in &self.cases {
            write_case(xml, &name, &escape(case), failure.as_ref().map(|text| ("failure", text.as_str())));
        }
        for error in &self.errors {
            write_case(xml, &name, "test file", Some(("error", error)));
        }
        xml.push_str("  </testsuite>\n");
    }
}

/// Writes a case, and the element that says what went wrong.
fn write_case(xml: &mut String, class: &str, name: &str, wrong: Option<(&str, &str)>) {
    let start = format!(r#"    <testcase classname="{class}" name="{name}" time="0""#);
    let _ = match wrong {
        None => writeln!(xml, "{start}/>"),
        Some((kind, text)) => {
            let message = escape(text.lines().next().unwrap_or_default().trim());
            writeln!(
                xml,
                "{start}>\n      <{kind} message=\"{message}\" type=\"test\">{}</{kind}>\n    </testcase>",
                escape(text)
            )
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_has_a_suite_for_each_file() {
        let case = |name: &str, failure: Option<&str>| SuiteCase {
            name: name.to_owned(),
            failure: failure.map(str::to_owned),
        };
        let suites = [
            Suite {
                name: "a.yaml".into(),
                cases: vec![
                    case("alert A at 5m", None),
                    case("expression a < b at 0s", Some("  exp: \"x\"\n\u{1b}")),
                ],
                errors: Vec::new(),
            },
            Suite { name: "b.yaml".into(), errors: vec!["not YAML".into()], ..Suite::default() },
        ];
        insta::assert_snapshot!(document(&suites), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="rulesync test" tests="3" failures="1" errors="1" time="0">
          <testsuite name="a.yaml" tests="2" failures="1" errors="0" skipped="0" time="0">
            <testcase classname="a.yaml" name="alert A at 5m" time="0"/>
            <testcase classname="a.yaml" name="expression a &lt; b at 0s" time="0">
              <failure message="exp: &quot;x&quot;" type="test">  exp: &quot;x&quot;&#10;�</failure>
            </testcase>
          </testsuite>
          <testsuite name="b.yaml" tests="1" failures="0" errors="1" skipped="0" time="0">
            <testcase classname="b.yaml" name="test file" time="0">
              <error message="not YAML" type="test">not YAML</error>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
