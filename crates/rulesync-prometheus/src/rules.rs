//! Searches for the invalid rule of a group that the server rejects without a reason. Pure.
//!
//! The first rules of the group are tried in an additional group, which is never evaluated, so that the loaded groups
//! stay unchanged. The last rule of the shortest rejected prefix is the invalid one.

use rulesync_core::Group;
use rulesync_core::model::PromDuration;

use crate::server::cut;

/// The interval and `for` of a trial group, so that no rule of it is evaluated and no alert fires.
const NEVER: PromDuration = PromDuration::from_millis(365 * 24 * 60 * 60 * 1000);

/// The suffix of the name of a trial group.
const TRIAL: &str = " (tried by rulesync)";

/// The maximum number of bytes of an expression that are quoted.
const QUOTED_BYTES: usize = 300;

/// The search through the rules of one group that is rejected as a whole.
#[derive(Debug)]
pub(crate) struct RuleSearch {
    group: Group,
    /// The length of an accepted prefix of the rules, and `true` if that was tried.
    accepted: (usize, bool),
    /// The length of a rejected prefix.
    rejected: usize,
}

/// The result of the search.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Culprit {
    /// A rule, counted from 0.
    Rule(usize),
    /// The fields of the group itself.
    Group,
}

impl RuleSearch {
    pub(crate) fn new(group: &Group) -> Self {
        let mut group = group.clone();
        group.name.push_str(TRIAL);
        group.interval = NEVER;
        for rule in group.rules.iter_mut().filter(|rule| !rule.alert.is_empty()) {
            rule.for_duration = NEVER;
        }
        // A group without other fields can only be invalid because of its rules.
        let plain = group.labels.is_empty() && group.limit == 0 && group.query_offset.is_zero();
        Self { accepted: (0, plain), rejected: group.rules.len(), group }
    }

    /// Returns the group to try next, or the result of the search.
    pub(crate) fn next(&self) -> Result<Group, Culprit> {
        let (accepted, is_certain) = self.accepted;
        let first = match self.rejected.checked_sub(accepted) {
            // Only the group's own fields are left.
            None | Some(0) => return Err(Culprit::Group),
            Some(1) if is_certain => return Err(Culprit::Rule(accepted)),
            Some(1) => accepted,
            Some(_) => accepted.midpoint(self.rejected),
        };
        let rules = self.group.rules.get(..first).unwrap_or_default().to_vec();
        Ok(Group { rules, ..self.group.clone() })
    }

    /// Records if the prefix of length `first` was accepted.
    pub(crate) fn tried(&mut self, first: usize, is_accepted: bool) {
        if is_accepted {
            self.accepted = (first, true);
        } else {
            self.rejected = first;
        }
    }
}

/// A short description of a rule: its name and expression.
pub(crate) fn quote(group: &Group, rule: usize) -> Option<String> {
    let rule = group.rules.get(rule)?;
    let kind = if rule.alert.is_empty() { "record" } else { "alert" };
    Some(format!("{kind}: {}, expr: {}", rule.name(), cut(&rule.expr, QUOTED_BYTES)))
}

#[cfg(test)]
mod tests {
    use rulesync_core::Rule;

    use super::*;

    fn group(rules: usize) -> Group {
        let rule = |n| Rule { alert: format!("A{n}"), expr: format!("up == {n}"), ..Rule::default() };
        Group { name: "g".to_owned(), rules: (0..rules).map(rule).collect(), ..Group::default() }
    }

    /// Searches with a server that rejects one of the rules, or the group itself.
    fn search(group: &Group, bad: Option<usize>) -> (Culprit, u32) {
        let (mut search, mut tries) = (RuleSearch::new(group), 0);
        loop {
            match search.next() {
                Ok(trial) => {
                    tries += 1;
                    let is_bad = |rule: &Rule| bad.is_some_and(|bad| rule.name() == format!("A{bad}"));
                    search.tried(trial.rules.len(), bad.is_some() && !trial.rules.iter().any(is_bad));
                }
                Err(culprit) => return (culprit, tries),
            }
        }
    }

    #[test]
    fn search_finds_rule_in_logarithmic_tries() {
        for rules in 1..40 {
            for bad in 0..rules {
                let (culprit, tries) = search(&group(rules), Some(bad));
                assert_eq!(culprit, Culprit::Rule(bad));
                assert!(tries <= rules.next_power_of_two().ilog2(), "{tries} tries for {rules} rules");
            }
        }
    }

    #[test]
    fn search_may_blame_fields_of_group() {
        let labelled = Group { labels: [("a".to_owned(), "b".to_owned())].into(), ..group(5) };
        assert_eq!(search(&labelled, None).0, Culprit::Group);
        for bad in 0..5 {
            assert_eq!(search(&labelled, Some(bad)).0, Culprit::Rule(bad));
        }
    }

    #[test]
    fn trial_group_is_never_evaluated_and_has_unique_name() {
        let trial = RuleSearch::new(&group(4)).next().unwrap();
        assert_eq!((trial.name.as_str(), trial.rules.len()), ("g (tried by rulesync)", 2));
        assert_eq!((trial.interval, trial.rules[0].for_duration), (NEVER, NEVER));
    }

    #[test]
    fn quote_truncates_expression() {
        assert_eq!(quote(&group(2), 1).as_deref(), Some("alert: A1, expr: up == 1"));
        let mut long = group(1);
        long.rules[0].expr = "é".repeat(QUOTED_BYTES);
        assert!(quote(&long, 0).unwrap().len() < QUOTED_BYTES + 30);
        assert_eq!(quote(&long, 1), None);
    }
}
