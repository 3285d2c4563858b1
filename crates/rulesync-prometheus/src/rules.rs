//! Which rule of a group is at fault, when the server refuses the group and does not say why. Pure.
//!
//! The first rules of the group are tried, in a group beside the one that is at work, which is never evaluated: what
//! the server has stays as it is meanwhile. The least number of first rules that is refused ends with the one at fault.

use rulesync_core::{Group, PromDuration};

use crate::server::cut;

/// So long nothing of a group on trial is evaluated, and no alert of it fires.
const NEVER: PromDuration = PromDuration::from_millis(365 * 24 * 60 * 60 * 1000);

/// What the name of a group on trial ends in.
const TRIAL: &str = " (tried by rulesync)";

/// The most bytes of a rule that are quoted.
const QUOTED_BYTES: usize = 300;

/// The search through the rules of one group that is refused as a whole.
#[derive(Debug)]
pub(crate) struct RuleSearch {
    group: Group,
    /// So many first rules are taken; whether that was tried.
    taken: (usize, bool),
    /// So many first rules are refused.
    refused: usize,
}

/// What the search came to.
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
        // A group with nothing but rules can be at fault only by its rules.
        let plain = group.labels.is_empty() && group.limit == 0 && group.query_offset.is_zero();
        Self { taken: (0, plain), refused: group.rules.len(), group }
    }

    /// The group to try next, or the end.
    pub(crate) fn next(&self) -> Result<Group, Culprit> {
        let (taken, is_certain) = self.taken;
        let first = match self.refused.checked_sub(taken) {
            // Nothing but the group's own fields is left.
            None | Some(0) => return Err(Culprit::Group),
            Some(1) if is_certain => return Err(Culprit::Rule(taken)),
            Some(1) => taken,
            Some(_) => taken.midpoint(self.refused),
        };
        let rules = self.group.rules.get(..first).unwrap_or_default().to_vec();
        Ok(Group { rules, ..self.group.clone() })
    }

    /// What was tried was taken, or not.
    pub(crate) fn tried(&mut self, first: usize, is_taken: bool) {
        if is_taken {
            self.taken = (first, true);
        } else {
            self.refused = first;
        }
    }
}

/// A rule in few words: its name and expression.
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

    /// Searches with a server that dislikes a group for one of its rules or for itself.
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
    fn finds_the_rule_in_a_logarithm_of_tries() {
        for rules in 1..40 {
            for bad in 0..rules {
                let (culprit, tries) = search(&group(rules), Some(bad));
                assert_eq!(culprit, Culprit::Rule(bad));
                assert!(tries <= rules.next_power_of_two().ilog2(), "{tries} tries for {rules} rules");
            }
        }
    }

    #[test]
    fn a_group_with_fields_of_its_own_may_be_at_fault_itself() {
        let labelled = Group { labels: [("a".to_owned(), "b".to_owned())].into(), ..group(5) };
        assert_eq!(search(&labelled, None).0, Culprit::Group);
        for bad in 0..5 {
            assert_eq!(search(&labelled, Some(bad)).0, Culprit::Rule(bad));
        }
    }

    #[test]
    fn what_is_on_trial_is_never_evaluated_and_has_a_name_of_its_own() {
        let trial = RuleSearch::new(&group(4)).next().unwrap();
        assert_eq!((trial.name.as_str(), trial.rules.len()), ("g (tried by rulesync)", 2));
        assert_eq!((trial.interval, trial.rules[0].for_duration), (NEVER, NEVER));
    }

    #[test]
    fn a_rule_is_quoted_and_cut() {
        assert_eq!(quote(&group(2), 1).as_deref(), Some("alert: A1, expr: up == 1"));
        let mut long = group(1);
        long.rules[0].expr = "é".repeat(QUOTED_BYTES);
        assert!(quote(&long, 0).unwrap().len() < QUOTED_BYTES + 30);
        assert_eq!(quote(&long, 1), None);
    }
}
