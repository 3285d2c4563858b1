//! The commands that the documentation shows and no test runs, such as those that need a cluster, have verbs and flags that
//! exist.

use std::collections::BTreeMap;
use std::path::Path;

use rulesync_testkit::transcript::{commands, documents};

use crate::cli::run;

/// Returns the words after `rulesync` in each command of a pipeline that is one, without comments.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" #").next().unwrap_or_default();
    line.split(['|', ';', '&', '(', ')'])
        .map(|command| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|word| word == "rulesync"))
        .map(|words| words[1..].to_vec())
        .collect()
}

/// Says what is wrong with a call, by the help of its verb.
fn problem(words: &[String], helps: &mut BTreeMap<String, Option<String>>) -> Option<String> {
    let verbs: Vec<&str> =
        words.iter().map(String::as_str).take_while(|word| !word.starts_with('-')).collect();
    let verb = verbs.first()?;
    let is_nested = matches!(*verb, "config" | "import");
    let verb = verbs[..verbs.len().min(if is_nested { 2 } else { 1 })].join(" ");
    let help = helps.entry(verb.clone()).or_insert_with(|| {
        let mut arguments: Vec<&str> = verb.split(' ').collect();
        arguments.push("--help");
        let shown = run(&arguments);
        shown.status.success().then(|| String::from_utf8(shown.stdout).unwrap())
    });
    let Some(help) = help else { return Some(format!("no verb {verb:?}")) };
    let flags = words.iter().filter_map(|word| word.strip_prefix("--")).filter(|flag| !flag.is_empty());
    let mut names = flags.map(|flag| flag.split('=').next().unwrap_or_default());
    let known: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
    names
        .find(|name| !known.contains(&&*format!("--{name}")))
        .map(|name| format!("no flag --{name} of {verb:?}"))
}

#[test]
fn documented_commands_exist() {
    let (mut helps, mut problems, mut checked) = (BTreeMap::new(), Vec::new(), 0);
    for document in documents(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap() {
        for line in commands(&std::fs::read_to_string(&document).unwrap()) {
            for words in calls(&line) {
                checked += 1;
                let problem = problem(&words, &mut helps);
                problems.extend(problem.map(|problem| format!("{}: {problem}: {line}", document.display())));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(checked > 50, "{checked} commands were found");
}

#[test]
fn documented_commands_are_checked() {
    let mut helps = BTreeMap::new();
    let mut problem_of = |line: &str| calls(line).iter().find_map(|words| problem(words, &mut helps));
    assert_eq!(problem_of("helm template x --no-such-flag | rulesync check - --config=FILE"), None);
    assert_eq!(problem_of("rulesync import alloy FILE --owner me; rulesync --version"), None);
    assert_eq!(problem_of("rulesync chek rules"), Some("no verb \"chek\"".to_owned()));
    assert_eq!(
        problem_of("true && rulesync plan rules --own me"),
        Some("no flag --own of \"plan\"".to_owned())
    );
}
