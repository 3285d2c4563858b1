//! A document: what was read of it, and the positions that its problems are reported at.

use std::collections::{BTreeSet, HashMap};

use serde::de::DeserializeOwned;

use super::collect::{Mistake, MistakeKind, collect};
use super::environment::{Expanded, UNSET, expand, remaining_names};
use super::path::{Path, Step};
use super::tree::{self, Content, Entry, Meaning, Node, Position, Scalar};
use crate::names::listed;

/// A problem of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) position: Option<Position>,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The environment variable that is not set, if this is the problem.
    pub(crate) variable: Option<String>,
}

/// The positions of a document, and what of it was not read as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    root: Node,
    damaged: BTreeSet<Path>,
    /// Keys that unknown ones seem to mean.
    meant: BTreeSet<Path>,
}

/// A document and its value.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    /// The value, in which what was wrong is empty or absent; none if nothing can stand for it.
    pub(crate) value: Option<T>,
    pub(crate) document: Document,
    /// All problems of its structure.
    pub(crate) problems: Vec<Problem>,
}

/// Parses a document as far as possible. `environment` answers `${NAME}`; `renamed` lists earlier names of keys, each with
/// the present one; `given` are settings that are given elsewhere, and that the document must not have.
///
/// # Errors
///
/// The one problem of a text that is not YAML.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    mut environment: HashMap<String, String>,
    renamed: &[(&str, &str)],
    given: &[(&str, &str)],
) -> Result<Parsed<T>, Problem> {
    let Expanded { text, unset, columns } = expand(text, &environment);
    let by_parser: Vec<String> =
        remaining_names(&text).filter(|name| !environment.contains_key(*name)).map(str::to_owned).collect();
    let any_unset = !unset.is_empty() || !by_parser.is_empty();
    environment.extend(by_parser.into_iter().map(|name| (name.clone(), format!("{UNSET}{name}{UNSET}"))));
    let parsed = tree::parse(&text, Some(&environment));
    let mut root = parsed.map_err(|error| {
        let problem = not_yaml(&error);
        Problem { position: problem.position.map(|position| columns.as_written(position)), ..problem }
    })?;
    if !columns.are_unchanged() {
        root.move_positions(&|position| columns.as_written(position));
    }
    let mut problems: Vec<Problem> =
        unset.into_iter().map(|(name, position)| not_set(&name, position)).collect();
    problems.extend(given.iter().filter_map(|(key, value)| give(&mut root, key, value)));
    let mut omitted = BTreeSet::new();
    if any_unset {
        unset_values(&root, &Path::default(), &mut omitted, &mut problems);
    }
    Ok(Parsed::read(root, omitted, problems, renamed))
}

/// Parses a document like [`parse`], in which `${NAME}` stands for itself.
///
/// # Errors
///
/// The one problem of a text that is not YAML.
pub(crate) fn parse_verbatim<T: DeserializeOwned>(text: &str) -> Result<Parsed<T>, Problem> {
    let root = tree::parse(text, None).map_err(|error| not_yaml(&error))?;
    Ok(Parsed::read(root, BTreeSet::new(), Vec::new(), &[]))
}

impl<T: DeserializeOwned> Parsed<T> {
    /// Reads a tree, of which `omitted` is not read, and adds to the problems so far.
    fn read(
        root: Node,
        omitted: BTreeSet<Path>,
        mut problems: Vec<Problem>,
        renamed: &[(&str, &str)],
    ) -> Self {
        let (value, mistakes, damaged) = collect(&root, omitted);
        let mut document = Document { root, damaged, meant: BTreeSet::new() };
        // A key that is unknown may be one that is missing, and then is both.
        let (unknown, others): (Vec<Mistake>, Vec<Mistake>) =
            mistakes.into_iter().partition(|mistake| matches!(mistake.kind, MistakeKind::UnknownKey(_)));
        for Mistake { path, kind } in unknown {
            problems.push(document.problem(&path, kind, renamed));
        }
        let reported = document.damaged.clone();
        for Mistake { path, kind } in others {
            let follows = match &kind {
                MistakeKind::MissingKey(key) => document.is_meant_elsewhere(&path.key(key)),
                // Its mapping is not read, so that the key may be a secret in the wrong place.
                MistakeKind::RepeatedKey { .. } => reported.iter().any(|damaged| damaged.contains(&path)),
                _ => false,
            };
            if !follows {
                problems.push(document.problem(&path, kind, renamed));
            }
        }
        Self { value, document, problems }
    }
}

impl Document {
    /// Returns the position of a value, or of the nearest one that contains it.
    pub(crate) fn position(&self, path: &Path) -> Position {
        self.find(path).1
    }

    /// Returns the position of the key that a path ends in, or of what contains it.
    pub(crate) fn key_position(&self, path: &Path) -> Position {
        self.find(path).0
    }

    /// Returns whether a value, or something that contains it, is not as written.
    pub(crate) fn is_damaged(&self, path: &Path) -> bool {
        self.damaged.iter().chain(&self.meant).any(|damaged| damaged.contains(path))
    }

    /// Returns whether something within a value is not as written.
    pub(crate) fn has_damage_within(&self, path: &Path) -> bool {
        self.damaged.iter().any(|damaged| path.contains(damaged))
    }

    fn is_meant_elsewhere(&self, path: &Path) -> bool {
        self.meant.contains(path)
    }

    fn find(&self, path: &Path) -> (Position, Position) {
        let mut node = &self.root;
        let mut key = node.position;
        for step in path.steps() {
            let next = match (step, &node.content) {
                (Step::Key(name), Content::Mapping(entries)) => entries
                    .iter()
                    .find(|entry| *entry.key == **name)
                    .map(|entry| (entry.position, &entry.value)),
                (Step::Item(index), Content::List(items)) => {
                    items.get(*index).map(|item| (item.position, item))
                }
                _ => None,
            };
            let Some((position, value)) = next else { return (node.position, node.position) };
            (key, node) = (position, value);
        }
        (key, node.position)
    }

    fn problem(&mut self, path: &Path, kind: MistakeKind, renamed: &[(&str, &str)]) -> Problem {
        let (position, message, hint) = match kind {
            MistakeKind::UnknownKey(known) => {
                let key = match path.steps().last() {
                    Some(Step::Key(key)) => &**key,
                    _ => "",
                };
                let position = self.key_position(path);
                let present = renamed.iter().find(|(earlier, now)| *earlier == key && known.contains(now));
                let around = path.parents().next().unwrap_or_default();
                self.damaged.insert(path.clone());
                if let Some((_, now)) = present {
                    self.meant.insert(around.key(now));
                    (
                        position,
                        format!("the key `{key}` is called `{now}` now"),
                        Some(format!("rename it to `{now}`")),
                    )
                } else {
                    let nearest = nearest(key, known);
                    self.meant.extend(nearest.map(|nearest| around.key(nearest)));
                    // It may be a secret without its key.
                    let shown =
                        if hold_secrets(known) { String::new() } else { format!(" `{}`", shown(key)) };
                    (position, format!("unknown key{shown}"), Some(suggestion(nearest, known)))
                }
            }
            MistakeKind::RepeatedKey { occurrence } => {
                let around = path.parents().next().unwrap_or_default();
                let key = match (self.node(&around).map(|node| &node.content), path.steps().last()) {
                    (Some(Content::Mapping(entries)), Some(Step::Key(key))) => {
                        entries.get(occurrence).map(|entry| (entry.position, shown(key)))
                    }
                    _ => None,
                };
                let (position, key) = key.unwrap_or_else(|| (self.position(path), String::new()));
                (position, format!("the key `{key}` is repeated"), Some("remove one of them".to_owned()))
            }
            MistakeKind::MissingKey(key) => (self.position(path), format!("`{key}` is missing"), None),
            MistakeKind::UnknownValue(value, known) => {
                let hint = suggestion(nearest(&value, known), known);
                (self.position(path), format!("unknown value `{}`", shown(&value)), Some(hint))
            }
            MistakeKind::Other(message) => (self.position(path), message, None),
        };
        Problem { position: Some(position), message, hint, variable: None }
    }

    fn node(&self, path: &Path) -> Option<&Node> {
        path.steps().iter().try_fold(&self.root, |node, step| match (step, &node.content) {
            (Step::Key(name), Content::Mapping(entries)) => {
                entries.iter().find(|entry| *entry.key == **name).map(|entry| &entry.value)
            }
            (Step::Item(index), Content::List(items)) => items.get(*index),
            _ => None,
        })
    }
}

/// Adds a setting that is given elsewhere. Returns the problem if it is there already.
fn give(root: &mut Node, key: &str, value: &str) -> Option<Problem> {
    let position = root.position;
    let Content::Mapping(entries) = &mut root.content else { return None };
    if let Some(entry) = entries.iter().find(|entry| entry.key == key) {
        let message = format!("`{key}` stands here, and is given when the file is read as well");
        let hint = Some(format!("remove it here, or do not give `--{key}`"));
        return Some(Problem { position: Some(entry.position), message, hint, variable: None });
    }
    let content = Content::Scalar(Scalar { text: value.to_owned(), meaning: Meaning::Text });
    entries.push(Entry { key: key.to_owned(), position, value: Node { position, content } });
    None
}

fn not_set(name: &str, position: Position) -> Problem {
    let hint = Some(format!("set `{name}`, or write the value itself"));
    let message = format!("not set in the environment: `{name}`");
    Problem { position: Some(position), message, hint, variable: Some(name.to_owned()) }
}

/// Finds the values that depend on variables that are not set, and reports those that the parser substituted.
fn unset_values(node: &Node, path: &Path, omitted: &mut BTreeSet<Path>, problems: &mut Vec<Problem>) {
    match &node.content {
        Content::Scalar(scalar) if scalar.text.contains(UNSET) => {
            omitted.insert(path.clone());
            let names = scalar.text.split(UNSET).skip(1).step_by(2).filter(|name| !name.is_empty());
            problems.extend(names.map(|name| not_set(name, node.position)));
        }
        Content::Scalar(_) => {}
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                unset_values(item, &path.item(index), omitted, problems);
            }
        }
        Content::Mapping(entries) => {
            for entry in entries {
                unset_values(&entry.value, &path.key(&entry.key), omitted, problems);
            }
        }
    }
}

/// Describes the parser's error in one line. The snippet that the parser adds may show a secret nearby.
fn not_yaml(error: &serde_saphyr::Error) -> Problem {
    let error = error.without_snippet();
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    // The position is reported by itself.
    let message = line.rsplit_once(" at line ").map_or(line, |(message, _)| message).to_owned();
    let position = error.location().filter(|location| location.line() > 0);
    let position = position.map(|at| Position { line: at.line(), column: at.column().max(1) });
    Problem { position, message, hint: None, variable: None }
}

/// Returns whether a mapping with these keys holds secrets.
fn hold_secrets(keys: &[&str]) -> bool {
    const SECRETS: [&str; 8] = [
        "bearer_token",
        "client_secret",
        "credentials",
        "key",
        "password",
        "proxy_url",
        "secret_key",
        "secrets",
    ];
    // `key` is a secret in TLS settings only; elsewhere it names a label.
    keys.iter().any(|key| SECRETS.contains(key) && (*key != "key" || keys.contains(&"cert")))
}

/// Returns what somebody wrote, in one line that is not too long.
fn shown(written: &str) -> String {
    const MOST: usize = 60;
    let rest = if written.chars().nth(MOST).is_some() { "…" } else { "" };
    written.chars().take(MOST).flat_map(char::escape_debug).chain(rest.chars()).collect()
}

/// Returns the known name that is most like what was written, if one is.
fn nearest(written: &str, known: &[&'static str]) -> Option<&'static str> {
    let likeness = |name: &&&'static str| strsim::jaro_winkler(written, name);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.8).then_some(*best)
}

fn suggestion(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("expected one of {}", listed(known.iter().copied())),
    }
}
