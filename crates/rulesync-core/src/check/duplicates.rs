//! Rules of a group whose results may be the same series, as `promtool check rules` warns of.

use std::collections::{BTreeMap, HashMap};

use crate::finding::{Code, Finding, Location};
use crate::model::declared::{DeclaredGroup, DeclaredRule};

/// Returns a warning for each rule that has the name and the labels of an earlier one in its group.
pub(super) fn duplicate_rules(groups: &[DeclaredGroup]) -> Vec<Finding> {
    let of_group = |(index, group): (usize, &DeclaredGroup)| {
        let mut seen = HashMap::new();
        let rules = group.rules.iter().flatten().enumerate();
        let repeated = rules.filter_map(|(number, rule)| {
            let name = name_of(rule)?;
            let earlier = *seen.entry((name, labels_of(rule, group))).or_insert(number);
            (earlier != number).then(|| warning(index, group, number, name, earlier))
        });
        repeated.collect::<Vec<_>>()
    };
    groups.iter().enumerate().flat_map(of_group).collect()
}

fn name_of(rule: &DeclaredRule) -> Option<&str> {
    [&rule.alert, &rule.record].into_iter().flatten().map(String::as_str).find(|name| !name.is_empty())
}

/// Returns the labels of a rule with those of its group, which they take precedence over.
fn labels_of<'a>(rule: &'a DeclaredRule, group: &'a DeclaredGroup) -> BTreeMap<&'a str, &'a str> {
    let labels = group.labels.iter().chain(&rule.labels);
    labels.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn warning(index: usize, group: &DeclaredGroup, rule: usize, name: &str, earlier: usize) -> Finding {
    let location = Location {
        group: Some(group.name.clone()),
        group_index: Some(index),
        rule: Some(rule),
        rule_name: Some(name.to_owned()),
        ..Location::default()
    };
    let message = format!("rule {earlier} of the group has the same name and labels");
    Finding::warning(Code::DuplicateRule, message)
        .at(location)
        .hint("their results may be the same series: remove one, or tell them apart by a label")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_rules_have_the_name_and_the_labels_of_an_earlier_one() {
        let groups: Vec<DeclaredGroup> = serde_json::from_str(
            r#"[{"name": "g", "labels": {"team": "a"}, "rules": [
                {"alert": "A", "expr": "x > 1"},
                {"alert": "A", "expr": "x > 2", "labels": {"team": "a"}},
                {"alert": "A", "expr": "x > 3", "labels": {"team": "b"}},
                {"record": "A", "expr": "x", "labels": {"team": "c"}},
                {"record": "B", "expr": "x"}, {"record": "B", "expr": "y"}, {"expr": "x"}, {"expr": "x"}]},
                {"name": "h", "rules": [{"record": "B", "expr": "x"}]}]"#,
        )
        .unwrap();
        let found: Vec<String> = duplicate_rules(&groups).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(found.join("\n"), @r#"
        group "g", rule 1 "A": rule 0 of the group has the same name and labels (their results may be the same series: remove one, or tell them apart by a label)
        group "g", rule 5 "B": rule 4 of the group has the same name and labels (their results may be the same series: remove one, or tell them apart by a label)
        "#);
    }
}
