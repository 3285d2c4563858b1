//! Groups and rules of a tree, with the position of every field. What is wrong with a rule or a group is a finding
//! there, and leaves the other groups alone.

use std::collections::BTreeMap;

use rulesync_core::{DeclaredGroup, DeclaredRule, Finding, Place, PositionsBuilder};

use super::words;
use crate::yaml::{Mapping, Node, Pair, Problem, Scalar, Shape, segments};

/// So many of an object's unknown keys are told; the author mends one and sees the next.
pub(super) const MOST: usize = 20;

/// Reads the groups of one object.
#[derive(Debug)]
pub(super) struct Groups<'p> {
    file: String,
    unknown: usize,
    pub(super) groups: Vec<DeclaredGroup>,
    pub(super) findings: Vec<Finding>,
    positions: &'p mut PositionsBuilder,
}

/// A mapping that is being read, and what it is part of.
struct Of<'m, 't> {
    mapping: &'m Mapping<'t>,
    place: Place,
}

impl<'p> Groups<'p> {
    /// For a file as it is shown.
    pub(super) fn new(file: &str, positions: &'p mut PositionsBuilder) -> Self {
        Self { file: file.to_owned(), unknown: 0, groups: Vec::new(), findings: Vec::new(), positions }
    }

    /// Reads a list of groups.
    ///
    /// # Errors
    ///
    /// When it is no list, or holds a group whose name is not known: then nobody knows which groups are meant to be there.
    pub(super) fn read(&mut self, list: Node<'_>) -> Result<(), Problem> {
        if list.shape() != Shape::Sequence {
            let message = match list.is_null() {
                true => "`groups` is empty, which may be a file that was cut off (if no groups are meant, write `groups: []`)"
                    .to_owned(),
                false => format!("`groups` is {}, and must be a list", list.what()),
            };
            return Err(Problem { message, position: list.position() });
        }
        // go-yaml passes null items over, so that they do not count.
        list.children().filter(|item| !item.is_null()).try_for_each(|item| self.group(item))
    }

    fn group(&mut self, node: Node<'_>) -> Result<(), Problem> {
        let problem = |node: Node<'_>, message: String| Problem { message, position: node.position() };
        let Some(mapping) = Mapping::of(node) else {
            return Err(problem(node, format!("a group is {}, and must be a mapping", node.what())));
        };
        let name = match mapping.get("name").map(|pair| (pair.value, pair.value.text())) {
            Some((_, Scalar::Value(name))) => name.into_owned(),
            Some((at, Scalar::Other(what))) => {
                return Err(problem(at, format!("the name of a group is {what}, and must be a text")));
            }
            Some((_, Scalar::Null)) | None => return Err(unnamed(node, &mapping)),
        };
        self.positions.group(&name, node.position());
        let place = Place {
            file: Some(self.file.clone()),
            group: Some(name.clone()),
            group_index: Some(self.groups.len()),
            ..Place::default()
        };
        let of = Of { mapping: &mapping, place };
        self.keys(&of, &words::GROUP, "of a group", words::owner_of_group_key);
        let mut group = DeclaredGroup {
            name,
            interval: self.text(&of, "interval"),
            query_offset: self.text(&of, "query_offset"),
            evaluation_delay: self.text(&of, "evaluation_delay"),
            limit: self.value(&of, "limit", "a whole number", Node::number),
            labels: self.texts(&of, "labels"),
            rules: None,
            source_tenants: self.list(&of, "source_tenants"),
            align_evaluation_time_on_interval: self.value(
                &of,
                "align_evaluation_time_on_interval",
                "true or false",
                Node::truth,
            ),
            partial_response_strategy: self.text(&of, "partial_response_strategy"),
        };
        if let Some(rules) = mapping.value("rules") {
            group.rules = self.sequence(&of, "rules", rules).map(|rules| {
                let rules = rules.filter(|rule| !rule.is_null()).enumerate();
                rules.map(|(index, rule)| self.rule(&of.place, index, rule)).collect()
            });
        }
        self.groups.push(group);
        Ok(())
    }

    fn rule(&mut self, group: &Place, index: usize, node: Node<'_>) -> DeclaredRule {
        self.positions.rule(node.position());
        let place = Place { rule: Some(index), ..group.clone() };
        let Some(mapping) = Mapping::of(node) else {
            let message = format!("the rule is {}, and must be a mapping", node.what());
            self.error("type", place, node, message);
            return DeclaredRule::default();
        };
        let name = ["alert", "record"].into_iter().find_map(|key| super::meaning::word(&mapping, key));
        let place = Place { rule_name: name.map(|name| name.into_owned()), ..place };
        let of = Of { mapping: &mapping, place };
        self.keys(&of, &words::RULE, "of a rule", words::owner_of_rule_key);
        DeclaredRule {
            record: self.text(&of, "record"),
            alert: self.text(&of, "alert"),
            expr: self.text(&of, "expr").unwrap_or_default(),
            hold: self.text(&of, "for"),
            keep_firing_for: self.text(&of, "keep_firing_for"),
            labels: self.texts(&of, "labels"),
            annotations: self.texts(&of, "annotations"),
        }
    }

    /// What there is to say about the keys of a mapping.
    fn keys(
        &mut self,
        of: &Of<'_, '_>,
        known: &[&'static str],
        whose: &str,
        owner: fn(&str) -> Option<&'static str>,
    ) {
        self.problems(of);
        for Pair { key, at, value } in &of.mapping.pairs {
            if known.contains(&&**key) {
                continue;
            }
            let place = of.place.clone();
            let is_there = |word: &str| of.mapping.get(word).is_some();
            if let Some(owner) = owner(key) {
                // What vmalert would do by itself.
                if &**key == "type" && matches!(value.text(), Scalar::Value(text) if text == "prometheus") {
                    continue;
                }
                if of.place.rule.is_none() && words::changes_the_meaning(key) && !is_empty(*value) {
                    let message = format!(
                        "`{key}` is a key {whose} for {owner} alone, and the rules mean something else without it"
                    );
                    self.error("foreign-key", place, *at, message);
                    self.hint(format!("no ruler takes it: give the group to {owner} in a file of its own"));
                } else {
                    let message =
                        format!("`{key}` is a key {whose} for {owner} alone, and has no effect here");
                    self.warn("foreign-key", place, *at, message, None);
                }
            } else if let Some(word) = words::nearest(key, known, is_there) {
                let message = format!("`{key}` is not a key {whose}");
                self.error("misspelt-key", place, *at, message);
                self.hint(format!("is it `{word}`?"));
            } else {
                let message = format!("`{key}` is not a key {whose}, and has no effect");
                self.warn("unknown-key", place, *at, message, Some("is it misspelt?"));
            }
        }
    }

    /// What go-yaml would not take.
    fn problems(&mut self, of: &Of<'_, '_>) {
        for problem in &of.mapping.problems {
            let place = Place { position: Some(problem.position), ..of.place.clone() };
            self.findings.push(Finding::error("yaml", problem.message.clone()).at(place));
        }
    }

    /// The value of a field, if it has one of this type.
    fn value<'t, T>(
        &mut self,
        of: &Of<'_, 't>,
        key: &str,
        must_be: &str,
        read: impl FnOnce(Node<'t>) -> Scalar<T>,
    ) -> Option<T> {
        let node = of.mapping.get(key)?.value;
        self.value_of(&of.place, key, node, must_be, read)
    }

    /// The value of a field that is this node.
    fn value_of<'t, T>(
        &mut self,
        place: &Place,
        field: &str,
        node: Node<'t>,
        must_be: &str,
        read: impl FnOnce(Node<'t>) -> Scalar<T>,
    ) -> Option<T> {
        let value = read(node);
        let text = node.scalar().map_or("", |(text, _)| text);
        // Only in these does anybody look for more.
        let is_expression = field == "expr";
        let inside = (is_expression || text.contains("{{")).then(|| {
            let skip = if is_expression { text.len() - text.trim_start().len() } else { 0 };
            segments(node, skip)
        });
        self.positions.field(field, node.position(), inside.flatten().as_deref());
        match value {
            Scalar::Value(value) => Some(value),
            Scalar::Null => None,
            Scalar::Other(what) => {
                let place = Place { field: Some(field.to_owned()), ..place.clone() };
                self.error("type", place, node, format!("`{field}` is {what}, and must be {must_be}"));
                None
            }
        }
    }

    fn text(&mut self, of: &Of<'_, '_>, key: &str) -> Option<String> {
        self.value(of, key, "a text", Node::text).map(|text| text.into_owned())
    }

    /// Texts by key. Null is an empty text.
    fn texts(&mut self, of: &Of<'_, '_>, key: &str) -> BTreeMap<String, String> {
        let Some(node) = of.mapping.value(key) else { return BTreeMap::new() };
        self.positions.field(key, node.position(), None);
        let place = Place { field: Some(key.to_owned()), ..of.place.clone() };
        let Some(mapping) = Mapping::of(node) else {
            let message = format!("`{key}` is {}, and must be a mapping", node.what());
            self.error("type", place, node, message);
            return BTreeMap::new();
        };
        self.problems(&Of { mapping: &mapping, place: place.clone() });
        let mut texts = BTreeMap::new();
        for Pair { key: name, value, .. } in mapping.pairs {
            let text = self.value_of(&place, &format!("{key}.{name}"), value, "a text", Node::text);
            texts.insert(name.into_owned(), text.map(|text| text.into_owned()).unwrap_or_default());
        }
        texts
    }

    fn list(&mut self, of: &Of<'_, '_>, key: &str) -> Option<Vec<String>> {
        let node = of.mapping.value(key)?;
        let items: Vec<Node<'_>> = self.sequence(of, key, node)?.collect();
        let mut texts = Vec::new();
        for item in items {
            match item.text() {
                Scalar::Value(text) => texts.push(text.into_owned()),
                Scalar::Null => texts.push(String::new()),
                Scalar::Other(what) => {
                    let place = Place { field: Some(key.to_owned()), ..of.place.clone() };
                    self.error("type", place, item, format!("`{key}` holds {what}, and must hold texts"));
                }
            }
        }
        Some(texts)
    }

    fn sequence<'t>(
        &mut self,
        of: &Of<'_, '_>,
        key: &str,
        node: Node<'t>,
    ) -> Option<impl Iterator<Item = Node<'t>> + use<'t>> {
        self.positions.field(key, node.position(), None);
        if node.shape() == Shape::Sequence {
            return Some(node.children());
        }
        let place = Place { field: Some(key.to_owned()), ..of.place.clone() };
        self.error("type", place, node, format!("`{key}` is {}, and must be a list", node.what()));
        None
    }

    fn error(&mut self, code: &'static str, place: Place, at: Node<'_>, message: String) {
        let place = Place { position: Some(at.position()), ..place };
        self.findings.push(Finding::error(code, message).at(place));
    }

    fn hint(&mut self, hint: String) {
        if let Some(finding) = self.findings.last_mut() {
            finding.hint = Some(hint);
        }
    }

    fn warn(&mut self, code: &'static str, place: Place, at: Node<'_>, message: String, hint: Option<&str>) {
        self.unknown += 1;
        if self.unknown > MOST {
            return;
        }
        let place = Place { position: Some(at.position()), ..place };
        self.findings.push(Finding::warning(code, message).at(place));
        if let Some(hint) = hint {
            self.hint(hint.to_owned());
        }
    }
}

/// Whether a value says nothing.
fn is_empty(value: Node<'_>) -> bool {
    match value.shape() {
        Shape::Scalar => value.is_null() || matches!(value.text(), Scalar::Value(text) if text.is_empty()),
        _ => value.children().next().is_none(),
    }
}

/// What is wrong with a group that has no name.
fn unnamed(node: Node<'_>, mapping: &Mapping<'_>) -> Problem {
    let near = |pair: &&Pair<'_>| words::nearest(&pair.key, &["name"], |_| false).is_some();
    if let Some(pair) = mapping.pairs.iter().find(near) {
        let message = format!("`{}` is not a key of a group (is it `name`?)", pair.key);
        return Problem { message, position: pair.at.position() };
    }
    let is_rule = ["alert", "record", "expr"].into_iter().any(|key| mapping.get(key).is_some());
    let message = match is_rule {
        true => "a rule stands where a group belongs (put it below `rules` of a group with a `name`)",
        false => "the group has no `name`",
    };
    Problem { message: message.to_owned(), position: node.position() }
}
