//! The rules of a test: the objects that a test file asks for, as their route sends them, made into plain rule files.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rulesync_core::check::CheckedDestination;
use rulesync_core::finding::{Location, Position};
use rulesync_core::model::{Group, Positions, QueryLanguage, RULE_FILE, Rule};
use rulesync_core::route::NamespaceMetadata;
use rulesync_core::{Finding, ObjectId, RuleObject};
use serde_json::{Map, Value, json};

use super::cases::{RuleFileEntry, Wanted};
use crate::failure::Failure;
use crate::input::{InputFile, InputPath, Inputs};
use crate::judge::Judge;

/// Finds and transforms the rules of tests.
#[derive(Debug)]
pub(super) struct RuleFinder {
    /// Transforms objects as their routes do, or leaves them as they are.
    pub(super) judge: Judge,
    /// Where objects are looked for that are asked for by name.
    pub(super) objects: Vec<InputPath>,
    /// The route to take where an object goes by several.
    pub(super) route: Option<String>,
}

/// A plain rule file, made of an object.
#[derive(Debug)]
pub(super) struct RuleFile {
    /// The object.
    pub(super) id: ObjectId,
    /// The file that declares it.
    pub(super) source: String,
    pub(super) groups: Vec<Group>,
    positions: Positions,
}

/// The rules of one test file.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) files: Vec<RuleFile>,
    /// What was left out, for the author to know.
    pub(super) notes: Vec<String>,
    /// Why the test cannot be run.
    pub(super) errors: Vec<String>,
}

impl RuleFinder {
    /// Returns the rules that the entries of a test file ask for. Paths are relative to `directory`; `shown` is the test file.
    pub(super) fn find(
        &self,
        entries: &[RuleFileEntry],
        directory: &Path,
        shown: &str,
    ) -> Result<Rules, Failure> {
        let mut rules = Rules::default();
        let mut seen: HashSet<(String, String)> = HashSet::new();
        for RuleFileEntry { position, wanted } in entries {
            let (paths, name) = match wanted {
                Wanted::Path(path) => (files(directory, path), None),
                Wanted::Object { namespace, name } => (self.objects.clone(), Some((namespace, name))),
            };
            let inputs = Inputs::list(&paths, None)?;
            rules.errors.extend(inputs.errors.iter().cloned());
            let files: Vec<InputFile<'_>> = inputs.files().collect();
            let namespaces = namespaces(&files);
            let is_wanted = |object: &RuleObject| {
                name.is_none_or(|(namespace, name)| {
                    object.id.namespace() == namespace && object.id.name() == name
                })
            };
            let mut found = false;
            for file in files {
                if name.is_none() {
                    rules.refuse_broken(&file);
                }
                for parsed in file.contents.objects.into_iter().filter(|parsed| is_wanted(&parsed.object)) {
                    found = true;
                    if seen.insert((file.shown.clone(), parsed.object.id.to_string())) {
                        let namespace = namespaces.get(parsed.object.id.namespace());
                        self.add(&mut rules, parsed.object, &file.shown, namespace);
                    }
                }
            }
            if !found {
                let what = match wanted {
                    Wanted::Path(path) if paths.is_empty() => format!("no file matches `{path}`"),
                    Wanted::Path(path) => format!("`{path}` declares no rules"),
                    Wanted::Object { namespace, name } => {
                        let paths: Vec<String> =
                            self.objects.iter().map(|input| input.path.display().to_string()).collect();
                        format!("there is no object `{namespace}/{name}` in {}", paths.join(", "))
                    }
                };
                rules.errors.push(format!("{shown}:{position}: {what}"));
            }
        }
        Ok(rules)
    }

    /// Adds the rules of an object.
    fn add(
        &self,
        rules: &mut Rules,
        object: RuleObject,
        source: &str,
        namespace: Option<&NamespaceMetadata>,
    ) {
        let positions = object.positions.clone();
        let checked = self.judge.check(object, namespace);
        let id = checked.id.clone();
        let is_of_logs = !checked.destinations.is_empty()
            && checked.destinations.iter().all(|to| to.language == QueryLanguage::LogQl);
        let is_tested = |to: &CheckedDestination| {
            to.language != QueryLanguage::LogQl
                && self.route.as_ref().is_none_or(|route| **route == *to.route)
        };
        let tested: Vec<CheckedDestination> = checked.destinations.into_iter().filter(is_tested).collect();
        // A suspicion is for the tool to confirm.
        let findings = checked.findings.iter().chain(tested.iter().flat_map(|to| &to.findings));
        let errors = findings.filter(|finding| finding.is_error() && !finding.is_suspicion());
        let errors: BTreeSet<String> = errors.map(|finding| at_object(&id, finding)).collect();
        if !errors.is_empty() {
            rules.errors.extend(errors);
            return;
        }
        for route in &checked.undecided {
            rules.notes.push(format!(
                "{id} may go by the route `{route}`, which looks at its Kubernetes namespace: no manifest of that is there"
            ));
        }
        let mut ways: Vec<(String, Vec<Group>)> = Vec::new();
        for to in tested {
            let groups = to.groups();
            if !ways.iter().any(|(_, other)| *other == groups) {
                ways.push((to.route.to_string(), groups));
            }
        }
        match ways.as_slice() {
            [] if is_of_logs => {
                rules.notes.push(format!("{id} is left out: it is LogQL, which these tests do not know"))
            }
            [] => {
                let by = match &self.route {
                    Some(route) => format!("does not go by the route `{route}`"),
                    None => "goes nowhere by the routes of the configuration".to_owned(),
                };
                rules.errors.push(format!("{source}: {id} {by}: --raw tests it as it is written"));
            }
            [_] => {
                let groups = ways.pop().map(|(_, groups)| groups).unwrap_or_default();
                rules.files.push(RuleFile { id, source: source.to_owned(), groups, positions });
            }
            several => {
                let routes: Vec<String> = several.iter().map(|(route, _)| format!("`{route}`")).collect();
                rules.errors.push(format!(
                    "{source}: the routes {} change {id} in different ways: choose one of them with --route",
                    routes.join(", ")
                ));
            }
        }
    }
}

impl Rules {
    /// Notes what could not be read of a file.
    fn refuse_broken(&mut self, file: &InputFile<'_>) {
        let broken = file.contents.broken.iter().filter(|broken| broken.is_rule_like);
        self.errors.extend(broken.map(|broken| broken.finding.to_string()));
    }
}

fn at_object(id: &ObjectId, finding: &Finding) -> String {
    match &finding.location.file {
        Some(_) => finding.to_string(),
        None => format!("{id}: {finding}"),
    }
}

/// Returns the files that a path or a pattern means, in order.
fn files(directory: &Path, path: &str) -> Vec<InputPath> {
    let whole = directory.join(path);
    let input = |path: PathBuf| InputPath { path, glob: Vec::new() };
    if whole.exists() {
        return vec![input(whole)];
    }
    let found = glob::glob(&whole.to_string_lossy());
    found.into_iter().flatten().flatten().map(input).collect()
}

fn namespaces(files: &[InputFile<'_>]) -> HashMap<String, NamespaceMetadata> {
    let all = files.iter().flat_map(|file| &file.contents.namespaces);
    all.map(|namespace| (namespace.name.clone(), namespace.metadata.clone())).collect()
}

impl RuleFile {
    /// Returns its text, without keys that the tool does not know.
    pub(super) fn text(&self, left_out: &[String]) -> String {
        let groups: Vec<Value> = self.groups.iter().map(|group| plain_group(group, left_out)).collect();
        let text = serde_json::to_string_pretty(&json!({ "groups": groups })).unwrap_or_default();
        text + "\n"
    }

    /// Returns the place of a rule or group of it: the file and position where it is declared.
    pub(super) fn place(&self, group: &str, rule: Option<usize>, inside: Option<Position>) -> String {
        let mut location = Location {
            group: Some(group.to_owned()),
            rule,
            field: inside.map(|_| "expr".to_owned()),
            position: inside,
            ..Location::default()
        };
        self.positions.locate(&mut location, if self.id.kind() == RULE_FILE { "" } else { "spec." });
        match (location.file, location.position) {
            (Some(file), Some(position)) => format!("{file}:{position}"),
            _ => self.source.clone(),
        }
    }

    /// Returns the places of the rules of a name.
    pub(super) fn rules<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> {
        self.groups.iter().flat_map(move |group| {
            let rules = group.rules.iter().enumerate().filter(move |(_, rule)| rule.name() == name);
            rules.map(move |(index, _)| {
                let place = self.place(&group.name, Some(index), None);
                format!("{place}: {}, group {:?}, rule {index}", self.id, group.name)
            })
        })
    }
}

/// Returns a group with what rule files have everywhere: labels of the group are labels of its rules.
fn plain_group(group: &Group, left_out: &[String]) -> Value {
    let mut plain = Map::new();
    let mut set = |key: &str, value: Value, is_set: bool| {
        if is_set && !left_out.iter().any(|other| other == key) {
            plain.insert(key.to_owned(), value);
        }
    };
    let Group { name, interval, evaluation_delay, query_offset, limit, rules, labels, .. } = group;
    set("name", json!(name), true);
    set("interval", json!(interval), !interval.is_zero());
    let offset = if query_offset.is_zero() { evaluation_delay } else { query_offset };
    set("query_offset", json!(offset), !offset.is_zero());
    set("limit", json!(limit), *limit > 0);
    let rules: Vec<Value> = rules.iter().map(|rule| plain_rule(rule, labels, left_out)).collect();
    set("rules", json!(rules), true);
    Value::Object(plain)
}

fn plain_rule(rule: &Rule, of_group: &BTreeMap<String, String>, left_out: &[String]) -> Value {
    let mut labels = of_group.clone();
    labels.extend(rule.labels.clone());
    let mut plain = serde_json::to_value(Rule { labels, ..rule.clone() }).unwrap_or_default();
    if let Value::Object(plain) = &mut plain {
        plain.retain(|key, _| !left_out.iter().any(|other| other == key));
    }
    plain
}
