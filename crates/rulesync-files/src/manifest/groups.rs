//! Reads groups and rules from a tree, with the position of every field. An error in a rule or a group becomes a
//! finding there, and does not affect the other groups.

use std::collections::BTreeMap;

use rulesync_core::Finding;
use rulesync_core::finding::{Code, Location};
use rulesync_core::model::{DeclaredGroup, DeclaredRule, PositionsBuilder};

use super::keys;
use crate::yaml::{Mapping, Node, Pair, Problem, Scalar, Shape, segments};

/// The number of unknown keys of an object that are reported; further ones show up once these are fixed.
pub(super) const MAX_UNKNOWN_KEYS: usize = 20;

/// Reads the groups of one object.
#[derive(Debug)]
pub(super) struct Groups<'p> {
    file: String,
    unknown: usize,
    pub(super) groups: Vec<DeclaredGroup>,
    pub(super) findings: Vec<Finding>,
    positions: &'p mut PositionsBuilder,
}

/// A mapping that is being read, and its place.
struct Context<'m, 't> {
    mapping: &'m Mapping<'t>,
    location: Location,
}

impl<'p> Groups<'p> {
    /// Creates a reader for a file with this displayed path.
    pub(super) fn new(file: &str, positions: &'p mut PositionsBuilder) -> Self {
        Self { file: file.to_owned(), unknown: 0, groups: Vec::new(), findings: Vec::new(), positions }
    }

    /// Reads a list of groups.
    ///
    /// # Errors
    ///
    /// If the node is not a list, or contains a group without a valid name: then the intended groups are unknown.
    pub(super) fn read(&mut self, list: Node<'_>) -> Result<(), Problem> {
        if list.shape() != Shape::Sequence {
            let message = match list.is_null() {
                true => "`groups` is empty, which may be a file that was cut off (if no groups are meant, write `groups: []`)"
                    .to_owned(),
                false => format!("`groups` is {}, and must be a list", list.type_name()),
            };
            return Err(Problem { message, position: list.position() });
        }
        // go-yaml skips null items, so they do not count.
        list.children().filter(|item| !item.is_null()).try_for_each(|item| self.group(item))
    }

    fn group(&mut self, node: Node<'_>) -> Result<(), Problem> {
        let problem = |node: Node<'_>, message: String| Problem { message, position: node.position() };
        let Some(mapping) = Mapping::of(node) else {
            return Err(problem(node, format!("a group is {}, and must be a mapping", node.type_name())));
        };
        let name = match mapping.get("name").map(|pair| (pair.value, pair.value.text())) {
            Some((_, Scalar::Value(name))) => name.into_owned(),
            Some((at, Scalar::Other(what))) => {
                return Err(problem(at, format!("the name of a group is {what}, and must be a string")));
            }
            Some((_, Scalar::Null)) | None => return Err(missing_name(node, &mapping)),
        };
        self.positions.group(&name, node.position());
        let location = Location {
            file: Some(self.file.clone()),
            group: Some(name.clone()),
            group_index: Some(self.groups.len()),
            ..Location::default()
        };
        let context = Context { mapping: &mapping, location };
        self.check_keys(&context, &keys::GROUP, "of a group", keys::owner_of_group_key);
        let mut group = DeclaredGroup {
            name,
            interval: self.string(&context, "interval"),
            query_offset: self.string(&context, "query_offset"),
            evaluation_delay: self.string(&context, "evaluation_delay"),
            limit: self.value(&context, "limit", "a whole number", Node::number),
            labels: self.string_map(&context, "labels"),
            rules: None,
            source_tenants: self.string_list(&context, "source_tenants"),
            align_evaluation_time_on_interval: self.value(
                &context,
                "align_evaluation_time_on_interval",
                "true or false",
                Node::boolean,
            ),
            partial_response_strategy: self.string(&context, "partial_response_strategy"),
        };
        if let Some(rules) = mapping.value("rules") {
            group.rules = self.sequence(&context, "rules", rules).map(|rules| {
                let rules = rules.filter(|rule| !rule.is_null()).enumerate();
                rules.map(|(index, rule)| self.rule(&context.location, index, rule)).collect()
            });
        }
        self.groups.push(group);
        Ok(())
    }

    fn rule(&mut self, group: &Location, index: usize, node: Node<'_>) -> DeclaredRule {
        self.positions.rule(node.position());
        let location = Location { rule: Some(index), ..group.clone() };
        let Some(mapping) = Mapping::of(node) else {
            let message = format!("the rule is {}, and must be a mapping", node.type_name());
            self.error(Code::Type, location, node, message);
            return DeclaredRule::default();
        };
        let name =
            ["alert", "record"].into_iter().find_map(|key| super::document_kind::string(&mapping, key));
        let location = Location { rule_name: name.map(|name| name.into_owned()), ..location };
        let context = Context { mapping: &mapping, location };
        self.check_keys(&context, &keys::RULE, "of a rule", keys::owner_of_rule_key);
        DeclaredRule {
            record: self.string(&context, "record"),
            alert: self.string(&context, "alert"),
            expr: self.string(&context, "expr").unwrap_or_default(),
            for_duration: self.string(&context, "for"),
            keep_firing_for: self.string(&context, "keep_firing_for"),
            labels: self.string_map(&context, "labels"),
            annotations: self.string_map(&context, "annotations"),
        }
    }

    /// Reports the problems of a mapping and its unknown keys.
    fn check_keys(
        &mut self,
        context: &Context<'_, '_>,
        known: &[&'static str],
        scope: &str,
        owner: fn(&str) -> Option<&'static str>,
    ) {
        self.report_problems(context);
        for Pair { key, at, value } in &context.mapping.pairs {
            if known.contains(&&**key) {
                continue;
            }
            let location = context.location.clone();
            let is_present = |key_name: &str| context.mapping.get(key_name).is_some();
            if let Some(owner) = owner(key) {
                // The default of vmalert.
                if &**key == "type" && matches!(value.text(), Scalar::Value(text) if text == "prometheus") {
                    continue;
                }
                if context.location.rule.is_none() && keys::changes_meaning(key) && !is_empty(*value) {
                    let message = format!(
                        "`{key}` is a key {scope} only in {owner}, and the rules mean something else without it"
                    );
                    self.error(Code::ForeignKey, location, *at, message);
                    self.hint(format!("no ruler supports it: give the group to {owner} in a separate file"));
                } else {
                    let message = format!("`{key}` is a key {scope} only in {owner}, and has no effect here");
                    self.warn(Code::ForeignKey, location, *at, message, None);
                }
            } else if let Some(key_name) = keys::nearest(key, known, is_present) {
                let message = format!("`{key}` is not a key {scope}");
                self.error(Code::MisspeltKey, location, *at, message);
                self.hint(format!("is it `{key_name}`?"));
            } else {
                let message = format!("`{key}` is not a key {scope}, and has no effect");
                self.warn(Code::UnknownKey, location, *at, message, Some("is it misspelt?"));
            }
        }
    }

    /// Reports the keys that go-yaml would reject.
    fn report_problems(&mut self, context: &Context<'_, '_>) {
        for problem in &context.mapping.problems {
            let location = Location { position: Some(problem.position), ..context.location.clone() };
            self.findings.push(Finding::error(Code::Yaml, problem.message.clone()).at(location));
        }
    }

    /// Reads the value of a field, if it has one of this type.
    fn value<'t, T>(
        &mut self,
        context: &Context<'_, 't>,
        key: &str,
        must_be: &str,
        read: impl FnOnce(Node<'t>) -> Scalar<T>,
    ) -> Option<T> {
        let node = context.mapping.get(key)?.value;
        self.value_of(&context.location, key, node, must_be, read)
    }

    /// Reads a node as the value of a field.
    fn value_of<'t, T>(
        &mut self,
        location: &Location,
        field: &str,
        node: Node<'t>,
        must_be: &str,
        read: impl FnOnce(Node<'t>) -> Scalar<T>,
    ) -> Option<T> {
        let value = read(node);
        let text = node.scalar().map_or("", |(text, _)| text);
        // Only expressions and templates have findings at positions within the value.
        let is_expression = field == "expr";
        let segments = (is_expression || text.contains("{{")).then(|| {
            let skip = if is_expression { text.len() - text.trim_start().len() } else { 0 };
            segments(node, skip)
        });
        self.positions.field(field, node.position(), segments.flatten().as_deref());
        match value {
            Scalar::Value(value) => Some(value),
            Scalar::Null => None,
            Scalar::Other(what) => {
                let location = Location { field: Some(field.to_owned()), ..location.clone() };
                self.error(Code::Type, location, node, format!("`{field}` is {what}, and must be {must_be}"));
                None
            }
        }
    }

    fn string(&mut self, context: &Context<'_, '_>, key: &str) -> Option<String> {
        self.value(context, key, "a string", Node::text).map(|text| text.into_owned())
    }

    /// Reads a map of strings. Null is an empty string.
    fn string_map(&mut self, context: &Context<'_, '_>, key: &str) -> BTreeMap<String, String> {
        let Some(node) = context.mapping.value(key) else { return BTreeMap::new() };
        self.positions.field(key, node.position(), None);
        let location = Location { field: Some(key.to_owned()), ..context.location.clone() };
        let Some(mapping) = Mapping::of(node) else {
            let message = format!("`{key}` is {}, and must be a mapping", node.type_name());
            self.error(Code::Type, location, node, message);
            return BTreeMap::new();
        };
        self.report_problems(&Context { mapping: &mapping, location: location.clone() });
        let mut texts = BTreeMap::new();
        for Pair { key: name, value, .. } in mapping.pairs {
            let text = self.value_of(&location, &format!("{key}.{name}"), value, "a string", Node::text);
            texts.insert(name.into_owned(), text.map(|text| text.into_owned()).unwrap_or_default());
        }
        texts
    }

    fn string_list(&mut self, context: &Context<'_, '_>, key: &str) -> Option<Vec<String>> {
        let node = context.mapping.value(key)?;
        let items: Vec<Node<'_>> = self.sequence(context, key, node)?.collect();
        let mut texts = Vec::new();
        for item in items {
            match item.text() {
                Scalar::Value(text) => texts.push(text.into_owned()),
                Scalar::Null => texts.push(String::new()),
                Scalar::Other(what) => {
                    let location = Location { field: Some(key.to_owned()), ..context.location.clone() };
                    self.error(
                        Code::Type,
                        location,
                        item,
                        format!("`{key}` holds {what}, and must hold strings"),
                    );
                }
            }
        }
        Some(texts)
    }

    fn sequence<'t>(
        &mut self,
        context: &Context<'_, '_>,
        key: &str,
        node: Node<'t>,
    ) -> Option<impl Iterator<Item = Node<'t>> + use<'t>> {
        self.positions.field(key, node.position(), None);
        if node.shape() == Shape::Sequence {
            return Some(node.children());
        }
        let location = Location { field: Some(key.to_owned()), ..context.location.clone() };
        self.error(
            Code::Type,
            location,
            node,
            format!("`{key}` is {}, and must be a list", node.type_name()),
        );
        None
    }

    fn error(&mut self, code: Code, location: Location, at: Node<'_>, message: String) {
        let location = Location { position: Some(at.position()), ..location };
        self.findings.push(Finding::error(code, message).at(location));
    }

    fn hint(&mut self, hint: String) {
        if let Some(finding) = self.findings.last_mut() {
            finding.hint = Some(hint);
        }
    }

    fn warn(&mut self, code: Code, location: Location, at: Node<'_>, message: String, hint: Option<&str>) {
        self.unknown += 1;
        if self.unknown > MAX_UNKNOWN_KEYS {
            return;
        }
        let location = Location { position: Some(at.position()), ..location };
        self.findings.push(Finding::warning(code, message).at(location));
        if let Some(hint) = hint {
            self.hint(hint.to_owned());
        }
    }
}

/// Returns `true` if a value is null or empty.
fn is_empty(value: Node<'_>) -> bool {
    match value.shape() {
        Shape::Scalar => value.is_null() || matches!(value.text(), Scalar::Value(text) if text.is_empty()),
        _ => value.children().next().is_none(),
    }
}

/// The problem of a group that has no name.
fn missing_name(node: Node<'_>, mapping: &Mapping<'_>) -> Problem {
    let near = |pair: &&Pair<'_>| keys::nearest(&pair.key, &["name"], |_| false).is_some();
    if let Some(pair) = mapping.pairs.iter().find(near) {
        let message = format!("`{}` is not a key of a group (is it `name`?)", pair.key);
        return Problem { message, position: pair.at.position() };
    }
    let is_rule = ["alert", "record", "expr"].into_iter().any(|key| mapping.get(key).is_some());
    let message = match is_rule {
        true => "expected a group, found a rule (put it below `rules` of a group with a `name`)",
        false => "the group has no `name`",
    };
    Problem { message: message.to_owned(), position: node.position() }
}
