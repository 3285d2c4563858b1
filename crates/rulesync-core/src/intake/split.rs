//! Splits groups that have more rules than a ruler allows, into `name`, `name-2`, … Rules that depend on each other
//! stay together, because only the rules of one group are evaluated in order.

use std::collections::{BTreeSet, HashMap};

use crate::model::group::{Group, Rule};
use crate::model::language::QueryLanguage;

/// The series that read all alerts of the group.
const ALERTS: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// Splits a group so that no part has more than `most` rules, as far as that is possible: rules that read what others
/// of the group record stay with them. `taken` are names that the parts must not have; if one would, the group stays
/// whole and the ruler decides.
pub(crate) fn split(
    group: Group,
    most: usize,
    language: QueryLanguage,
    taken: &BTreeSet<String>,
) -> Vec<Group> {
    if group.rules.len() <= most {
        return vec![group];
    }
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for together in families(&group.rules, language) {
        // The first part that has room, so that rules stay in the order of the file as far as possible.
        match parts.iter_mut().find(|part| part.len() + together.len() <= most) {
            Some(part) => part.extend(together),
            None => parts.push(together),
        }
    }
    let name =
        |part: usize| if part == 0 { group.name.clone() } else { format!("{}-{}", group.name, part + 1) };
    if (1..parts.len()).any(|part| taken.contains(&name(part))) {
        return vec![group];
    }
    let shell = Group { rules: Vec::new(), ..group.clone() };
    let split = |(index, mut part): (usize, Vec<usize>)| {
        part.sort_unstable();
        let rules = part.into_iter().map(|rule| group.rules[rule].clone()).collect();
        Group { name: name(index), rules, ..shell.clone() }
    };
    parts.into_iter().enumerate().map(split).collect()
}

/// Returns sets of rules that must stay together, each in order, in the order of their first rules.
fn families(rules: &[Rule], language: QueryLanguage) -> Vec<Vec<usize>> {
    let mut recorders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.record.is_empty()) {
        recorders.entry(&rule.record).or_default().push(index);
    }
    let alerts: Vec<usize> = (0..rules.len()).filter(|index| !rules[*index].alert.is_empty()).collect();
    let mut families = Families::new(rules.len());
    // Two rules that record the same metric may depend on their order.
    for same in recorders.values() {
        families.join(same);
    }
    for (index, rule) in rules.iter().enumerate() {
        match language.series_read(&rule.expr) {
            Some(names) => {
                for name in names {
                    if let Some(recorders) = recorders.get(name.as_str()) {
                        families.join(&[&[index], recorders.as_slice()].concat());
                    }
                    if ALERTS.contains(&name.as_str()) {
                        families.join(&[&[index], alerts.as_slice()].concat());
                    }
                }
            }
            // It may read any series.
            None => {
                let all: Vec<usize> = recorders.values().flatten().copied().collect();
                families.join(&[&[index], all.as_slice()].concat());
            }
        }
    }
    families.into_sets()
}

/// Sets of numbers that are merged step by step.
struct Families(Vec<usize>);

impl Families {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&self, mut member: usize) -> usize {
        while self.0[member] != member {
            member = self.0[member];
        }
        member
    }

    fn join(&mut self, members: &[usize]) {
        let roots: Vec<usize> = members.iter().map(|member| self.root(*member)).collect();
        if let Some(first) = roots.iter().min().copied() {
            roots.into_iter().for_each(|root| self.0[root] = first);
        }
    }

    fn into_sets(self) -> Vec<Vec<usize>> {
        let mut sets: Vec<Vec<usize>> = vec![Vec::new(); self.0.len()];
        for member in 0..self.0.len() {
            sets[self.root(member)].push(member);
        }
        sets.retain(|set| !set.is_empty());
        sets
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::language::QueryLanguage::PromQl;

    fn record(name: &str, expr: &str) -> Rule {
        Rule { record: name.into(), expr: expr.into(), ..Rule::default() }
    }

    fn alert(name: &str, expr: &str) -> Rule {
        Rule { alert: name.into(), expr: expr.into(), ..Rule::default() }
    }

    fn parts(rules: Vec<Rule>, most: usize, taken: &[&str]) -> Vec<String> {
        let group = Group { name: "g".into(), limit: 7, rules, ..Group::default() };
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        let part = |group: Group| {
            assert_eq!(group.limit, 7);
            let names: Vec<&str> = group.rules.iter().map(Rule::name).collect();
            format!("{}: {}", group.name, names.join(" "))
        };
        split(group, most, PromQl, &taken).into_iter().map(part).collect()
    }

    #[test]
    fn split_separates_independent_rules_only() {
        let rules = vec![
            alert("A", "up == 0"),
            record("x:y", "sum(up)"),
            alert("B", "down > 1"),
            alert("C", "x:y > 1"),
            alert("D", "a > b"),
        ];
        assert_eq!(parts(rules.clone(), 5, &[]), ["g: A x:y B C D"]);
        assert_eq!(parts(rules.clone(), 2, &[]), ["g: A B", "g-2: x:y C", "g-3: D"]);
        assert_eq!(parts(rules.clone(), 2, &["g-3"]), ["g: A x:y B C D"], "the name is taken");
        assert_eq!(
            parts(rules, 1, &[]),
            ["g: A", "g-2: x:y C", "g-3: B", "g-4: D"],
            "no smaller is possible"
        );
    }

    #[test]
    fn split_keeps_rules_that_may_read_anything_with_all_recording_rules() {
        let rules =
            vec![record("x", "a"), record("y", "b"), alert("A", "{__name__=~'.+'} > 1"), alert("B", "c")];
        assert_eq!(parts(rules, 1, &[]), ["g: x y A", "g-2: B"]);
        let rules = vec![alert("A", "a"), alert("B", "b"), alert("Any", "ALERTS > 1"), record("x", "a")];
        assert_eq!(parts(rules, 1, &[]), ["g: A B Any", "g-2: x"]);
    }

    proptest! {
        #[test]
        fn split_loses_no_rule_and_keeps_recording_rules_with_their_readers(
            reads in prop::collection::vec((0..6_usize, any::<bool>()), 1..20),
            most in 1..8_usize,
        ) {
            let rules: Vec<Rule> = reads
                .iter()
                .enumerate()
                .map(|(n, (read, records))| {
                    let expr = format!("m{read} > 1");
                    if *records { record(&format!("m{n}"), &expr) } else { alert(&format!("A{n}"), &expr) }
                })
                .collect();
            let group = Group { name: "g".into(), rules: rules.clone(), ..Group::default() };
            let parts = split(group, most, PromQl, &BTreeSet::new());
            let total: usize = parts.iter().map(|part| part.rules.len()).sum();
            prop_assert_eq!(total, rules.len());
            for part in &parts {
                for rule in &part.rules {
                    let read = rule.expr.split(' ').next().unwrap();
                    let recorder = rules.iter().find(|other| other.record == read);
                    prop_assert!(recorder.is_none_or(|recorder| part.rules.contains(recorder)));
                }
            }
        }
    }
}
