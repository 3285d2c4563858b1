//! What stays although nothing asks for it: objects that move, until they are where they go; kinds that are not installed;
//! and former versions of refused groups, unless they lack what their route enforces.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rulesync_expr::Enforcement;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::State;
use crate::desired::{Claim, DesiredGroup};
use crate::dialect::Dialect;
use crate::intake::template;
use crate::model::group::Group;
use crate::target::normalization::Key;

impl State {
    /// Kinds that are not installed: what is there of them stays.
    pub(in crate::target) fn set_absent_kinds(&mut self, absent: Arc<BTreeSet<Arc<str>>>) {
        self.safety.set_missing_kinds(absent);
        self.look_at_everything_with_changes(false);
    }

    /// An object has come here from elsewhere.
    pub(in crate::target) fn hand_over(&mut self, namespace: &Arc<str>, handover: Option<Arc<DropGuard>>) {
        if let Some(handover) = handover {
            self.handovers.insert(Arc::clone(namespace), handover);
        }
    }

    /// Lets go of what came from elsewhere and is in order here, or is no longer wanted; whether there was any.
    pub(in crate::target) fn let_go(&mut self) -> bool {
        let Some(observed) = self.observed.as_ref().filter(|_| !self.handovers.is_empty()) else {
            return false;
        };
        let before = self.handovers.len();
        let (desired, refusals) = (&self.desired, &self.refusals);
        self.handovers.retain(|namespace, _| {
            desired.winner(namespace).is_some_and(|claim| {
                let there: HashMap<&str, _> = observed.namespace(namespace).collect();
                let written =
                    |group: &&DesiredGroup| there.get(&*group.name) == Some(&Some(group.fingerprint));
                let waits = |group: &DesiredGroup| {
                    !written(&group) && !refusals.contains(namespace, &group.name, group.fingerprint)
                };
                // What is refused holds up nothing else, but what is refused altogether stays where it was.
                let none = claim.groups.iter().find(written).is_none();
                let refused = !claim.refused.is_empty() || !claim.groups.is_empty();
                claim.groups.iter().any(waits) || (none && refused)
            })
        });
        before > self.handovers.len()
    }

    /// What the ruler has for refused groups may be from before their matchers were enforced: the next list tells.
    pub(super) fn doubt_former(&mut self, namespace: &Arc<str>, claim: &Claim) {
        if claim.matchers.is_empty() || claim.refused.is_empty() {
            self.safety.forgive(namespace);
            return;
        }
        let groups = claim.refused.iter().map(|group| Arc::from(&**group));
        self.unproven.extend(groups.map(|group| (Arc::clone(namespace), group)));
        if self.observed.is_some() {
            self.verify = Some(self.verify.map_or(Instant::now(), |at| at.min(Instant::now())));
        }
    }

    /// What is there for refused groups stays only if it carries the matchers of their route: a former version may be
    /// from before they were enforced.
    pub(super) fn prove(&mut self, read: &HashMap<Key, Group>) {
        for (namespace, group) in std::mem::take(&mut self.proving) {
            self.unproven.remove(&(Arc::clone(&namespace), Arc::clone(&group)));
            let Some(claim) = self.desired.winner(&namespace) else { continue };
            let Some(there) = read.get(&(Arc::clone(&namespace), Arc::clone(&group))) else { continue };
            if claim.refused.iter().any(|name| **name == *group)
                && !carries(there, &claim.matchers, self.shared.ruler.dialect())
            {
                self.desired.expel(&namespace, &group);
                self.safety.expel(&namespace, Instant::now());
            }
        }
        if !self.unproven.is_empty() {
            // Refused while the list was under way.
            self.verify = Some(Instant::now());
        }
    }
}

/// Whether every selector of every rule carries the matchers.
fn carries(group: &Group, matchers: &[Enforcement], dialect: &dyn Dialect) -> bool {
    let unchanged = |expr: &str| dialect.add_matchers(expr, matchers).is_ok_and(|enforced| enforced == expr);
    template::calls(group).next().is_none() && group.rules.iter().all(|rule| unchanged(&rule.expr))
}
