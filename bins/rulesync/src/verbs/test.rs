//! `test`: promtool's unit tests over objects. The rules that a test file asks for are written to a directory as plain rule
//! files, with the test file beside them, an installed promtool runs it, and what it says is traced back to the objects.

mod answer;
mod cases;
mod document;
mod junit;
mod report;
mod rules;
mod tool;
mod written;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rulesync_core::finding::{Position, Printable};

use crate::failure::Failure;
use crate::input::InputPath;
use crate::judge::Judge;
use crate::stdout::print;
use answer::{TestFailure, UnknownKey, failures, unknown_keys};
use cases::{cases, rule_files};
use document::Node;
use report::{TestReport, summary};
use rules::{RuleFinder, Rules};
use tool::{Answer, Flavor, Tool};
use written::Written;

/// Run promtool's unit tests over objects. Exits with 0 if all pass, else 1.
///
/// A test file is one of `promtool test rules`, whose `rule_files` may also be manifests (PrometheusRules and the other kinds),
/// directories of these, and objects by name (`object: NAMESPACE/NAME`). With --config, rules are tested as the routes send
/// them, with their labels and matchers. The tests themselves are run by an installed promtool or vmalert-tool.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The test files.
    #[arg(value_name = "TESTFILE", required = true)]
    files: Vec<PathBuf>,

    /// The configuration whose routes the rules are tested for. Objects by name are looked for in the files of its sources.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Test the rules as they are written, also with --config.
    #[arg(long)]
    raw: bool,

    /// The route to test the rules for, where the routes of the configuration change an object in different ways.
    #[arg(long, value_name = "NAME", requires = "config", conflicts_with = "raw")]
    route: Option<String>,

    /// With --config: the source whose objects these are, where the configuration has routes for some sources alone.
    #[arg(long, value_name = "NAME", requires = "config")]
    source: Option<String>,

    /// A file or directory in which objects are looked for by name, instead of those of the configuration. Can be repeated.
    #[arg(long, value_name = "PATH")]
    objects: Vec<PathBuf>,

    /// The promtool to run, instead of $PROMTOOL or that of the PATH.
    #[arg(long, value_name = "PATH", conflicts_with = "vmalert_tool")]
    promtool: Option<PathBuf>,

    /// The vmalert-tool to run, which evaluates MetricsQL.
    #[arg(long, value_name = "PATH")]
    vmalert_tool: Option<PathBuf>,

    /// Also write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let tool = Tool::find(args.promtool.as_deref(), args.vmalert_tool.as_deref()).map_err(Failure::Input)?;
    let (routed, paths) = Judge::new(None, args.config.as_deref(), args.source.as_deref()).await?;
    let judge = if args.raw { Judge::new(None, None, None).await?.0 } else { routed };
    let given = |path: &PathBuf| InputPath { path: path.clone(), glob: Vec::new() };
    let objects = if args.objects.is_empty() { paths } else { args.objects.iter().map(given).collect() };
    let finder = RuleFinder { judge, objects, route: args.route };
    let mut reports = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let report = test(file, &finder, &tool)?;
        print(&report.to_string().lines().map(|line| format!("{}\n", Printable(line))).collect::<String>())?;
        reports.push(report);
    }
    print(&summary(&reports))?;
    if let Some(path) = &args.junit {
        let suites: Vec<junit::Suite> = reports.iter().map(TestReport::suite).collect();
        std::fs::write(path, junit::document(&suites)).map_err(|error| Failure::write(path, error))?;
    }
    let passed = reports.iter().all(TestReport::has_passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The largest test file, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Runs the tests of a file.
fn test(path: &Path, finder: &RuleFinder, tool: &Tool) -> Result<TestReport, Failure> {
    let shown = path.display().to_string();
    let text =
        rulesync_fs::read(path, MAX_BYTES).map_err(|error| Failure::Input(format!("{shown}: {error}")))?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::Input(format!("{shown}: the file is not UTF-8 text")))?;
    let mut report = TestReport { file: shown, ..TestReport::default() };
    let document = match Node::parse(&text) {
        Ok(document) => document,
        Err((position, message)) => return Ok(report.with_error(Some(position), &message)),
    };
    let entries = match rule_files(&document) {
        Ok(entries) => entries,
        Err((position, message)) => return Ok(report.with_error(Some(position), &message)),
    };
    report.cases = cases(&document);
    let directory = path.parent().unwrap_or(Path::new(""));
    let Rules { files, notes, errors } = finder.find(&entries, directory, &report.file)?;
    report.notes = notes;
    report.rule_files = files;
    if errors.is_empty() {
        run_tool(&document, tool, &mut report)?;
    } else {
        report.errors = errors;
    }
    Ok(report)
}

/// Lets a tool run the tests, without the keys that it does not know.
fn run_tool(document: &Node, tool: &Tool, report: &mut TestReport) -> Result<(), Failure> {
    let temporary = |error| Failure::write(&std::env::temp_dir(), error);
    let directory = tempfile::Builder::new().prefix("rulesync-test-").tempdir().map_err(temporary)?;
    let mut document = for_tool(document, tool.flavor);
    let mut left_out_of_rules: Vec<String> = Vec::new();
    // Each time without more keys, so that this ends.
    loop {
        let paths = write_rules(directory.path(), report, &left_out_of_rules)?;
        let written = Written::of(&with_rule_files(&document, &paths));
        let file = directory.path().join("test.yaml");
        std::fs::write(&file, &written.text).map_err(|error| Failure::write(&file, error))?;
        let answer = tool.test(&file, !has_group_names(&document)).map_err(Failure::Input)?;
        if answer.is_success {
            return Ok(());
        }
        let unknown = unknown_keys(&answer.text);
        let of_tests = unknown.iter().filter(|key| !key.is_of_rules && OPTIONAL.contains(&key.key.as_str()));
        let positions: Vec<Position> = of_tests.filter_map(|key| written.position(key.line)).collect();
        let mut removed = Vec::new();
        document.remove(&positions, &mut removed);
        for (position, key) in &removed {
            report.notes.push(left_out(&format!("{}:{position}: `{key}`", report.file), tool));
        }
        let before = left_out_of_rules.len();
        for UnknownKey { key, is_of_rules, .. } in unknown {
            let is_optional = is_of_rules && OPTIONAL_OF_RULES.contains(&key.as_str());
            if is_optional && !left_out_of_rules.contains(&key) {
                report.notes.push(left_out(&format!("`{key}` of rule groups or rules"), tool));
                left_out_of_rules.push(key);
            }
        }
        if removed.is_empty() && left_out_of_rules.len() == before {
            failed(report, &answer, &written, &paths);
            return Ok(());
        }
    }
}

/// Keys of test files that only some tools and versions know, and that are no tests themselves.
const OPTIONAL: [&str; 6] =
    ["fuzzy_compare", "name", "start_timestamp", "external_url", "external_labels", "groupname"];

/// The same of rule files.
const OPTIONAL_OF_RULES: [&str; 2] = ["query_offset", "limit"];

fn left_out(what: &str, tool: &Tool) -> String {
    format!("{what} is left out: {} does not know it", tool.name)
}

/// Writes the rule files, and returns their paths.
fn write_rules(directory: &Path, report: &TestReport, left_out: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::with_capacity(report.rule_files.len());
    for (index, file) in report.rule_files.iter().enumerate() {
        let path = directory.join(format!("rules-{index}.yaml"));
        std::fs::write(&path, file.text(left_out)).map_err(|error| Failure::write(&path, error))?;
        paths.push(path);
    }
    Ok(paths)
}

/// Returns the document with these rule files.
fn with_rule_files(document: &Node, paths: &[PathBuf]) -> Node {
    let mut document = document.clone();
    if let document::Content::Mapping(entries) = &mut document.content {
        for (key, value) in entries {
            if key.as_text() == Some("rule_files") {
                let item = |path: &PathBuf| Node::text(value.position, path.display().to_string());
                value.content = document::Content::List(paths.iter().map(item).collect());
            }
        }
    }
    document
}

/// Returns the document with the keys that a tool has for tests of expressions.
fn for_tool(document: &Node, flavor: Flavor) -> Node {
    let (from, to) = match flavor {
        Flavor::Promtool => return document.clone(),
        Flavor::VmalertTool => ("promql_expr_test", "metricsql_expr_test"),
    };
    let mut document = document.clone();
    document.rename_key(from, to);
    document
}

/// Returns whether the tests name groups of alerts, as those of vmalert-tool do.
fn has_group_names(document: &Node) -> bool {
    let tests = document.get("tests").map(Node::items).unwrap_or_default();
    let alerts = tests.iter().filter_map(|test| test.get("alert_rule_test")).flat_map(Node::items);
    alerts.into_iter().any(|alert| alert.get("groupname").is_some())
}

/// Notes the failures that a tool reports, with their places.
fn failed(report: &mut TestReport, answer: &Answer, written: &Written, paths: &[PathBuf]) {
    for TestFailure { case, lines } in failures(&answer.text, &report.cases) {
        let lines: Vec<String> = lines.iter().map(|line| traced(line, report, written, paths)).collect();
        match case {
            Some(case) => report.failures.push((case, lines)),
            None => report.add_error(&lines),
        }
    }
    if report.failures.is_empty() && report.errors.is_empty() {
        report.errors.push("the tool failed and did not say why".to_owned());
    }
}

/// Returns a line of a tool with the places of the author's files.
fn traced(line: &str, report: &TestReport, written: &Written, paths: &[PathBuf]) -> String {
    for (file, path) in report.rule_files.iter().zip(paths) {
        let path = path.display().to_string();
        if let Some((before, rest)) = line.split_once(&path) {
            return format!("{before}{}", of_rule(rest, file));
        }
    }
    // Such as `line 12: cannot unmarshal …`, or `yaml: line 12: …`.
    let numbered = line.split_once("line ").and_then(|(before, rest)| {
        let (number, rest) = rest.split_once(": ")?;
        let position: Position = written.position(number.parse().ok()?)?;
        Some(format!("{before}{}:{position}: {rest}", report.file))
    });
    numbered.unwrap_or_else(|| line.to_owned())
}

/// Returns what a tool says of a rule file behind its path, such as
/// `: 5:15: group "g", rule 1, "Down": could not parse expression: 1:8: parse error: …`, with the place of the rule.
fn of_rule(rest: &str, file: &rules::RuleFile) -> String {
    let found = rest.split_once("group \"").and_then(|(_, text)| {
        let (group, text) = text.split_once("\", rule ")?;
        let (number, message) = text.split_once(", ")?;
        let rule = number.parse::<usize>().ok()?.checked_sub(1)?;
        let inside = message.split_once("could not parse expression: ").and_then(|(_, at)| {
            let mut numbers = at.split(':').map(|number| number.parse::<usize>().ok());
            Some(Position { line: numbers.next()??, column: numbers.next()?? })
        });
        let place = file.place(group, Some(rule), inside);
        Some(format!("{place}: {}, group {group:?}, rule {rule}, {message}", file.id))
    });
    found.unwrap_or_else(|| format!("{}: {}{rest}", file.source, file.id))
}
