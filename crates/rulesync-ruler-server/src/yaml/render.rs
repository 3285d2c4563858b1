//! Renders stored groups as the YAML documents of a ruler's answers.

use std::collections::BTreeMap;

use super::{
    encode::{Node, document, item},
    natural::sort_natural,
};
use crate::model::{
    group::{StoredGroup, StoredRule},
    span::Millis,
};

/// Renders a group as an item of its namespace's list.
pub(crate) fn list_item(group: &StoredGroup) -> String {
    let spans = Spans::of(group);
    item(&group_node(group, &spans), 4)
}

/// Renders a group as a separate document.
pub(crate) fn single(group: &StoredGroup) -> String {
    let spans = Spans::of(group);
    document(&group_node(group, &spans))
}

/// Renders one tenant of the list of all tenants, with the groups of each namespace.
pub(crate) fn tenant(name: &str, namespaces: &[(&str, Vec<&StoredGroup>)]) -> String {
    let spans: Vec<Vec<Spans>> =
        namespaces.iter().map(|(_, groups)| groups.iter().map(|group| Spans::of(group)).collect()).collect();
    let mut entries = Vec::new();
    for ((namespace, groups), spans) in namespaces.iter().zip(&spans) {
        let items = groups.iter().zip(spans).map(|(group, spans)| group_node(group, spans)).collect();
        entries.push((*namespace, Node::Seq(items)));
    }
    let entries = sort_natural(entries, |entry| entry.0);
    document(&Node::Map(vec![(name, Node::Map(entries))]))
}

/// The formatted durations of a group, borrowed by the tree.
struct Spans {
    interval: String,
    evaluation_delay: String,
    query_offset: String,
    /// The `for` and `keep_firing_for` of each rule.
    rules: Vec<(String, String)>,
}

impl Spans {
    fn of(group: &StoredGroup) -> Self {
        Self {
            interval: group.interval.to_string(),
            evaluation_delay: group.evaluation_delay.to_string(),
            query_offset: group.query_offset.unwrap_or_default().to_string(),
            rules: group.rules.iter().map(|r| (r.for_.to_string(), r.keep_firing_for.to_string())).collect(),
        }
    }
}

fn group_node<'a>(group: &'a StoredGroup, spans: &'a Spans) -> Node<'a> {
    let mut fields = vec![("name", Node::Text(&group.name))];
    if group.interval != Millis::ZERO {
        fields.push(("interval", Node::Text(&spans.interval)));
    }
    if group.evaluation_delay != Millis::ZERO {
        fields.push(("evaluation_delay", Node::Text(&spans.evaluation_delay)));
    }
    if group.query_offset.is_some() {
        fields.push(("query_offset", Node::Text(&spans.query_offset)));
    }
    if group.limit != 0 {
        fields.push(("limit", Node::Plain(group.limit.to_string())));
    }
    let rules = group.rules.iter().zip(&spans.rules).map(|(rule, spans)| rule_node(rule, spans)).collect();
    fields.push(("rules", Node::Seq(rules)));
    push_map(&mut fields, "labels", &group.labels);
    if !group.source_tenants.is_empty() {
        let tenants = group.source_tenants.iter().map(|tenant| Node::Text(tenant)).collect();
        fields.push(("source_tenants", Node::Seq(tenants)));
    }
    if group.align_evaluation_time_on_interval {
        fields.push(("align_evaluation_time_on_interval", Node::Plain("true".to_owned())));
    }
    Node::Map(fields)
}

fn rule_node<'a>(rule: &'a StoredRule, (for_, keep_firing_for): &'a (String, String)) -> Node<'a> {
    let mut fields = Vec::new();
    for (name, text) in [("record", &rule.record), ("alert", &rule.alert)] {
        if !text.is_empty() {
            fields.push((name, Node::Text(text)));
        }
    }
    fields.push(("expr", Node::Text(&rule.expr)));
    if rule.for_ != Millis::ZERO {
        fields.push(("for", Node::Text(for_)));
    }
    if rule.keep_firing_for != Millis::ZERO {
        fields.push(("keep_firing_for", Node::Text(keep_firing_for)));
    }
    push_map(&mut fields, "labels", &rule.labels);
    push_map(&mut fields, "annotations", &rule.annotations);
    Node::Map(fields)
}

fn push_map<'a>(fields: &mut Vec<(&'a str, Node<'a>)>, name: &'a str, map: &'a BTreeMap<String, String>) {
    if !map.is_empty() {
        let entries = map.iter().map(|(key, value)| (key.as_str(), Node::Text(value))).collect();
        fields.push((name, Node::Map(sort_natural(entries, |entry| entry.0))));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{
        decode::decode,
        poison::{self, is_poison},
    };

    /// Strings of characters that are special in YAML.
    fn text() -> impl Strategy<Value = String> {
        "[a-z0-9 \\t\n:#'\"\\\\{}\\[\\]~.,%&*!|>?@`_=+é😀\\x07-]{0,12}"
    }

    proptest! {
        #[test]
        fn render_round_trips_groups(
            name in "[a-z]{1,5}",
            (expr, label, annotation) in (text(), text(), text()),
            key in "[a-zA-Z_]{1,3}",
            millis in 0..10_000_000_000u64,
            limit in -5..5i64,
        ) {
            // A multi-line string that begins with a space or line break is written incorrectly (see `poison`), and
            // reads back changed if at all.
            let sound = |text: &String| !text.contains('\n') || !text.starts_with([' ', '\n']);
            prop_assume!([&expr, &label, &annotation].into_iter().all(sound));
            let rule = StoredRule {
                alert: name.clone(),
                expr,
                for_: Millis(millis),
                labels: BTreeMap::from([(key.clone(), label)]),
                annotations: BTreeMap::from([(key, annotation)]),
                ..StoredRule::default()
            };
            let group = StoredGroup {
                name,
                interval: Millis(millis),
                limit,
                rules: vec![rule.clone(), rule],
                ..StoredGroup::default()
            };
            prop_assume!(!is_poison(&group, poison::ALONE));
            let written = single(&group);
            prop_assert_eq!(decode(written.as_bytes()).map(|posted| posted.group).ok(), Some(group), "{}", written);
        }
    }
}
